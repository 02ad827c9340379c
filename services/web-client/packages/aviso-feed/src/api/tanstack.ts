/**
 * A feed as a collection of TanStack DB: its records are the rows, kept as they change, and what is
 * written to the collection is written to the feed. Made for the version of TanStack DB in
 * `peerDependencies`; of it only types are used here.
 */

import type { CollectionConfig } from "@tanstack/db";
import { readHistory } from "../engine/options";
import type { Subscription } from "../engine/subscription";
import type { FeedRecord, RecordData } from "../model/event";
import { type AsGiven, type Filter, hasFields, readFilter } from "../model/filter";
import type { AvisoClient } from "./client";
import { followRows } from "./tanstack/feed-following";
import { rowsKeepingNumbers } from "./tanstack/kept-numbers";
import { RecordWriter } from "./tanstack/record-writer";
import type { SyncedRows } from "./tanstack/synced-rows";

/** A row: the record, with what it holds in `data`. A row to insert has an `id` (a UUID) and `data`. */
export type FeedRow<Data = RecordData> = FeedRecord<Data>;

export type AvisoCollectionUtils<Data = RecordData> = {
  /** What follows the feed, with its state; null while nothing does. */
  readonly subscription: () => Subscription<Data> | null;
  /** More records match the filter than the collection has. */
  readonly isCut: () => boolean;
};

export type AvisoCollectionOptions<Data = RecordData> = {
  readonly client: AvisoClient;
  readonly feed: string;
  /** The name of the collection. Default: `aviso:` and the feed's. */
  readonly id?: string;
  /** Only records with these values, for as long as they have them. */
  readonly filter?: Filter<Data>;
  /** How many of the newest records, at most. Default 1,000; 10,000 at most. */
  readonly limit?: number;
  /** A key that may write the feed, instead of the client's own ticket or token. */
  readonly token?: string;
  /** Milliseconds that a write waits for its event once the server has taken it. Default 5,000. */
  readonly confirmWithin?: number;
  /** Milliseconds after which a collection that nobody looks at lets go of the feed. */
  readonly gcTime?: number;
  /** Follow the feed from the beginning on, before anybody looks. Default false. */
  readonly startSync?: boolean;
};

/** What `createCollection` wants. */
export type AvisoCollectionConfig<Data> = Omit<
  CollectionConfig<FeedRow<Data>, string, never, AvisoCollectionUtils<Data>>,
  "utils" | "schema"
> & { utils: AvisoCollectionUtils<Data>; schema?: never };

const DEFAULT_LIMIT = 1_000;
const CONFIRM_WITHIN_MS = 5_000;

/**
 * The options of one collection: `createCollection(avisoCollectionOptions<Order>({ client, feed }))`.
 * `Data` is what the records hold; nothing checks that they do.
 *
 * The collection is `ready` when the newest records are there, `error` while the feed is refused
 * (`preload()` rejects with the AvisoError), and follows the feed until it is cleaned up. A write that
 * the server refuses rejects with its ApiError, and is taken back. Where there is no window (server
 * rendering) nothing is followed: it is ready, and empty. Throws AvisoError, `filter-not-valid`.
 */
export function avisoCollectionOptions<Data = RecordData>(
  options: AvisoCollectionOptions<AsGiven<Data>>,
): AvisoCollectionConfig<Data> {
  const { client, feed, filter, token, gcTime, startSync } = options;
  const limit = readHistory(options.limit, DEFAULT_LIMIT, 1);
  const fields = readFilter(filter ?? {});
  const numbers = rowsKeepingNumbers<Data>();
  let rows: SyncedRows<Data> | null = null;
  let subscription: Subscription<Data> | null = null;
  const writer = new RecordWriter<Data>({
    client,
    feed,
    token,
    confirmWithinMs: options.confirmWithin ?? CONFIRM_WITHIN_MS,
    rows: () => rows,
    isRow: (data) => hasFields(data, fields),
  });
  return {
    id: options.id ?? `aviso:${feed}`,
    getKey: ({ id }) => id,
    ...(gcTime !== undefined && { gcTime }),
    ...(startSync !== undefined && { startSync }),
    // Of no concern to the collection's type: what goes in comes out.
    ...(numbers.schema as object),
    sync: {
      rowUpdateMode: "full",
      sync(run) {
        numbers.of(run.collection);
        if (typeof window === "undefined") {
          run.markReady();
          return;
        }
        const following = followRows<Data>(client, feed, { limit, filter }, run);
        rows = following.rows;
        subscription = following.subscription;
        return () => {
          following.end();
          rows = null;
          subscription = null;
        };
      },
    },
    onInsert: ({ transaction }) => writer.insert(transaction.mutations),
    onUpdate: ({ transaction }) => writer.update(transaction.mutations),
    onDelete: ({ transaction }) => writer.remove(transaction.mutations),
    utils: {
      subscription: () => subscription,
      isCut: () => filter !== undefined && (rows?.isCut ?? false),
    },
  };
}
