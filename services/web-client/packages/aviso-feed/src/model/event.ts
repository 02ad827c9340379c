/** What happens in a feed: events about records. Types only. */

/**
 * JSON's values, as JSON.parse gives them, but for numbers that a double cannot hold: those are an
 * ExactNumber, at any depth (`value instanceof ExactNumber`).
 */
export type RecordData = Readonly<Record<string, unknown>>;

/**
 * A record as it was when an event happened. For `deleted`: as it was last. `id` is any text of up to
 * 1,024 characters. Version and times (RFC 3339) are there where the record's table has them: what
 * orders a record's events is their sequence.
 */
export type FeedRecord<Data = RecordData> = {
  readonly id: string;
  readonly version?: number;
  readonly created_at?: string;
  readonly updated_at?: string;
  readonly data: Data;
};

/** Why an event could not be relayed, or a row not told; `event_id` and `type` are null where there is none. */
export type Unavailable = {
  readonly event_id: string | null;
  readonly type: string | null;
  readonly cause: string;
};

/**
 * One event of a feed. `subject` is the record's id.
 * `record` is there for created, updated and deleted; `unavailable` for unavailable; `reset` for
 * reset: the feed has no records at this place, and whoever holds some drops them all.
 *
 * `listed` is nothing that happened: a record as the feed's table had it when it was read, at `time`.
 * Everything up to `sequence` is in it, and `place`, which is no other's, says where it stands.
 *
 * `left`, with a filter: the record was changed and does not match any more; it is as it is now.
 */
export type FeedEvent<Data = RecordData> = {
  readonly id: string;
  readonly type: "created" | "updated" | "deleted" | "unavailable" | "reset" | "listed" | "left";
  readonly feed: string;
  readonly epoch: string;
  readonly sequence: number;
  readonly time: string;
  readonly subject?: string;
  readonly record?: FeedRecord<Data>;
  readonly unavailable?: Unavailable;
  readonly reset?: { readonly cause: string };
  readonly place?: number;
};
