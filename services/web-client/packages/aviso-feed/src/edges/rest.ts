/** The few REST calls that a subscriber needs. `origin` "" is the page's own. */

import { readOrigin } from "../engine/options";
import type { RecordRequest, RestPort, RowsRequest } from "../engine/ports";
import { parametersOf } from "../model/filter";
import {
  type BatchPage,
  type ConnectionInfo,
  type EventsPage,
  type FeedHead,
  type FeedInfo,
  type FeedsPage,
  type FeedsQuery,
  type Range,
  type RowsPage,
  readBatchPage,
  readRowsPage,
} from "../protocol/answers";
import { call, type Fetch, feedUrl, misunderstood } from "./http";

/**
 * Where things are, at the address that was asked: a browser may have come by another name or port
 * than the server's own, and is let in there. Throws ApiError, as every call here.
 */
export async function fetchConnection(
  origin: string,
  http: Fetch = fetch,
): Promise<ConnectionInfo> {
  const info = await call(http, `${readOrigin(origin)}/api/v1/connection/`);
  for (const name of ["domain", "guest_domain", "rooms_domain", "websocket_url", "bosh_url"]) {
    if (typeof info[name] !== "string") throw misunderstood();
  }
  const { websocket_url, bosh_url } = info as { websocket_url: string; bosh_url: string };
  const base = readOrigin(origin) || globalThis.location.origin;
  return {
    ...(info as Omit<ConnectionInfo, "public_origin">),
    public_origin: originOf(bosh_url),
    websocket_url: base.replace(/^http/, "ws") + pathOf(websocket_url),
    bosh_url: base + pathOf(bosh_url),
  };
}

/** The feeds that are open to the reader, by slug in the order of ASCII. */
export async function listFeeds(
  origin: string,
  { after = null, words = "", limit = 100 }: FeedsQuery = {},
  token?: string,
  http: Fetch = fetch,
): Promise<FeedsPage> {
  const query = new URLSearchParams({ limit: String(limit) });
  if (after !== null) query.set("cursor", `after-${after}`);
  if (words !== "") query.set("q", words);
  const answer = await call(http, `${readOrigin(origin)}/api/v1/feeds/?${query}`, { token });
  if (!Array.isArray(answer.results)) throw misunderstood();
  return { feeds: answer.results as FeedInfo[], hasMore: answer.next !== null };
}

/** Epoch and head of up to 100 feeds; those that are not open to the reader are left out. */
export async function fetchHeads(
  origin: string,
  feeds: readonly string[],
  token?: string,
  http: Fetch = fetch,
): Promise<FeedHead[]> {
  const query = feeds.map(encodeURIComponent).join(",");
  const answer = await call(http, `${readOrigin(origin)}/api/v1/heads/?feeds=${query}`, { token });
  if (!Array.isArray(answer.results) || !answer.results.every(isHead)) throw misunderstood();
  return answer.results;
}

function isHead(value: unknown): value is FeedHead {
  const { slug, epoch, head } = (value ?? {}) as Partial<Record<keyof FeedHead, unknown>>;
  return typeof slug === "string" && typeof epoch === "string" && Number.isSafeInteger(head);
}

export async function fetchFeed(
  origin: string,
  feed: string,
  token?: string,
  http: Fetch = fetch,
): Promise<FeedInfo> {
  const info = await call(http, feedUrl(origin, feed), { token });
  if (typeof info.epoch !== "string" || !Number.isSafeInteger(info.head)) throw misunderstood();
  return info as FeedInfo;
}

export async function fetchEvents(
  origin: string,
  feed: string,
  range: Range,
  token?: string,
  http: Fetch = fetch,
): Promise<EventsPage> {
  const { epoch, head, batch } = await fetchBatch(origin, feed, range, token, http);
  return { epoch, head, events: batch?.items.flatMap((item) => item.event ?? []) ?? [] };
}

async function fetchBatch(
  origin: string,
  feed: string,
  { after, limit }: Range,
  token?: string,
  http: Fetch = fetch,
): Promise<BatchPage> {
  const url = `${feedUrl(origin, feed)}events/?after=${after}&limit=${limit}`;
  const page = readBatchPage(await call(http, url, { token }), feed);
  if (page === null) throw misunderstood();
  return page;
}

async function fetchRows(
  origin: string,
  feed: string,
  { cursor, limit, fields, signal }: RowsRequest,
  token?: string,
  http: Fetch = fetch,
): Promise<RowsPage> {
  const query = new URLSearchParams(parametersOf(fields));
  query.set("position", "true");
  query.set("limit", String(limit));
  if (cursor !== null) query.set("cursor", cursor);
  const page = readRowsPage(
    await call(http, `${feedUrl(origin, feed)}records/?${query}`, { token, signal }),
  );
  if (page === null) throw misunderstood();
  return page;
}

async function callRecord(
  origin: string,
  feed: string,
  { id, ...request }: RecordRequest,
  token?: string,
  http: Fetch = fetch,
): Promise<Readonly<Record<string, unknown>>> {
  const records = `${feedUrl(origin, feed)}records/`;
  const url = id === undefined ? records : `${records}${encodeURIComponent(id)}/`;
  return call(http, url, { ...request, token });
}

/** What the engine asks. */
export function restOver(http: Fetch): RestPort {
  return {
    connection: (origin) => fetchConnection(origin, http),
    feed: (origin, feed, token) => fetchFeed(origin, feed, token, http),
    events: (origin, feed, range, token) => fetchBatch(origin, feed, range, token, http),
    rows: (origin, feed, page, token) => fetchRows(origin, feed, page, token, http),
    record: (origin, feed, request, token) => callRecord(origin, feed, request, token, http),
  };
}

/** Any other answer of the API, an object; `url` as feedUrl gives it. */
export async function fetchAnswer(
  url: string,
  token?: string,
  http: Fetch = fetch,
): Promise<Readonly<Record<string, unknown>>> {
  return call(http, url, { token });
}

function originOf(url: string): string {
  try {
    return new URL(url).origin;
  } catch {
    throw misunderstood();
  }
}

/** The server's own host may be the one behind a proxy. */
function pathOf(url: string): string {
  const { pathname, search } = new URL(url, "http://unused.invalid");
  return pathname + search;
}
