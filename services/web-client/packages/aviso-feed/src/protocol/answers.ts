/** What the server says over REST. Types, and the one answer that is read piece by piece. */

import type { FeedEvent } from "../model/event";
import type { Batch, Item } from "../model/positions";
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
};

export type FeedHead = { readonly slug: string; readonly epoch: string; readonly head: number };

export type FeedsQuery = {
  /** Only feeds behind this slug. */
  readonly after?: string | null;
  /** Only feeds whose slug begins with this. */
  readonly beginning?: string;
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
