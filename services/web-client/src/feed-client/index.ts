/**
 * The feed client without any page: subscribe to feeds, get their events in order, without hole,
 * once. The element `<record-feed>` is apart (element.ts), so that importing this registers nothing.
 */

export { ExactNumber, parseExactJson, stringifyExactJson } from "./exact-json";
export { FeedClient } from "./feed-client";
export { type EntryState, type RecordEntry, RecordStore, type StoreChange } from "./record-store";
export { RegistrationError, type RegistrationErrorCode, register } from "./registration";
export {
  ApiError,
  createRecord,
  type EventsPage,
  type FeedHead,
  type FeedsPage,
  type FeedsQuery,
  fetchConnection,
  fetchEvents,
  fetchFeed,
  fetchHeads,
  listFeeds,
} from "./rest";
export { FeedSession } from "./session";
export type * from "./types";
