/**
 * The feed client without any page: subscribe to feeds, get their events in order, without hole,
 * once. The element `<record-feed>` is apart (element.ts), so that importing this registers nothing.
 */

export { RegistrationError, type RegistrationErrorCode, register } from "./edges/registration";
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
} from "./edges/rest";
export { FeedClient } from "./engine/feed-client";
export { RetryAfter } from "./engine/retry-after";
export { FeedSession } from "./engine/session";
export { ExactNumber, numberOf, parseExactJson, stringifyExactJson } from "./model/exact-json";
export {
  type EntryState,
  type RecordEntry,
  RecordStore,
  type StoreChange,
} from "./model/record-store";
export type * from "./model/types";
