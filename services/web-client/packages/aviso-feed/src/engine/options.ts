/**
 * What programs and pages ask for, read in one place: what makes no sense becomes the default, and the
 * console says so, once.
 */

import type { RecordData } from "../model/event";
import type { Filter } from "../model/filter";
import type { Gap, Position } from "../model/positions";
import { isEpoch } from "../protocol/events";

export type Transport = "websocket" | "bosh";

export type Credentials =
  | { readonly kind: "guest" }
  | { readonly kind: "account"; readonly username: string; readonly password: string }
  /** Made by `POST /api/v1/tickets/`; "" where `renewTicket` gives the first one too. */
  | { readonly kind: "ticket"; readonly ticket: string };

export type ConnectionOptions = {
  /** Default: guest. */
  readonly credentials?: Credentials;
  /** Asked for a fresh ticket before the one at hand ends, and where the server refuses it. */
  readonly renewTicket?: () => Promise<string>;
  /** Default `auto`: WebSocket, and BOSH where a WebSocket cannot be had. */
  readonly transport?: "auto" | Transport;
};

export type SubscriptionOptions<Data = RecordData> = {
  /**
   * Only records with these values. It begins with the newest `history` of them, listed, and goes on
   * with what happens to them: one that begins to match comes as the event that made it so, one that
   * ceases to match as `left`. `{}`: all records, listed.
   */
  readonly filter?: Filter<Data>;
  /** Go on after this position, a subscription's or a page's, instead of beginning with the history. */
  readonly position?: Position;
  /** How many of the newest events, or records, to begin with when there is no position. Default 100. */
  readonly history?: number;
  /**
   * More events than this are not caught up with: a `reset` says which were `skipped`, and it goes on
   * with the newest `history`. Default: whatever is missing comes.
   */
  readonly catchUpLimit?: number;
  /** A key for the REST calls, instead of the client's own token or ticket. */
  readonly token?: string;
};

/** More events than this nobody begins with; the rest is there for scrolling back. */
const MOST_HISTORY = 10_000;

/** Where only the newest records are shown, more missed events than this are not asked for. */
export const CATCH_UP_LIMIT = 1_000;

/** The scheme, host and port of an address; "" stands for the page's own. */
export function readOrigin(value: unknown): string {
  if (isMissing(value)) return "";
  const url = typeof value === "string" ? addressOf(value) : null;
  if (url === null) {
    return insteadOf("origin", value, "an address such as https://aviso.example", "");
  }
  if (url.href !== `${url.origin}/`) {
    warn(`origin is ${shown(value)}; of an address only ${url.origin} counts`);
  }
  return url.origin;
}

/** A number of events; as a number, or as digits. */
export function readHistory(value: unknown, otherwise: number, least = 0): number {
  if (value === undefined || value === null) return otherwise;
  const isDigits = typeof value === "string" && /^\s*\d{1,9}\s*$/.test(value);
  const count = isDigits ? Number(value) : value;
  if (typeof count === "number" && Number.isInteger(count) && count >= least) {
    if (count <= MOST_HISTORY) return count;
    return insteadOf("history", value, `at most ${MOST_HISTORY}`, MOST_HISTORY);
  }
  return insteadOf("history", value, `a whole number from ${least} on`, otherwise);
}

/** Infinity: no limit. */
export function readCatchUpLimit(value: unknown): number {
  if (value === undefined || value === null || value === Infinity) return Infinity;
  if (Number.isSafeInteger(value) && Number(value) >= 1) return Number(value);
  const wanted = "a whole number from 1 on";
  return insteadOf("catchUpLimit", value, wanted, Infinity, "no limit");
}

export function readPosition(value: unknown): Position | null {
  if (value === undefined || value === null) return null;
  const { epoch, sequence, contains = [] } = value as Record<string, unknown>;
  const isPlace = Number.isSafeInteger(sequence) && Number(sequence) >= 0;
  if (isEpoch(epoch) && isPlace && Array.isArray(contains) && contains.every(isGap)) {
    const ranges = contains.length > 0 && { contains };
    return { epoch, sequence: Number(sequence), ...ranges };
  }
  return insteadOf("position", value, "an epoch and a sequence, as a client gave them", null);
}

const isGap = (value: unknown): value is Gap => {
  const { from, to } = (value ?? {}) as Record<string, unknown>;
  return Number.isSafeInteger(from) && Number.isSafeInteger(to);
};

/** In the order in which they are tried. */
export function readTransports(value: unknown): readonly Transport[] {
  const all: readonly Transport[] = ["websocket", "bosh"];
  if (value === undefined || value === null || value === "auto") return all;
  const found = all.find((transport) => transport === value);
  return found ? [found] : insteadOf("transport", value, "auto, websocket or bosh", all);
}

/** What to keep in the browser: an attribute that is not there is null, and one that is only set "". */
export function readKeep(value: unknown): "" | "public" | "private" {
  if (value === undefined || value === null) return "";
  if (value === "" || value === "public") return "public";
  if (value === "private") return "private";
  return insteadOf("keep", value, "public or private", "public");
}

const isMissing = (value: unknown): boolean =>
  value === undefined || value === null || value === "";

function addressOf(text: string): URL | null {
  try {
    const url = new URL(text.trim());
    return url.protocol === "https:" || url.protocol === "http:" ? url : null;
  } catch {
    return null;
  }
}

function insteadOf<Value>(
  name: string,
  value: unknown,
  wanted: string,
  instead: Value,
  used = Array.isArray(instead) ? "auto" : JSON.stringify(instead),
): Value {
  warn(`${name} is ${shown(value)}, expected ${wanted}; ${used} is used`);
  return instead;
}

function shown(value: unknown): string {
  return typeof value === "number" ? String(value) : JSON.stringify(value);
}

/** What the console was told already. Bounded: a page may make such values without end. */
const told = new Set<string>();
const MOST_TOLD = 100;

/** Tell the console a sentence, once. */
export function warn(sentence: string): void {
  if (told.has(sentence) || told.size >= MOST_TOLD) return;
  told.add(sentence);
  console.warn(`aviso: ${sentence}.`);
}
