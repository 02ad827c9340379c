/**
 * What the engine needs from outside, handed in: one engine, two hosts (a browser, a test).
 * Types only.
 */

import type { FieldValue } from "../model/filter";
import type { BatchPage, ConnectionInfo, FeedInfo, Range, RowsPage } from "../protocol/answers";
import type { ArchiveRange } from "../protocol/archive-query";
import type { ReadStanza } from "../protocol/stanzas";
import type { Credentials, Transport } from "./options";
import type { Timings } from "./timings";

export type Timer = unknown;

export type HostListener = {
  /** The browser says that it is online again. */
  online(): void;
  offline(): void;
  /** Somebody looks at the page again; a laptop may have slept meanwhile. */
  wake(): void;
  /** The page goes for good. */
  leave(): void;
};

export type ClockPort = {
  /** Milliseconds that only go forward, from no date; they may stand still while the computer sleeps. */
  now(): number;
  /**
   * Milliseconds since 1970 by the clock that people set, to be shown. It may be wrong by hours: no
   * time of a server's is held against it.
   */
  wall(): number;
  /** 0 ≤ random < 1. */
  random(): number;
  setTimer(callback: () => void, delayMs: number): Timer;
  clearTimer(timer: Timer): void;
};

export type HostPort = ClockPort & {
  readonly rest: RestPort;
  readonly openLink: OpenLink;
  /** Returns the function that stops watching. */
  watch(listener: HostListener): () => void;
};

/** What is asked over REST, at an `origin` ("" is the page's own). All reject with ApiError. */
export type RestPort = {
  connection(origin: string): Promise<ConnectionInfo>;
  feed(origin: string, feed: string, token: string | undefined): Promise<FeedInfo>;
  events(origin: string, feed: string, range: Range, token: string | undefined): Promise<BatchPage>;
  /** The feed's table's rows, or its records, that have these fields. `cursor` null: the newest. */
  rows(
    origin: string,
    feed: string,
    page: RowsRequest,
    token: string | undefined,
  ): Promise<RowsPage>;
  /** Gives the answer's members; none where it has no body. Rejects as the request's `signal` does, too. */
  record(
    origin: string,
    feed: string,
    request: RecordRequest,
    token: string | undefined,
  ): Promise<Readonly<Record<string, unknown>>>;
};

export type RowsRequest = {
  readonly cursor: string | null;
  readonly limit: number;
  readonly fields: readonly FieldValue[];
  readonly signal?: AbortSignal | undefined;
};

/** One of a feed's records is asked for or written; without an `id`: new ones. */
export type RecordRequest = {
  readonly id?: string;
  /** Default: POST with a body, GET without one. */
  readonly method?: "PUT" | "PATCH" | "DELETE";
  readonly body?: unknown;
  /** Only where the record is of this version still. */
  readonly version?: number | undefined;
  /** The same write again answers with the first one's result. */
  readonly idempotencyKey?: string | undefined;
  readonly signal?: AbortSignal | undefined;
};

/** REST as the reader of one feed sees it. */
export type FeedPort = {
  feed(): Promise<Pick<FeedInfo, "epoch" | "head" | "table">>;
  events(range: Range): Promise<BatchPage>;
  rows(cursor: string | null, limit: number): Promise<RowsPage>;
  pause(ms: number): Promise<void>;
  /** As of ClockPort. */
  now(): number;
  wall(): number;
};

/** A room's archive as the reader of its feed sees it. */
export type ArchivePort = {
  /** Rejects with a RequestError. */
  page(
    range: ArchiveRange,
    max: number,
    take: (message: ArchivedMessage) => void,
  ): Promise<ArchivePage>;
  /** As of ClockPort. */
  now(): number;
  wall(): number;
};

/** A message of an archive, read. `size`: its text's length, in UTF-16 units. */
export type ArchivedMessage = {
  readonly stanzaId: string;
  readonly read: ReadStanza;
  readonly size: number;
};

/** The end of a page. Its messages were given out before, one by one, oldest first. */
export type ArchivePage = {
  /** The ids of its first and last message; null where it had none. */
  readonly first: string | null;
  readonly last: string | null;
  /** The range has no more. */
  readonly isComplete: boolean;
};

export type LinkRequest = {
  readonly url: string;
  readonly transport: Transport;
  /** The domain to log in at. */
  readonly domain: string;
  readonly credentials: Login;
  /** Keeps what resuming a dead stream takes; the same object for one connection's links. */
  readonly memory: ResumeMemory;
};

export type Login =
  | Exclude<Credentials, { kind: "ticket" }>
  | { readonly kind: "ticket"; readonly username: string; readonly ticket: string };

/** XEP-0198 state by key. Never leaves this page's memory. */
export type ResumeMemory = Map<string, unknown>;

export type LinkEnd =
  /** Never opened, or died. */
  | { readonly kind: "lost"; readonly reason: string }
  /** The server does not take the credentials. */
  | { readonly kind: "refused"; readonly reason: string }
  /** The server ended this session for another one of the same reader: he has too many. */
  | { readonly kind: "replaced"; readonly reason: string };

export type LinkListener = {
  /** Before it is up: the line is open, or the server said something. */
  progress(): void;
  /** The session is there. `resumed`: the server goes on where the last link died. */
  up(jid: string, resumed: boolean): void;
  /** A stanza came: message, presence or iq. */
  stanza(element: Element): void;
  /** At most once, and not after `close` or `drop`. */
  down(end: LinkEnd): void;
};

/** One XMPP stream. */
export interface LinkPort {
  send(stanza: string): void;
  /** Say goodbye. Nothing can be resumed. */
  close(): void;
  /** Let go without a word, as if the network had died: it may be resumed. */
  drop(): void;
}

export type OpenLink = (request: LinkRequest, listener: LinkListener) => LinkPort;

/** How long a request waits. */
export type Patience = {
  /** So many milliseconds without anything on the connection. Default: Timings.answerTimeout. */
  readonly timeoutMs: number;
  /** When a part of the answer came last, by `ClockPort.now`. Default: no part of it did. */
  readonly heardAt: () => number;
  /** It asks a room's archive, which few at a time may: it may have to wait for its turn first. */
  readonly isOfArchive?: boolean;
};

/** What a room needs of the connection above it. */
export interface StreamPort {
  readonly clock: ClockPort;
  readonly timings: Timings;
  readonly isUp: boolean;
  send(stanza: string): void;
  /** How we are called in every room, as long as this stream lives. */
  readonly nick: string;
  /** Send an iq and wait for its answer. Rejects with a RequestError. */
  request(
    type: "get" | "set",
    to: string,
    payload: string,
    patience?: Partial<Patience>,
  ): Promise<Element>;
  /** Look whether the stream is alive, soon. */
  check(): void;
  /** It gave what it is there for. */
  noteUse(): void;
  /** Milliseconds since anything came on the stream. */
  silence(): number;
  /** A random word, for ids and nicks. */
  word(): string;
}
