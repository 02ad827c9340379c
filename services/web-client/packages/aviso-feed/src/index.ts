/**
 * The library without any page: a client for a server, a subscription for a feed, whose events come
 * in order, without hole, once. The element `<record-feed>` is apart (element.ts), so that importing
 * this registers nothing.
 */

export {
  AvisoClient,
  type ClientOptions,
  type SubscribeOptions,
  type TabSharing,
} from "./api/client";
export type {
  CreateOptions,
  ListOptions,
  NewRecord,
  ReadOptions,
  RecordPatch,
  RecordsPage,
  UpdateOptions,
  WriteOptions,
} from "./api/records-client";
export { feedUrl } from "./edges/http";
export { indexedDbLog } from "./edges/indexed-db-log";
export { RegistrationError, type RegistrationErrorCode, register } from "./edges/registration";
export {
  fetchAnswer,
  fetchConnection,
  fetchEvents,
  fetchFeed,
  fetchHeads,
  listFeeds,
} from "./edges/rest";
export type { Log } from "./engine/debug-log";
export type {
  Change,
  ConnectionEvents,
  EventsDetail,
  ProblemDetail,
  ResetDetail,
  SubscriptionEvents,
} from "./engine/emitted";
export type { Credentials, Transport } from "./engine/options";
export { RetryAfter } from "./engine/retry-after";
export type { ConnectionState, FeedState, OfflineCode, RefusalCode } from "./engine/states";
export type { Subscription } from "./engine/subscription";
export { ApiError, type ApiErrorCode, AvisoError, ConflictError } from "./model/errors";
export type { FeedEvent, FeedRecord, RecordData, Unavailable } from "./model/event";
export type { EventLog, LogLimit, LogOptions, LogState } from "./model/event-log";
export {
  asWritten,
  decimalOf,
  ExactNumber,
  numberOf,
  parseExactJson,
  stringifyExactJson,
} from "./model/exact-json";
export { type FieldValue, type Filter, hasFields } from "./model/filter";
export { memoryLog } from "./model/memory-log";
export type { Position } from "./model/positions";
export {
  type EntryState,
  type RecordEntry,
  RecordStore,
  type StoreChange,
  type StoreLimit,
} from "./model/record-store";
export { sizeOf } from "./model/size";
export type {
  ConnectionInfo,
  EventsPage,
  FeedHead,
  FeedInfo,
  FeedsPage,
  FeedsQuery,
} from "./protocol/answers";
export type { Hint } from "./protocol/hint";
export type { FeedMarks, Mark, MarksChange } from "./protocol/marks";
