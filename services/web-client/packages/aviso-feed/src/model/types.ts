/** The words of the library's interface. Types only: nothing here runs. */

import type { FeedSession } from "../engine/session";

/** How far somebody has read a feed. `sequence` 0: nothing yet. */
export type Position = { readonly epoch: string; readonly sequence: number };

/**
 * JSON's values, as JSON.parse gives them, but for numbers that a double cannot hold: those are an
 * ExactNumber, at any depth (`value instanceof ExactNumber`).
 */
export type RecordData = Readonly<Record<string, unknown>>;

/**
 * A record as it was when an event happened. For `deleted`: as it was last. `id` is any text of up to
 * 1,024 characters. Version and times (RFC 3339) are there where the record's table has them: what
 * orders a record's events is their sequence.
 */
export type FeedRecord = {
  readonly id: string;
  readonly version?: number;
  readonly created_at?: string;
  readonly updated_at?: string;
  readonly data: RecordData;
};

/** Why an event could not be relayed, or a row not told; `event_id` and `type` are null where there is none. */
export type Unavailable = {
  readonly event_id: string | null;
  readonly type: string | null;
  readonly cause: string;
};

/**
 * One event of a feed. `subject` is the record's id.
 * `record` is there for created, updated and deleted; `unavailable` for unavailable; `reset` for
 * reset: the feed has no records at this place, and whoever holds some drops them all.
 */
export type FeedEvent = {
  readonly id: string;
  readonly type: "created" | "updated" | "deleted" | "unavailable" | "reset";
  readonly feed: string;
  readonly epoch: string;
  readonly sequence: number;
  readonly time: string;
  readonly subject?: string;
  readonly record?: FeedRecord;
  readonly unavailable?: Unavailable;
  readonly reset?: { readonly cause: string };
};

/**
 * What is true of a feed at this moment.
 *
 * - `connecting`: on the way to the server or into the room.
 * - `catching-up`: `left` events are known to exist and are not applied yet.
 * - `live`: everything known to exist is applied; new events come by themselves.
 * - `offline`: no connection, or no room; tried again at `retryAt` (null: when the browser is
 *   online again, or, before `connect()`/`start()` and after `close()`/`stop()`, never by itself).
 * - `refused`: the server does not take these credentials, or the feed is not open to them. Tried
 *   again only with others: a new ticket, a grant. `code` is the reason for programs.
 *
 * `reason` is a sentence for a person.
 */
export type FeedState =
  | { readonly kind: "connecting" }
  | { readonly kind: "catching-up"; readonly left: number }
  | { readonly kind: "live" }
  | {
      readonly kind: "offline";
      readonly reason: string;
      readonly retryAt: Date | null;
      readonly code?: OfflineCode;
    }
  | { readonly kind: "refused"; readonly reason: string; readonly code: RefusalCode };

/**
 * - `server-error`: the server answers, and cannot do what is asked of it.
 * - `other-address`: it is not to be had at this address; `reason` says at which.
 */
export type OfflineCode = "too-many-requests" | "server-error" | "other-address";

/**
 * - `credentials`: name and password.
 * - `not-open`: there is no such feed, or it is not open to this reader.
 * - `no-longer-open`: it was, until now.
 * - `too-many-sessions`: this reader has as many sessions as may be, and a newer one took this one's
 *   place. `connect()` after `close()` takes it back.
 * - `ticket-ended`, `ticket-malformed`, `ticket-refused`: a fresh one is needed.
 */
export type RefusalCode =
  | "credentials"
  | "not-open"
  | "no-longer-open"
  | "too-many-sessions"
  | "ticket-ended"
  | "ticket-malformed"
  | "ticket-refused";

/** What is true of the connection that feeds share. */
export type SessionState =
  | { readonly kind: "connecting" }
  | { readonly kind: "online"; readonly jid: string }
  | Extract<FeedState, { kind: "offline" | "refused" }>;

export type Credentials =
  | { readonly kind: "guest" }
  | { readonly kind: "account"; readonly username: string; readonly password: string }
  /** Made by `POST /api/v1/tickets/`; "" where `renewTicket` gives the first one too. */
  | { readonly kind: "ticket"; readonly ticket: string };

export type Transport = "websocket" | "bosh";

export type EventsDetail = {
  /** In order, without hole, each once. Never empty. */
  readonly events: readonly FeedEvent[];
  /** True: just happened. False: caught up with (history, gaps, after being away). */
  readonly live: boolean;
};

export type ProblemDetail = {
  /** A sentence for a person. Never an event's content. */
  readonly message: string;
  /** `page-too-old`: an event of a type or version that this library does not know. */
  readonly code: "malformed" | "page-too-old" | "untrusted" | "missing";
};

export type FeedClientEvents = {
  /** A fresh ticket is needed: give it to `setTicket`. */
  "ticket-expiring": CustomEvent<{ readonly feed: string; readonly expiresAt: Date }>;
  state: CustomEvent<FeedState>;
  events: CustomEvent<EventsDetail>;
  /** The position moved on, and there was nothing to give out: readers were let in or put out. */
  position: CustomEvent<Position>;
  /**
   * What was given out so far belongs to another life of the feed: forget what is shown.
   * The events after this position follow.
   */
  reset: CustomEvent<Position>;
  problem: CustomEvent<ProblemDetail>;
};

export type ReaderDetail = { readonly feed: string; readonly change: "granted" | "revoked" };

export type FeedSessionEvents = {
  state: CustomEvent<SessionState>;
  /** REST may be asked with other rights than before: a token came, or a ticket. */
  bearer: CustomEvent<null>;
  /** The server hints that this account was let into a feed, or put out of it. */
  reader: CustomEvent<ReaderDetail>;
  /** A fresh ticket is needed: give it to `setTicket`. */
  "ticket-expiring": CustomEvent<{ readonly expiresAt: Date }>;
};

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

export type FeedSessionOptions = {
  /** Where Aviso is served, e.g. `https://aviso.example`. Default: the page's own origin. */
  readonly origin?: string;
  /** Default: guest. */
  readonly credentials?: Credentials;
  /** Asked for a fresh ticket before the one at hand ends, and where the server refuses it. */
  readonly renewTicket?: () => Promise<string>;
  /** Default `auto`: WebSocket, and BOSH where a WebSocket cannot be had. */
  readonly transport?: "auto" | Transport;
};

export type FeedOptions = {
  /** Go on after this position instead of beginning with the history. */
  readonly position?: Position;
  /** How many of the newest events to begin with when there is no position. Default 100. */
  readonly history?: number;
  /** A key for the REST calls, instead of the session's own token or ticket. */
  readonly token?: string;
};

export type FeedClientOptions = FeedOptions &
  FeedSessionOptions & {
    readonly feed: string;
    /** Short for `credentials: {kind: "ticket", ticket}`. */
    readonly ticket?: string;
    /** Share this connection; `origin`, `credentials` and `transport` are then the session's. */
    readonly session?: FeedSession;
  };
