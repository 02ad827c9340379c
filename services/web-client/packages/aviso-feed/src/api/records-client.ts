/** A feed's records, asked for and written over REST with a client's own rights. */

import type { FeedConnection } from "../engine/feed-connection";
import type { RecordRequest } from "../engine/ports";
import type { AskOptions, SessionRest } from "../engine/session-rest";
import { ApiError, AvisoError, ConflictError } from "../model/errors";
import type { FeedRecord, RecordData } from "../model/event";
import { type AsGiven, type Filter, readFilter } from "../model/filter";
import type { Gap, Position } from "../model/positions";

export type ReadOptions = AskOptions;

export type ListOptions<Data = RecordData> = AskOptions & {
  /** Only records with these values. */
  readonly filter?: Filter<Data> | undefined;
  /** From 1 to 1,000. Default 100. */
  readonly limit?: number | undefined;
  /** `next` of the page before, for what follows it. */
  readonly cursor?: string | null | undefined;
};

/** Plain values, but for an ExactNumber in what the records hold: `stringifyExactJson` writes it. */
export type RecordsPage<Data = RecordData> = {
  readonly feed: string;
  /** What was asked for; null: everything. */
  readonly filter: Filter<Data> | null;
  /** The newest first; of a table the last key first. */
  readonly records: readonly FeedRecord<Data>[];
  /** Rows of a table that have no form, and why. */
  readonly unavailable: readonly { readonly id: string; readonly cause: string }[];
  /** What the page is true of: a subscription that begins there goes on without hole, and tells nothing twice. */
  readonly position: Position & { readonly contains: readonly Gap[] };
  /** The `cursor` of what follows; null: there is no more. A page may be short, and not the last. */
  readonly next: string | null;
};

export type WriteOptions = AskOptions & {
  /** The same write again with it answers with the first one's result. */
  readonly idempotencyKey?: string | undefined;
};

export type CreateOptions = WriteOptions & {
  /** A UUID. Default: the server makes one. The same write again then changes nothing. */
  readonly id?: string | undefined;
};

export type UpdateOptions = WriteOptions & {
  /** Only where the record is of this version still; else the error is a ConflictError. */
  readonly version?: number | undefined;
};

/** A record to be; `id` is a UUID. */
export type NewRecord<Data = RecordData> = {
  readonly id?: string | undefined;
  readonly data: Data;
};

/** What changes: members with their new values, null for one that goes (RFC 7396). */
export type RecordPatch<Data> = {
  readonly [Name in keyof Data]?:
    | (Data[Name] extends object ? RecordPatch<Data[Name]> | Data[Name] : Data[Name])
    | null;
};

/**
 * All of these reject with ApiError; with AvisoError where the session is refused (its `code`) or
 * `renewTicket` gives no ticket (`ticket-not-renewed`); and as `signal` does. A server that says when to
 * come again is asked again, for ten seconds at most. A ticket that has ended, or is not taken, is
 * renewed first. An account's token comes over its stream: its calls connect, and wait 15 s at most.
 */
export abstract class RecordsClient {
  /** @internal */
  protected abstract readonly connection: FeedConnection;
  /** @internal */
  protected abstract readonly session: SessionRest;

  /** A page of records as they are now. Throws AvisoError, `filter-not-valid`. */
  async list<Data = RecordData>(
    feed: string,
    options: ListOptions<AsGiven<Data>> = {},
  ): Promise<RecordsPage<Data>> {
    const { filter = null, limit = 100, cursor = null, signal } = options;
    const fields = readFilter(filter ?? {});
    const { origin, host } = this.connection;
    const page = await this.session.ask(
      (token) => host.rest.rows(origin, feed, { cursor, limit, fields, signal }, token),
      options,
    );
    const { epoch, sequence, contains, rows } = page;
    return {
      feed,
      filter: filter as Filter<Data> | null,
      records: rows.filter((row) => "data" in row) as FeedRecord<Data>[],
      unavailable: rows.filter((row) => "cause" in row),
      position: { epoch, sequence, contains },
      next: page.cursor,
    };
  }

  /** A record as it is now. Rejects with `not-found`; with `unavailable` for a table's row that has no form. */
  async get<Data = RecordData>(
    feed: string,
    id: string,
    options: ReadOptions = {},
  ): Promise<FeedRecord<Data>> {
    const row = await this.#record(feed, { id }, options);
    if (typeof row.cause === "string") throw new AvisoError("unavailable", row.cause);
    return row as FeedRecord<Data>;
  }

  async create<Data = RecordData>(
    feed: string,
    data: Data,
    { id, ...options }: CreateOptions = {},
  ): Promise<FeedRecord<Data>> {
    const body = id === undefined ? { data } : { id, data };
    return (await this.#record(feed, { body }, options)) as FeedRecord<Data>;
  }

  /** All of them or none, 1 to 1,000. Gives their ids. */
  async createAll<Data = RecordData>(
    feed: string,
    records: readonly NewRecord<Data>[],
    options: WriteOptions = {},
  ): Promise<readonly string[]> {
    const { ids } = await this.#record(feed, { body: records }, options);
    return ids as readonly string[];
  }

  /** Change what `changes` names and leave the rest (JSON Merge Patch). What is equal changes nothing. */
  async update<Data = RecordData>(
    feed: string,
    id: string,
    changes: RecordPatch<AsGiven<Data>>,
    options: UpdateOptions = {},
  ): Promise<FeedRecord<Data>> {
    return this.#change(feed, { id, method: "PATCH", body: { data: changes } }, options);
  }

  /** Put `data` in the place of the record's. What is equal changes nothing, nor the version. */
  async replace<Data = RecordData>(
    feed: string,
    id: string,
    data: Data,
    options: UpdateOptions = {},
  ): Promise<FeedRecord<Data>> {
    return this.#change(feed, { id, method: "PUT", body: { data } }, options);
  }

  async remove(feed: string, id: string, options: UpdateOptions = {}): Promise<void> {
    await this.#change(feed, { id, method: "DELETE" }, options);
  }

  async #change<Data>(
    feed: string,
    request: RecordRequest & { readonly id: string; readonly body?: { readonly data: unknown } },
    options: UpdateOptions,
  ): Promise<FeedRecord<Data>> {
    try {
      return (await this.#record(feed, request, options)) as FeedRecord<Data>;
    } catch (error) {
      if (!(error instanceof ApiError && error.status === 412)) throw error;
      const { token, signal } = options;
      const current = await this.get<Data>(feed, request.id, { token, signal }).catch(() => null);
      throw new ConflictError<Data>(error, current, request.body?.data ?? null);
    }
  }

  #record(
    feed: string,
    request: RecordRequest,
    { token, ...how }: UpdateOptions,
  ): Promise<Readonly<Record<string, unknown>>> {
    const { origin, host } = this.connection;
    return this.session.ask(
      (shown) => host.rest.record(origin, feed, { ...request, ...how }, shown),
      { token, signal: how.signal },
    );
  }
}
