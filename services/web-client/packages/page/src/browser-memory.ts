/**
 * What this browser remembers of feeds for a guest, over a reload. Guests read public feeds alone: the
 * name of a private one never comes here.
 */

import { changeMark, dropOldest, type FeedMemory, furthest, MOST_REMEMBERED } from "./feed-memory";
import type { Mark, Position } from "./library";
import { rememberedMarks, rememberedPositions, rememberMarks, rememberPositions } from "./storage";

export class BrowserMemory implements FeedMemory {
  readonly #seen = new Map(rememberedPositions());
  readonly #marks = new Map(rememberedMarks());
  readonly #changed = new Set<string>();

  constructor() {
    dropOldest(this.#seen);
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
    if (this.#changed.size === 0) return;
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
