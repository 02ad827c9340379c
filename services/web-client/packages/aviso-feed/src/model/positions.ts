/**
 * The rule that keeps a feed in order, without hole, once: apply position + 1, drop what is at or
 * below, hold what is above. Live stanzas, resumed stanzas, archive pages and REST pages all go
 * through it alike, in any order and as many times as they like.
 *
 * Pure: no DOM, no Strophe, no clock, no network.
 */

import type { FeedEvent } from "./event";

/**
 * How far somebody has read a feed. `sequence` 0: nothing yet. `contains`: later events that he has as
 * well, as those who begin with a list of records do.
 */
export type Position = {
  readonly epoch: string;
  readonly sequence: number;
  readonly contains?: readonly Gap[];
};

/** An event and its place. `event` null: nothing to give out, but its place is taken. */
export type Item = { readonly sequence: number; readonly event: FeedEvent | null };

/** What one message or page says: `items` in order, without hole, `first` to `last`. */
export type Batch = {
  readonly epoch: string;
  readonly first: number;
  /** `first - 1` where `items` is empty: the epoch begins, or goes on, after it. */
  readonly last: number;
  readonly items: readonly Item[];
};

export type Offered =
  /** `events` may be shown now, in this order. */
  | { readonly kind: "taken"; readonly events: readonly FeedEvent[] }
  /** The batch belongs to another epoch than the one followed; nothing changed. */
  | { readonly kind: "other-epoch" };

/** Sequences that are missing: `from` to `to`, both included. */
export type Gap = { readonly from: number; readonly to: number };

/**
 * Follows one feed. Before `begin` there is no position, and every epoch is another one.
 *
 * Invariants: every sequence up to `position.sequence` was given out once or lies before the
 * beginning; nothing held is at or below it; `known` is the highest sequence that anyone named.
 */
export class Follower {
  #position: Position | null = null;
  #known = 0;
  readonly #held = new Map<number, Item>();

  get position(): Position | null {
    return this.#position;
  }

  /** The highest sequence known to exist in this epoch. */
  get known(): number {
    return this.#known;
  }

  /** How many events are known to exist and are not given out. */
  get left(): number {
    return this.#position === null ? 0 : Math.max(0, this.#known - this.#position.sequence);
  }

  /** The first hole, or null when everything known was given out. */
  get gap(): Gap | null {
    if (this.#position === null || this.left === 0) return null;
    const from = this.#position.sequence + 1;
    let to = this.#known;
    for (const sequence of this.#held.keys()) to = Math.min(to, sequence - 1);
    return { from, to };
  }

  /**
   * Begin at `position`, or begin again there. In the same epoch, what is held above stays, and is
   * given out where it follows at once; in another epoch, everything held is forgotten.
   */
  begin(position: Position): readonly FeedEvent[] {
    if (this.#position?.epoch !== position.epoch) this.forget();
    this.#position = position;
    this.#known = Math.max(this.#known, position.sequence);
    for (const sequence of this.#held.keys()) {
      if (sequence <= position.sequence) this.#held.delete(sequence);
    }
    return this.#release();
  }

  /** Forget position and everything held. */
  forget(): void {
    this.#position = null;
    this.#known = 0;
    this.#held.clear();
  }

  /** Somebody says that the epoch's events go up to `sequence`. Ignored for another epoch. */
  learn(epoch: string, sequence: number): void {
    if (this.#position?.epoch === epoch) this.#known = Math.max(this.#known, sequence);
  }

  offer(batch: Batch): Offered {
    const position = this.#position;
    if (position === null || position.epoch !== batch.epoch) return { kind: "other-epoch" };
    this.#known = Math.max(this.#known, batch.last);
    for (const item of batch.items) {
      if (item.sequence > position.sequence && !this.#held.has(item.sequence)) {
        this.#held.set(item.sequence, item);
      }
    }
    return { kind: "taken", events: this.#release() };
  }

  #release(): FeedEvent[] {
    const events: FeedEvent[] = [];
    if (this.#position === null) return events;
    let next = this.#position.sequence + 1;
    for (let item = this.#held.get(next); item !== undefined; item = this.#held.get(next)) {
      this.#held.delete(next);
      if (item.event !== null) events.push(item.event);
      next += 1;
    }
    if (next - 1 !== this.#position.sequence) {
      this.#position = { epoch: this.#position.epoch, sequence: next - 1 };
    }
    return events;
  }
}
