/** Folds a feed's events into records. Pure: no DOM, no clock, no network. */

import type { FeedEvent, FeedRecord } from "./types";

export type EntryState = "present" | "deleted" | "unavailable";

/**
 * One line of what a reader sees. `key` is the record's id, or `event:<id>` for an event that could
 * not be relayed. `sequence` is that of the event with which the entry appeared, `event` the newest.
 */
export type RecordEntry = {
  readonly key: string;
  readonly state: EntryState;
  readonly sequence: number;
  readonly record: FeedRecord | null;
  readonly event: FeedEvent;
};

/** What one `apply` or `clear` changed. `added` and `changed` hold keys. */
export type StoreChange = {
  readonly added: readonly string[];
  readonly changed: readonly string[];
  readonly cleared: boolean;
};

export declare class RecordStore {
  readonly size: number;
  /** 0 is the newest. */
  at(index: number): RecordEntry | undefined;
  get(key: string): RecordEntry | undefined;
  /** Newest first, like Array.slice. */
  slice(start: number, end: number): RecordEntry[];
  apply(events: readonly FeedEvent[]): StoreChange;
  clear(): void;
  /** Returns the function that ends the subscription. */
  subscribe(listener: (change: StoreChange) => void): () => void;
}
