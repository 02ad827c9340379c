/** How far a reader has seen a feed, here or elsewhere, and how much of it is unread and new to him. Pure. */

import type { FeedEvent, Position, ResetDetail } from "./library";

export class ReadProgress {
  /** Entries after this sequence count as new to the reader. */
  newAfter = Number.POSITIVE_INFINITY;

  #seen: Position | null;
  #lookedAtUpTo: Position | null = null;
  /** Events since then. Not the distance of two positions: some places have nothing to see. */
  #unread = 0;

  /** `seen`: how far he had seen it before, where that is known. */
  constructor(seen: Position | null) {
    this.#seen = seen;
  }

  /** How far he has seen it, or where it began. */
  get seen(): Position | null {
    return this.#seen;
  }

  /** How far it was seen here; null: it was not looked at. */
  get lookedAtUpTo(): Position | null {
    return this.#lookedAtUpTo;
  }

  get unread(): number {
    return this.#unread;
  }

  /**
   * He has seen it this far, as is known from somewhere else; null: nothing is known. `at`: how far it
   * goes. `isOther`: it is another reader from now on.
   */
  adopt(seen: Position | null, at: Position | null, isOther: boolean): void {
    if (isOther) this.#lookedAtUpTo = null;
    if (at === null) {
      if (isOther || seen !== null) this.#seen = seen;
    } else if (seen?.epoch === at.epoch) {
      const left = Math.max(0, at.sequence - seen.sequence);
      const isFurther = this.#seen?.epoch === seen.epoch && seen.sequence >= this.#seen.sequence;
      // Some places have nothing to see: what was counted is never too much.
      this.#unread = isFurther ? Math.min(left, this.#unread) : left;
      this.#seen = seen;
    } else if (isOther) {
      this.#seen = at;
      this.#unread = 0;
    }
  }

  /** The feed is there up to this: what it began with is no news, and the count starts here. */
  begin(at: Position | null): void {
    if (this.#seen !== null) return;
    this.#seen = at;
    this.newAfter = at?.sequence ?? 0;
  }

  /** He looks from now on: what he had not seen is new. */
  look(): void {
    if (this.#seen !== null) this.newAfter = this.#seen.sequence;
  }

  /** He sees all of it. */
  see(at: Position | null): void {
    if (this.#seen === null) return;
    this.#seen = at ?? this.#seen;
    this.#lookedAtUpTo = this.#seen;
    this.#unread = 0;
  }

  count(events: readonly FeedEvent[]): void {
    const seen = this.#seen;
    if (seen === null) return;
    this.#unread += events.filter(
      ({ sequence, type, place }) =>
        sequence > seen.sequence && type !== "reset" && place === undefined,
    ).length;
  }

  /** The feed begins anew behind this; null: nothing of it is known any more. */
  reset(position: ResetDetail | null): void {
    const skipped = position?.skipped;
    if (skipped === undefined) {
      this.#unread = 0;
      this.#lookedAtUpTo = null;
      if (this.#seen !== null && position !== null) this.#seen = position;
    } else if (this.#seen !== null) this.#unread += skipped.to - skipped.from + 1;
    this.newAfter = position?.sequence ?? 0;
  }

  /** What was seen in another epoch says nothing about this one. */
  dropOtherEpoch(epoch: string | undefined): void {
    if (epoch === undefined || this.#seen === null || this.#seen.epoch === epoch) return;
    this.forget();
    this.newAfter = Number.POSITIVE_INFINITY;
  }

  forget(): void {
    this.#seen = null;
    this.#lookedAtUpTo = null;
    this.#unread = 0;
  }
}
