/** What is true at a moment, of a feed and of the connection that feeds share. */

/**
 * What is true of a feed at this moment.
 *
 * - `connecting`: on the way to the server or into the room.
 * - `catching-up`: `left` events are known to exist and are not given out yet.
 * - `live`: everything known to exist is given out; new events come by themselves.
 * - `offline`: no connection, or no room; tried again at `retryAt` (null: when the browser is
 *   online again, or, before `connect()` and after `close()`, never by itself).
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
 * - `credentials`: name and password; or they are not good any more, for the password was changed, or the
 *   account removed.
 * - `not-open`: there is no such feed, or it is not open to this reader.
 * - `no-longer-open`: it was, until now.
 * - `too-many-sessions`: this reader has as many sessions as may be, and a newer one took this one's
 *   place. `connect()` after `close()` takes it back.
 * - `signed-out`: here, or in another tab that shares the connection.
 * - `filter-refused`: the server does not know this filter.
 * - `ticket-ended`, `ticket-malformed`, `ticket-refused`: a fresh one is needed.
 */
export type RefusalCode =
  | "credentials"
  | "not-open"
  | "no-longer-open"
  | "too-many-sessions"
  | "signed-out"
  | "filter-refused"
  | "ticket-ended"
  | "ticket-malformed"
  | "ticket-refused";

/** Whether what was shown until now is for this reader no more. */
export const endsReading = (code: RefusalCode): boolean =>
  code.endsWith("-open") || code === "signed-out" || code === "credentials";

/** What is true of the connection that feeds share. */
export type ConnectionState =
  | { readonly kind: "connecting" }
  | { readonly kind: "online"; readonly jid: string }
  | Extract<FeedState, { kind: "offline" | "refused" }>;
