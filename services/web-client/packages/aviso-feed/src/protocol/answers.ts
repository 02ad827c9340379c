/** What the server says over REST. Types, and the one answer that is read piece by piece. */

import type { FeedEvent, FeedRecord } from "../model/event";
import type { Batch, Gap, Item } from "../model/positions";
import { MalformedError, readEvent, readSequence } from "./events";

/** The most events that the server gives at once. */
export const MAX_EVENTS = 1000;

/** Where a client finds things: `GET /api/v1/connection/`. */
export type ConnectionInfo = {
  readonly domain: string;
  readonly guest_domain: string;
  /** Not there on servers that take no tickets. */
  readonly ticket_domain?: string;
  readonly rooms_domain: string;
  /** At the address that was asked, as is the next one. */
  readonly websocket_url: string;
  readonly bosh_url: string;
  /** The address that the server calls its own. */
  readonly public_origin: string;
  readonly registration: string;
};

/** A feed as `GET /api/v1/feeds/` lists it. `head` is its newest sequence. */
export type FeedInfo = {
  readonly slug: string;
  readonly title: string;
  readonly visibility: "public" | "private";
  readonly schema: Readonly<Record<string, unknown>> | null;
  readonly room: string;
  readonly epoch: string;
  readonly head: number;
  readonly created_at: string;
  /** The table whose rows are its records; null or not there: it has records of its own. */
  readonly table?: {
    readonly schema: string;
    readonly name: string;
    readonly columns: readonly string[];
    readonly key: readonly string[];
  } | null;
};

/** Rows of a feed's table, the newest key first, and the position that they belong to. */
export type RowsPage = {
  readonly epoch: string;
  /** Every event up to here is in them, and those of `contains`, both ends included. */
  readonly sequence: number;
  readonly contains: readonly Gap[];
  /** `cause`: why the row has no form. */
  readonly rows: readonly (FeedRecord | { readonly id: string; readonly cause: string })[];
  /** Where it goes on; null: these are the last ones. */
  readonly cursor: string | null;
};

export type FeedHead = { readonly slug: string; readonly epoch: string; readonly head: number };

export type FeedsQuery = {
  /** Only feeds behind this slug. */
  readonly after?: string | null;
  /** Only feeds in whose slug or title each of these words begins one. */
  readonly words?: string;
  /** From 1 to 1,000. */
  readonly limit?: number;
};

export type FeedsPage = {
  readonly feeds: readonly FeedInfo[];
  /** There are feeds behind the last one. */
  readonly hasMore: boolean;
};

/** Events `after` a sequence, `limit` of them at most. */
export type Range = { readonly after: number; readonly limit: number };

export type EventsPage = {
  readonly epoch: string;
  readonly head: number;
  /** In order. */
  readonly events: readonly FeedEvent[];
};

/** An EventsPage as the engine wants it: with the places of what could not be read. */
export type BatchPage = {
  readonly epoch: string;
  readonly head: number;
  /** null: nothing after `after`. */
  readonly batch: Batch | null;
  readonly unknownTypes: readonly string[];
  /** How many events kept their place but are not what the contract says. */
  readonly unreadable: number;
};

/**
 * The last tier of catching up. An event that is not what the contract says loses its content but
 * keeps its place: there is nobody left to ask for it. null: this is no page of events.
 */
export function readBatchPage(answer: Record<string, unknown>, feed: string): BatchPage | null {
  const { epoch, head, events } = answer;
  if (typeof epoch !== "string" || !Array.isArray(events)) return null;
  if (typeof head !== "number" || !Number.isSafeInteger(head)) return null;
  const items: Item[] = [];
  const unknownTypes: string[] = [];
  let unreadable = 0;
  for (const value of events) {
    try {
      const { sequence, event, unknownType } = readEvent(value, feed, epoch);
      items.push({ sequence, event });
      if (unknownType !== null) unknownTypes.push(unknownType);
    } catch (error) {
      if (!(error instanceof MalformedError)) throw error;
      unreadable += 1;
      const sequence = readSequence(value?.feedseq);
      if (sequence !== null) items.push({ sequence, event: null });
    }
  }
  items.sort((a, b) => a.sequence - b.sequence);
  const first = items[0]?.sequence;
  const last = items.at(-1)?.sequence;
  const batch = first === undefined || last === undefined ? null : { epoch, first, last, items };
  return { epoch, head, batch, unknownTypes, unreadable };
}

/** null: it is not what the contract says. */
export function readRowsPage(answer: Readonly<Record<string, unknown>>): RowsPage | null {
  const { results, next, position } = answer;
  const { epoch, sequence, contains } = (position ?? {}) as Readonly<Record<string, unknown>>;
  const upTo = sequence === "0" ? 0 : readSequence(sequence);
  if (typeof epoch !== "string" || upTo === null) return null;
  if (!Array.isArray(results) || !Array.isArray(contains)) return null;
  const ranges = contains.map((range: unknown) => (Array.isArray(range) ? range : []));
  const gaps = ranges.map(([from, to]) => ({
    from: readSequence(from) ?? 0,
    to: readSequence(to) ?? 0,
  }));
  if (gaps.some(({ from, to }) => from === 0 || to < from)) return null;
  if (!results.every(isRow)) return null;
  const cursor = typeof next === "string" ? new URL(next).searchParams.get("cursor") : null;
  return { epoch, sequence: upTo, contains: gaps, rows: results, cursor };
}

function isRow(value: unknown): value is RowsPage["rows"][number] {
  const { id, data, cause } = (value ?? {}) as Readonly<Record<string, unknown>>;
  const isData = typeof data === "object" && data !== null && !Array.isArray(data);
  return typeof id === "string" && id !== "" && (isData || typeof cause === "string");
}
