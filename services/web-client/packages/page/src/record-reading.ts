/** Asks REST for records: a search's pages, one record, a record's history. Throws ReadFailure. */

import { parseExactJson } from "aviso-feed";
import type { JsonObject } from "./json";
import type { FeedRecord, Position } from "./library";

/** `status` 0: not reached, or not understood. `retryAfterMs`: when the server wants to be asked again. */
export class ReadFailure extends Error {
  constructor(
    readonly status: number,
    readonly retryAfterMs: number | null = null,
  ) {
    super(`status ${status}`);
  }
}

export interface SearchPage {
  readonly records: readonly FeedRecord[];
  /** What the page is true of: every event up to here is in it. */
  readonly position: Position;
  /** Where it goes on; null: there is nothing more. */
  readonly cursor: string | null;
  /** How many records it was found among; null: nobody counted. */
  readonly lookedAt: number | null;
}

/** What happened to a record, oldest first. */
export interface HistoryEvent {
  readonly sequence: number;
  readonly type: "created" | "updated" | "deleted" | "unavailable";
  readonly time: string;
  readonly record: FeedRecord | null;
}

const TIMEOUT_MS = 20_000;

export async function searchRecords(
  feed: string,
  parameters: URLSearchParams,
  token: string | undefined,
): Promise<SearchPage> {
  const answer = await ask(`${feedPath(feed)}records/?${parameters}`, token);
  const { results, next, position, looked_at } = answer as Record<string, unknown>;
  const { epoch, sequence } = (position ?? {}) as { epoch?: unknown; sequence?: unknown };
  if (!Array.isArray(results) || typeof epoch !== "string") throw new ReadFailure(0);
  return {
    records: results.filter(isRecord),
    position: { epoch, sequence: Number(sequence) },
    cursor: typeof next === "string" ? new URL(next).searchParams.get("cursor") : null,
    lookedAt: typeof looked_at === "number" ? looked_at : null,
  };
}

/** A record as it is now; null: there is none. */
export async function readRecord(
  feed: string,
  id: string,
  token: string | undefined,
): Promise<FeedRecord | null> {
  try {
    const answer = await ask(`${feedPath(feed)}records/${encodeURIComponent(id)}/`, token);
    if (!isRecord(answer)) throw new ReadFailure(0);
    return answer;
  } catch (error) {
    if (error instanceof ReadFailure && error.status === 404) return null;
    throw error;
  }
}

/** A record's newest events below a sequence, oldest first. */
export async function readHistory(
  feed: string,
  id: string,
  { before, limit }: { readonly before: number | null; readonly limit: number },
  token: string | undefined,
): Promise<readonly HistoryEvent[]> {
  const parameters = new URLSearchParams({ subject: id, limit: String(limit) });
  if (before !== null) parameters.set("before", String(before));
  const answer = await ask(`${feedPath(feed)}events/?${parameters}`, token);
  const { events } = answer as { events?: unknown };
  if (!Array.isArray(events)) throw new ReadFailure(0);
  return events.flatMap(historyEvent);
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

function isRecord(value: unknown): value is FeedRecord {
  const { id, data } = (value ?? {}) as { id?: unknown; data?: JsonObject };
  return typeof id === "string" && typeof data === "object" && data !== null;
}

const feedPath = (feed: string): string => `/api/v1/feeds/${encodeURIComponent(feed)}/`;

async function ask(path: string, token: string | undefined): Promise<unknown> {
  let response: Response;
  let answer: unknown;
  try {
    response = await fetch(path, {
      headers: { Accept: "application/json", ...(token && { Authorization: `Bearer ${token}` }) },
      credentials: "omit",
      cache: "no-store",
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
    answer = parsed(await response.text());
  } catch {
    throw new ReadFailure(0);
  }
  if (!response.ok) throw new ReadFailure(response.status, delayOf(response));
  if (typeof answer !== "object" || answer === null) throw new ReadFailure(0);
  return answer;
}

function parsed(text: string): unknown {
  try {
    return parseExactJson(text);
  } catch {
    return null;
  }
}

function delayOf(response: Response): number | null {
  const text = response.headers.get("Retry-After") ?? "";
  return /^\d{1,6}$/.test(text) ? Number(text) * 1000 : null;
}
