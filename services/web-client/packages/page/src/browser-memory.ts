/**
 * What this browser remembers of feeds for a guest, over a reload and in all of its tabs. Guests read
 * public feeds alone: the name of a private one never comes here.
 */

import { changeMark, dropOldest, type FeedMemory, furthest, MOST_REMEMBERED } from "./feed-memory";
import type { Mark, Position } from "./library";
import {
  onRememberedElsewhere,
  rememberedMarks,
  rememberedPositions,
  rememberMarks,
  rememberPositions,
} from "./storage";

/** So long what was seen is gathered before the other tabs know, and so often at most: all is written. */
const GATHER_MS = 1_000;
const PACE_MS = 5_000;

export class BrowserMemory implements FeedMemory {
  readonly #seen = new Map(rememberedPositions());
  readonly #marks = new Map(rememberedMarks());
  /** What was seen of these is not written down yet. */
  readonly #changed = new Set<string>();
  #savedAt = Number.NEGATIVE_INFINITY;
  #timer: ReturnType<typeof setTimeout> | undefined;

  /** `onTold`: these were seen, or marked, in another tab. */
  constructor(onTold: (slugs: readonly string[]) => void = () => {}) {
    dropOldest(this.#seen);
    onRememberedElsewhere(() => {
      const slugs = new Set([...this.#takeSeen(), ...this.#takeMarks()]);
      if (slugs.size > 0) onTold([...slugs]);
    });
  }

  seenOf(slug: string): Position | null {
    return this.#seen.get(slug) ?? null;
  }

  noteSeen(slug: string, position: Position): void {
    const before = this.#seen.get(slug);
    if (before?.epoch === position.epoch && before.sequence >= position.sequence) return;
    this.#seen.delete(slug);
    this.#seen.set(slug, position);
    dropOldest(this.#seen);
    this.#changed.add(slug);
    const wait = Math.max(GATHER_MS, this.#savedAt + PACE_MS - Date.now());
    this.#timer ??= setTimeout(() => this.save(), wait);
  }

  begin(slug: string, position: Position): void {
    if (this.#seen.get(slug)?.epoch !== position.epoch) this.noteSeen(slug, position);
  }

  has(slug: string, mark: Mark): boolean {
    return this.#marks.get(slug)?.has(mark) ?? false;
  }

  withMark(mark: Mark): readonly string[] {
    return [...this.#marks.keys()].filter((slug) => this.has(slug, mark)).sort();
  }

  mark(slug: string, mark: Mark, isSet: boolean): void {
    const marks = this.#marks.get(slug) ?? new Set();
    if (!changeMark(marks, mark, isSet)) return;
    this.#marks.delete(slug);
    if (marks.size > 0) this.#marks.set(slug, marks);
    dropOldest(this.#marks);
    this.#keepMarks([slug]);
  }

  /** They are not there any more, or not everybody's. */
  forget(slugs: readonly string[]): void {
    const marked = slugs.filter((slug) => this.#marks.delete(slug));
    if (marked.length > 0) this.#keepMarks(marked);
    const seen = slugs.filter((slug) => this.#seen.delete(slug));
    if (seen.length === 0) return;
    for (const slug of seen) this.#changed.add(slug);
    this.save();
  }

  /** Other tabs write too, and the furthest counts. */
  save(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (this.#changed.size === 0) return;
    this.#savedAt = Date.now();
    const kept = new Map(rememberedPositions());
    for (const slug of this.#changed) {
      const there = kept.get(slug);
      kept.delete(slug);
      const seen = this.#seen.get(slug);
      if (seen !== undefined) kept.set(slug, furthest(seen, there));
    }
    this.#changed.clear();
    dropOldest(kept);
    rememberPositions(kept);
  }

  /** Returns of which feeds another tab has seen more. */
  #takeSeen(): string[] {
    return rememberedPositions().flatMap(([slug, there]) => {
      const own = this.#seen.get(slug);
      // What is not written down yet is newer than what is there of another epoch.
      const isNews =
        own?.epoch === there.epoch ? own.sequence < there.sequence : !this.#changed.has(slug);
      if (!isNews) return [];
      this.#seen.set(slug, there);
      return slug;
    });
  }

  /** Each of ours is written down at once: what is there is all that there is. Returns what is another. */
  #takeMarks(): string[] {
    const there = new Map(rememberedMarks());
    const marked = new Set([...this.#marks.keys(), ...there.keys()]);
    const listed = (marks: ReadonlySet<Mark> | undefined) => [...(marks ?? [])].sort().join();
    const changed = [...marked].filter(
      (slug) => listed(this.#marks.get(slug)) !== listed(there.get(slug)),
    );
    this.#marks.clear();
    for (const [slug, marks] of there) this.#marks.set(slug, marks);
    return changed;
  }

  /** Write down what changed; other tabs write too. */
  #keepMarks(changed: readonly string[]): void {
    const kept = new Map(rememberedMarks());
    for (const slug of changed) {
      kept.delete(slug);
      const marks = this.#marks.get(slug);
      if (marks !== undefined) kept.set(slug, marks);
    }
    rememberMarks([...kept].slice(-MOST_REMEMBERED));
  }
}
