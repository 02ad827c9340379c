/**
 * Up to which message of a room's archive nothing is missing, and which later ones came already. It is
 * known by ids that the room gave to messages whose events were all given out. Pure.
 */

import type { FeedEvent } from "../model/event";
import type { Batch } from "../model/positions";

/** More than this is not kept: it is found in the archive again. */
const MAX_HELD = 10_000;

/** A message that was not given out, as something before it is missing. */
type Held = { readonly first: number; readonly last: number; readonly stanzaId: string };

export class ArchiveAnchor {
  #id: string | null = null;
  #held: Held[] = [];
  #since: bigint | null = null;

  /** The newest stanza-id up to which nothing is missing; null: none is known. */
  get id(): string | null {
    return this.#id;
  }

  /** When the newest event that was given out happened, in microseconds since 1970. */
  get since(): bigint | null {
    return this.#since;
  }

  /** Go on from what was kept. */
  restore(id: string | null): void {
    this.#id = id;
  }

  /** This message came. */
  hold({ first, last }: Batch, stanzaId: string): void {
    if (this.#held.length < MAX_HELD) this.#held.push({ first, last, stanzaId });
  }

  /** Every event up to this one was given out. */
  moveTo(sequence: number): void {
    if (this.#held.length === 0) return;
    for (const { last, stanzaId } of this.#held) {
      const isNewer = this.#id === null || BigInt(stanzaId) > BigInt(this.#id);
      if (last <= sequence && isNewer) this.#id = stanzaId;
    }
    this.#held = this.#held.filter(({ last }) => last > sequence);
  }

  /** These were given out. */
  noteTime(events: readonly FeedEvent[]): void {
    const time = Date.parse(events.at(-1)?.time ?? "");
    if (!Number.isNaN(time)) this.#since = BigInt(time) * 1000n;
  }

  /** The last id before the message that begins with this event; null: that did not come yet. */
  endBefore(first: number): bigint | null {
    const held = this.#held.find((each) => each.first === first);
    return held === undefined ? null : BigInt(held.stanzaId) - 1n;
  }

  /** Nothing is known of the room's ids any more. */
  clear(): void {
    this.#id = null;
    this.#held = [];
    this.#since = null;
  }
}
