/** What the engine needs of an XMPP stream. strophe-link.ts is the real one. Types only. */

import type { Credentials, Transport } from "../model/types";

export type LinkRequest = {
  readonly url: string;
  readonly transport: Transport;
  /** The domain to log in at. */
  readonly domain: string;
  readonly credentials: Login;
  /** Keeps what resuming a dead stream takes; the same object for one session's links. */
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
  /** The session is there. `resumed`: the server goes on where the last link died. */
  up(jid: string, resumed: boolean): void;
  /** A stanza came: message, presence or iq. */
  stanza(element: Element): void;
  /** At most once, and not after `close` or `drop`. */
  down(end: LinkEnd): void;
};

export interface Link {
  send(stanza: string): void;
  /** Say goodbye. Nothing can be resumed. */
  close(): void;
  /** Let go without a word, as if the network had died: it may be resumed. */
  drop(): void;
}

export type OpenLink = (request: LinkRequest, listener: LinkListener) => Link;
