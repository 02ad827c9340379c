/** What a subscription and a connection tell. Types only. */

import type { FeedEvent, RecordData } from "../model/event";
import type { Gap, Position } from "../model/positions";
import type { Hint } from "../protocol/hint";
import type { FeedMarks } from "../protocol/marks";
import type { ConnectionState, FeedState } from "./states";

/**
 * One thing that happened to what you have of the feed. `reset`, whether it is an event (the feed was
 * emptied) or not (what you have belongs to another life of the feed, or is too far behind): drop all
 * of it.
 */
export type Change<Data = RecordData> =
  | FeedEvent<Data>
  | {
      readonly type: "reset";
      readonly feed: string;
      readonly epoch: string;
      readonly sequence: number;
      readonly skipped?: Gap;
    };

export type EventsDetail<Data = RecordData> = {
  /** In order, without hole, each once. Never empty. */
  readonly events: readonly FeedEvent<Data>[];
  /** True: just happened. False: caught up with (history, gaps, after being away). */
  readonly live: boolean;
  /** How far the feed is given out with these. */
  readonly position: Position;
  /** They come from this browser's log, which was written then; nobody was asked yet. */
  readonly keptAt?: Date;
};

/**
 * The position after which it goes on. `skipped`: so much was missing that it was not caught up with
 * (`catchUpLimit`); these events can be had by `loadOlder`.
 */
export type ResetDetail = Position & { readonly skipped?: Gap };

export type ProblemDetail = {
  /** A sentence for a person. Never an event's content. */
  readonly message: string;
  /** `page-too-old`: an event of a type or version that this library does not know. */
  readonly code: "malformed" | "page-too-old" | "untrusted" | "missing";
};

export type SubscriptionEvents<Data = RecordData> = {
  /** The next event, or a reset. */
  change: Change<Data>;
  /** The next events, as many as came at once. */
  events: EventsDetail<Data>;
  state: FeedState;
  /** The position moved on, and there was nothing to give out: readers were let in or put out. */
  position: Position;
  /**
   * What was given out so far belongs to another life of the feed: forget what is shown.
   * The events after this position follow.
   */
  reset: ResetDetail;
  problem: ProblemDetail;
  /** A fresh ticket is needed: give it to the client's `setTicket`. */
  "ticket-expiring": { readonly feed: string; readonly expiresAt: Date };
};

export type ConnectionEvents = {
  state: ConnectionState;
  /** REST may be asked with other rights than before: a token came, or a ticket. */
  bearer: null;
  /** The server hints that this account was let into a feed, or put out of it. */
  reader: Hint;
  /** These were changed, in whichever session of this account; as they are now. */
  marks: readonly FeedMarks[];
  /** A fresh ticket is needed: give it to `setTicket`. */
  "ticket-expiring": { readonly expiresAt: Date };
  /** The session was ended, here or in another tab that shares it. */
  "signed-out": null;
};
