/**
 * Events that wait because the reader paused, or reads further down a list that is full. The newest of
 * them are kept; how many there were stays known. Pure.
 */

import { sizeOf } from "aviso-feed";
import { KEPT_AFTER_TRIM, MOST_KEPT, MOST_KEPT_BYTES } from "./kept-limits";
import type { FeedEvent } from "./library";

export class HeldEvents {
  #events: FeedEvent[] = [];
  #bytes = 0;
  #count = 0;

  /** How many wait, with those that were let go. */
  get count(): number {
    return this.#count;
  }

  add(events: readonly FeedEvent[]): void {
    for (const event of events) {
      this.#events.push(event);
      this.#bytes += sizeOf(event);
    }
    this.#count += events.length;
    if (this.#events.length > MOST_KEPT) this.#keepNewest(KEPT_AFTER_TRIM);
    while (this.#bytes > MOST_KEPT_BYTES && this.#events.length > 1) {
      this.#keepNewest(Math.floor(this.#events.length / 4) || 1);
    }
  }

  #keepNewest(count: number): void {
    this.#events = this.#events.slice(-count);
    this.#bytes = this.#events.reduce((sum, event) => sum + sizeOf(event), 0);
  }

  /** None wait any more. `hasHole`: the oldest were let go before. */
  take(): { readonly events: readonly FeedEvent[]; readonly hasHole: boolean } {
    const taken = { events: this.#events, hasHole: this.#count > this.#events.length };
    this.clear();
    return taken;
  }

  clear(): void {
    this.#events = [];
    this.#bytes = 0;
    this.#count = 0;
  }
}
