/**
 * What a subscription needs below it: a connection, and a room for its feed. The connection may be
 * this tab's own or one that tabs share (tabs/). Types only.
 */

import type { ConnectionInfo } from "../protocol/answers";
import type { ArchiveRange } from "../protocol/archive-query";
import type { FeedMarks, MarksChange } from "../protocol/marks";
import type { ReadStanza } from "../protocol/stanzas";
import type { Ticket } from "../protocol/ticket";
import type { Log } from "./debug-log";
import type { ConnectionEvents } from "./emitted";
import type { Transport } from "./options";
import type { ArchivedMessage, ArchivePage, HostPort, StreamPort } from "./ports";
import type { ConnectionState } from "./states";

export type RoomState =
  | { readonly kind: "joining" }
  | { readonly kind: "in" }
  | {
      readonly kind: "out";
      readonly reason: string;
      readonly retryAt: Date;
      /** The room said no to us; or it is not there, which it says alike. */
      readonly isShut: boolean;
    };

export type RoomListener = {
  state(state: RoomState): void;
  /** A live message that may be believed, and the id that the archive gave it. */
  message(read: ReadStanza, stanzaId: string | null): void;
  /** A live feed message came from somebody who has no say. */
  untrusted(): void;
};

export interface FeedRoom {
  readonly state: RoomState;
  /** Go in, if nobody is yet. Returns the function that leaves. */
  attach(listener: RoomListener): () => void;
  rejoin(): void;
  /**
   * Read the archive: `take` is called with each message as it comes. Rejects with a RequestError;
   * what was taken until then is good, and more may still come.
   */
  page(
    range: ArchiveRange,
    max: number,
    take: (message: ArchivedMessage) => void,
  ): Promise<ArchivePage>;
  /** Ask the room whether we are in it. Rejects where nobody answers. */
  isStillIn(): Promise<boolean>;
}

export interface FeedConnection {
  /** "" is the page's own. */
  readonly origin: string;
  readonly host: HostPort;
  readonly log: Log;
  readonly state: ConnectionState;
  /** The one that is read by now; null before the first, and where it is no ticket's. */
  readonly ticket: Ticket | null;
  /** How the connection runs at the moment; null without one. */
  readonly transport: Transport | null;
  readonly stream: Pick<StreamPort, "clock" | "timings" | "check">;
  /** Returns the function that ends it. */
  on<Name extends keyof ConnectionEvents>(
    name: Name,
    listener: (detail: ConnectionEvents[Name]) => void,
  ): () => void;
  /** Where things are; asked once a connection. */
  info(): Promise<ConnectionInfo>;
  /** Ask the server over REST, unless it said not to come before a time that is not yet. */
  rest<Answer>(question: () => Promise<Answer>): Promise<Answer>;
  /** What REST is shown; undefined for a guest. */
  bearer(): Promise<string | undefined>;
  /**
   * The same, good as far as is known, and not `refused`, which the server did not take: whoever makes
   * tickets is asked for one where need be. undefined: there is none, and none to be had at once.
   * Rejects with AvisoError, `ticket-not-renewed`, and with TicketError.
   */
  goodBearer(refused?: string): Promise<string | undefined>;
  /** The room, shared by everyone who asks for it. */
  room(jid: string): FeedRoom;
  /** What the account keeps of feeds. Rejects with a RequestError. */
  marks(): Promise<FeedMarks[]>;
  changeMarks(changes: readonly MarksChange[]): Promise<void>;
  setTicket(text: string): void;
  connect(): void;
  close(): void;
  /** End the session here and in every tab that shares it. */
  signOut(): void;
}
