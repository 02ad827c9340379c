/**
 * A log of the newest events of feeds, which outlives the page: the port, and the rule that every log
 * keeps. Events and position are written together or not at all, so what is read is always a feed as
 * it was at that position, and going on from there misses nothing.
 *
 * Pure: no clock, no database.
 */

import type { FeedEvent } from "./event";
import type { Position } from "./positions";

/**
 * Whose, and of which feed. `origin`: the server's, "" the page's own. `reader`: "" for what everybody
 * may read, else a name for him who may.
 */
export type LogKey = { readonly origin: string; readonly reader: string; readonly feed: string };

export type Whose = { readonly origin: string; readonly reader?: string };

export const isOf = (key: LogKey, { origin, reader }: Whose): boolean =>
  key.origin === origin && (reader === undefined || key.reader === reader);

/** What is kept of a feed. `events` may be fewer than there were: the newest, in order, without hole. */
export type Kept = {
  readonly position: Position;
  readonly events: readonly FeedEvent[];
  /** Where the archive goes on, for the engine alone. */
  readonly anchor: string | null;
  /** It is the list of a table, which events alone do not bring up to date. */
  readonly isListed: boolean;
  /** When it was written, in milliseconds since 1970. */
  readonly at: number;
};

/** `events` lead from one position to the next. `from` null: what was kept before is over. */
export type Passage = {
  readonly from: Position | null;
  readonly to: Position;
  readonly events: readonly FeedEvent[];
  readonly anchor: string | null;
};

/** `full`: there is no room for more; `unavailable`: this browser keeps nothing for us. */
export type LogState = "working" | "full" | "unavailable";

/** None of these rejects: what cannot be kept is a state. */
export interface EventLog {
  readonly state: LogState;
  /** Whether feeds that not everybody may read are kept too. */
  readonly keepsPrivate: boolean;
  readonly limit: LogLimit;
  /** Returns the function that ends it. */
  onState(listener: (state: LogState) => void): () => void;
  read(key: LogKey): Promise<Kept | null>;
  /** What does not follow what is kept takes its place; what is kept already is passed over. */
  append(key: LogKey, passage: Passage): Promise<void>;
  drop(key: LogKey): Promise<void>;
  /** Let go of everything of this reader's at this server; without a reader, of everybody's there. */
  wipe(whose: Whose): Promise<void>;
}

export type LogLimit = {
  /** Of each feed: so many events, and bytes of them as JSON in UTF-8. */
  readonly events: number;
  readonly bytes: number;
  /** So many feeds: those that were written last. */
  readonly feeds: number;
};

export type LogOptions = {
  readonly limit?: Partial<LogLimit>;
  /** Keep also feeds that not everybody may read. Whoever uses this browser can then read them. */
  readonly private?: boolean;
};

const LIMIT: LogLimit = { events: 1_000, bytes: 4_194_304, feeds: 20 };

export const limitOf = (options: LogOptions): LogLimit => ({ ...LIMIT, ...options.limit });

/** `anew`: it takes the place of what is kept. Else those events that are not there yet. */
export type Joined =
  | { readonly kind: "anew" }
  | { readonly kind: "known" }
  | { readonly kind: "after"; readonly events: readonly FeedEvent[] };

/** How a passage joins what is kept: other tabs write the same feed, and each event counts once. */
export function join(kept: Position | null, { from, to, events }: Passage): Joined {
  if (kept === null || from === null || kept.epoch !== to.epoch) return { kind: "anew" };
  if (to.sequence <= kept.sequence) return { kind: "known" };
  if (from.sequence > kept.sequence) return { kind: "anew" };
  return { kind: "after", events: events.filter(({ sequence }) => sequence > kept.sequence) };
}

/** So much is let go of at once. */
const PIECES = 10;

/** Events in pieces, in order, each a tenth of the limit at most, or a single event. */
export function inPieces<Sized extends { readonly bytes: number }>(
  events: readonly Sized[],
  limit: LogLimit,
): Sized[][] {
  const pieces: Sized[][] = [];
  let bytes = 0;
  for (const event of events) {
    const last = pieces.at(-1);
    bytes += event.bytes;
    const isFull =
      last === undefined || last.length * PIECES >= limit.events || bytes * PIECES > limit.bytes;
    if (isFull) {
      pieces.push([event]);
      bytes = event.bytes;
    } else last.push(event);
  }
  return pieces;
}
