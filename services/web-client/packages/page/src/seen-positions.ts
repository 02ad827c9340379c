/**
 * How far the reader has seen each feed, the last 5,000 of them: public ones in localStorage too. The
 * name of a private feed is nobody's business who uses the browser next, so it stays in memory.
 */

import { MOST_LISTED } from "./feed-listing";
import type { Position } from "./library";
import { rememberedPositions, rememberPositions } from "./storage";

/** As many as the list keeps: what was seen of one feed is not forgotten for looking at the others. */
export const MOST_SEEN = MOST_LISTED;

interface Seen {
  readonly position: Position;
  readonly isPublic: boolean;
}

export class SeenPositions {
  /** The one noted last stands last. */
  readonly #seen = new Map<string, Seen>();
  readonly #changed = new Set<string>();

  constructor() {
    for (const [slug, position] of rememberedPositions()) {
      this.#seen.set(slug, { position, isPublic: true });
    }
    dropOldest(this.#seen);
  }

  get(slug: string): Position | null {
    return this.#seen.get(slug)?.position ?? null;
  }

  note(slug: string, position: Position, isPublic: boolean): void {
    const before = this.#seen.get(slug);
    if (before?.isPublic === isPublic && isSame(before.position, position)) return;
    this.#seen.delete(slug);
    this.#seen.set(slug, { position, isPublic });
    dropOldest(this.#seen);
    this.#changed.add(slug);
  }

  forgetPrivate(): void {
    for (const [slug, { isPublic }] of this.#seen) {
      if (isPublic) continue;
      this.#seen.delete(slug);
      this.#changed.delete(slug);
    }
  }

  /** Write down what changed; other tabs write too, and the furthest counts. */
  save(): void {
    if (this.#changed.size === 0) return;
    const kept = new Map(rememberedPositions());
    for (const slug of this.#changed) {
      const there = kept.get(slug);
      kept.delete(slug);
      const seen = this.#seen.get(slug);
      if (seen?.isPublic) kept.set(slug, furthest(seen.position, there));
    }
    this.#changed.clear();
    dropOldest(kept);
    rememberPositions(kept);
  }
}

const isSame = (one: Position, other: Position): boolean =>
  one.epoch === other.epoch && one.sequence === other.sequence;

const furthest = (own: Position, there: Position | undefined): Position =>
  there?.epoch === own.epoch && there.sequence > own.sequence ? there : own;

function dropOldest(map: Map<string, unknown>): void {
  for (const slug of map.keys()) {
    if (map.size <= MOST_SEEN) return;
    map.delete(slug);
  }
}
