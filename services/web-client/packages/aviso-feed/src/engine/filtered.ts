/** What a filter lets through of a feed's events, and which records leave the part that it shows. */

import type { FeedEvent } from "../model/event";
import { type FieldValue, hasFields } from "../model/filter";

/** Of more records than these it is not known whether they were given out. */
const MOST_KEYS = 20_000;

export class Filtered {
  /** Keys of what was given out and matches; null: nobody knows which. */
  #keys: Set<string> | null = null;

  constructor(private readonly fields: readonly FieldValue[]) {}

  /** These were listed, and nothing else was given out. */
  begin(listed: readonly FeedEvent[]): void {
    this.#keys = new Set();
    for (const event of listed) this.#add(event);
  }

  /**
   * As it is for whoever has the part that matches; null: nothing happened there. Where it is not known
   * what he has, whatever was changed and does not match has left.
   */
  pass(event: FeedEvent): FeedEvent | null {
    const { type, record } = event;
    if (type === "reset") this.#keys?.clear();
    if (record === undefined) return event;
    if (type !== "deleted" && hasFields(record.data, this.fields)) {
      this.#add(event);
      return event;
    }
    const wasIn = this.#keys?.delete(keyOf(event)) ?? type !== "created";
    if (!wasIn) return null;
    return type === "deleted" ? event : { ...event, type: "left" };
  }

  #add(event: FeedEvent): void {
    if (event.record === undefined) return;
    this.#keys?.add(keyOf(event));
    if ((this.#keys?.size ?? 0) > MOST_KEYS) this.#keys = null;
  }
}

const keyOf = ({ subject, record }: FeedEvent): string => subject ?? record?.id ?? "";
