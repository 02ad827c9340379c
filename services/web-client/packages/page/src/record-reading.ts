/** Asks REST for records: a search's pages, one record, a record's history. Throws ApiError. */

import { ApiError, feedUrl, fetchAnswer, sizeOf } from "aviso-feed";
import type { JsonObject } from "./json";
import type { FeedRecord, Position } from "./library";

export interface SearchPage {
  readonly records: readonly FeedRecord[];
  /** What the page is true of: every event up to here is in it. */
  readonly position: Position;
  /** Where it goes on; null: there is nothing more. */
  readonly cursor: string | null;
  /** How many records it was found among; null: nobody counted. */
  readonly lookedAt: number | null;
}

/** After the event with this sequence, written at `time`; 0 and null: before every event. */
export interface Moment {
  readonly sequence: number;
  readonly time: Date | null;
  /** The oldest event that is kept. */
  readonly oldest: number;
}

export interface PastPage {
  readonly records: readonly FeedRecord[];
  readonly moment: Moment;
  /** Where it goes on; null: there is nothing more. */
  readonly cursor: string | null;
}

/** What happened to a record, oldest first. */
export interface HistoryEvent {
  readonly sequence: number;
  readonly type: "created" | "updated" | "deleted" | "unavailable";
  readonly time: string;
  readonly record: FeedRecord | null;
}

export async function searchRecords(
  feed: string,
  parameters: URLSearchParams,
  token: string | undefined,
): Promise<SearchPage> {
  const answer = await fetchAnswer(`${feedUrl("", feed)}records/?${parameters}`, token);
  const { results, next, position, looked_at } = answer;
  const { epoch, sequence } = (position ?? {}) as { epoch?: unknown; sequence?: unknown };
  if (!Array.isArray(results) || typeof epoch !== "string") throw misunderstood();
  return {
    records: results.filter(isRecord),
    position: { epoch, sequence: Number(sequence) },
    cursor: cursorOf(next),
    lookedAt: typeof looked_at === "number" ? looked_at : null,
  };
}

/** A feed's records as they were; `parameters` have `at`. */
export async function readPast(
  feed: string,
  parameters: URLSearchParams,
  token: string | undefined,
): Promise<PastPage> {
  const answer = await fetchAnswer(`${feedUrl("", feed)}records/?${parameters}`, token);
  const { results, next, at } = answer;
  const { sequence, time, oldest } = (at ?? {}) as Record<string, unknown>;
  if (!Array.isArray(results) || typeof sequence !== "number") throw misunderstood();
  return {
    records: results.filter(isRecord),
    moment: {
      sequence,
      time: typeof time === "string" ? new Date(time) : null,
      oldest: typeof oldest === "number" ? oldest : 1,
    },
    cursor: cursorOf(next),
  };
}

/** A record as it is now; null: there is none. */
export async function readRecord(
  feed: string,
  id: string,
  token: string | undefined,
): Promise<FeedRecord | null> {
  try {
    const answer = await fetchAnswer(
      `${feedUrl("", feed)}records/${encodeURIComponent(id)}/`,
      token,
    );
    if (!isRecord(answer)) throw misunderstood();
    return answer;
  } catch (error) {
    if (error instanceof ApiError && error.status === 404) return null;
    throw error;
  }
}

export interface HistoryPage {
  /** Oldest first. */
  readonly events: readonly HistoryEvent[];
  /** There may be some before them. */
  readonly hasMore: boolean;
}

/** The server gives fewer than were asked for where they are 4 MiB of JSON: to be sure, from a part of it on. */
const CUT_FROM_BYTES = 1024 * 1024;

/** A record's newest events below a sequence. */
export async function readHistory(
  feed: string,
  id: string,
  { before, limit }: { readonly before: number | null; readonly limit: number },
  token: string | undefined,
): Promise<HistoryPage> {
  const parameters = new URLSearchParams({ subject: id, limit: String(limit) });
  if (before !== null) parameters.set("before", String(before));
  const answer = await fetchAnswer(`${feedUrl("", feed)}events/?${parameters}`, token);
  const { events } = answer;
  if (!Array.isArray(events)) throw misunderstood();
  const hasMore = events.length >= limit || sizeOf(events) >= CUT_FROM_BYTES;
  return { events: events.flatMap(historyEvent), hasMore };
}

function historyEvent(value: unknown): HistoryEvent[] {
  const { feedseq, type, time, data } = (value ?? {}) as Record<string, unknown>;
  const kind = /^aviso\.record\.(created|updated|deleted|unavailable)\.v1$/.exec(String(type))?.[1];
  if (kind === undefined || typeof time !== "string") return [];
  return [
    {
      sequence: Number(feedseq),
      type: kind as HistoryEvent["type"],
      time,
      record: isRecord(data) ? data : null,
    },
  ];
}

function cursorOf(next: unknown): string | null {
  return typeof next === "string" ? new URL(next).searchParams.get("cursor") : null;
}

function isRecord(value: unknown): value is FeedRecord {
  const { id, data } = (value ?? {}) as { id?: unknown; data?: JsonObject };
  return typeof id === "string" && typeof data === "object" && data !== null;
}

const misunderstood = (): ApiError =>
  new ApiError(0, "The server answered something else.", null, null, { isAnswered: true });
