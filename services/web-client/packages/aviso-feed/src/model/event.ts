/** What happens in a feed: events about records. Types only. */

/**
 * JSON's values, as JSON.parse gives them, but for numbers that a double cannot hold: those are an
 * ExactNumber, at any depth (`value instanceof ExactNumber`).
 */
export type RecordData = Readonly<Record<string, unknown>>;

/** A record as it was when an event happened. For `deleted`: as it was last. Times are RFC 3339. */
export type FeedRecord<Data = RecordData> = {
  readonly id: string;
  readonly version: number;
  readonly created_at: string;
  readonly updated_at: string;
  readonly data: Data;
};

/** Why an event could not be relayed; `event_id` and `type` are null where they were unreadable. */
export type Unavailable = {
  readonly event_id: string | null;
  readonly type: string | null;
  readonly cause: string;
};

/**
 * One event of a feed. `subject` is the record's id.
 * `record` is there for created, updated and deleted; `unavailable` for unavailable.
 */
export type FeedEvent<Data = RecordData> = {
  readonly id: string;
  readonly type: "created" | "updated" | "deleted" | "unavailable";
  readonly feed: string;
  readonly epoch: string;
  readonly sequence: number;
  readonly time: string;
  readonly subject?: string;
  readonly record?: FeedRecord<Data>;
  readonly unavailable?: Unavailable;
};
