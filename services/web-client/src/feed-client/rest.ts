/** The few REST calls that a subscriber and a small writer need. `origin` "" is the page's own. */

import type { ConnectionInfo, FeedEvent, FeedInfo, FeedRecord, RecordData } from "./types";

/**
 * The server said no (status > 0, RFC 9457's `detail`, and `field` where one is named), or was not
 * reached (status 0). `message` equals `detail`.
 */
export declare class ApiError extends Error {
  readonly status: number;
  readonly detail: string;
  readonly field: string | null;
}

export type EventsPage = {
  readonly epoch: string;
  readonly head: number;
  readonly events: readonly FeedEvent[];
};

export declare function fetchConnection(origin: string): Promise<ConnectionInfo>;
export declare function listFeeds(origin: string, token?: string): Promise<FeedInfo[]>;
export declare function fetchFeed(origin: string, feed: string, token?: string): Promise<FeedInfo>;
export declare function fetchEvents(
  origin: string,
  feed: string,
  range: { after: number; limit: number },
  token?: string,
): Promise<EventsPage>;
/** `idempotencyKey`: the same write again answers with the first one's result. */
export declare function createRecord(
  origin: string,
  feed: string,
  data: RecordData,
  options: { token: string; idempotencyKey?: string },
): Promise<FeedRecord>;
