/**
 * What the page needs of the library aviso-feed. The page gets it handed in, so that its tests and
 * a preview can hand in a twin; only `main.ts` knows the real one.
 */

import type {
  ConnectionEvents,
  ConnectionState,
  Credentials,
  FeedEvent,
  FeedHead,
  FeedInfo,
  FeedMarks,
  FeedRecord,
  FeedState,
  FeedsPage,
  FeedsQuery,
  Mark,
  MarksChange,
  Position,
  RecordEntry,
  RefusalCode,
  ResetDetail,
  StoreChange,
  StoreLimit,
  SubscriptionEvents,
  Transport,
} from "aviso-feed";

import type { Clocks } from "./server-clock";

interface Emitter<Events> {
  /** Returns the function that ends it. */
  on<K extends keyof Events>(name: K, listener: (detail: Events[K]) => void): () => void;
}

export interface Subscription extends Emitter<SubscriptionEvents> {
  readonly state: FeedState;
  readonly position: Position | null;
  close(): void;
  loadOlder(beforeSequence: number, limit: number): Promise<FeedEvent[]>;
}

export type Begin = {
  readonly position?: Position;
  readonly history?: number;
  readonly catchUpLimit?: number;
};

export interface Client extends Emitter<ConnectionEvents> {
  readonly state: ConnectionState;
  readonly transport: Transport | null;
  subscribe(feed: string, begin?: Begin): Subscription;
  /** What REST is to be shown. */
  bearer(): Promise<string | undefined>;
  /** What the account keeps of feeds. Rejects where that can't be had now. */
  marks(): Promise<FeedMarks[]>;
  /** Up to MAX_CHANGES. */
  changeMarks(changes: readonly MarksChange[]): Promise<void>;
  connect(): void;
  close(): void;
  /** End the session here and in every tab that shares it: each is told `signed-out`, and nothing kept is left. */
  signOut(): void;
}

export interface Records {
  readonly size: number;
  readonly bytes: number;
  readonly droppedUpTo: number;
  at(index: number): RecordEntry | undefined;
  get(key: string): RecordEntry | undefined;
  slice(start: number, end: number): RecordEntry[];
  apply(events: readonly FeedEvent[]): StoreChange;
  trim(limit: StoreLimit): StoreChange;
  clear(): void;
}

/** The most feeds whose heads can be had at once. */
export const MAX_HEADS = 100;

/** The most changes of marks at once. */
export const MAX_CHANGES = 100;

export interface AboutServer {
  readonly registration: string;
  readonly publicOrigin: string;
}

export interface FeedLibrary {
  readonly clocks: Clocks;
  createClient(credentials: Credentials): Client;
  createStore(): Records;
  /** `token`: what the client gave; none for a guest. Throws ApiError, as the next two do. */
  listFeeds(query: FeedsQuery, token?: string): Promise<FeedsPage>;
  /** null: not there, or not open to the reader. */
  findFeed(slug: string, token?: string): Promise<FeedInfo | null>;
  /** Of up to MAX_HEADS feeds; those not open to the reader are left out. */
  fetchHeads(slugs: readonly string[], token?: string): Promise<FeedHead[]>;
  /** Whether accounts may be made (open, limited, closed), and which address the server calls its own. */
  aboutServer(): Promise<AboutServer>;
  register(username: string, password: string): Promise<void>;
}

export type {
  ConnectionState,
  Credentials,
  FeedEvent,
  FeedHead,
  FeedInfo,
  FeedMarks,
  FeedRecord,
  FeedState,
  FeedsPage,
  FeedsQuery,
  Mark,
  MarksChange,
  Position,
  RecordEntry,
  RefusalCode,
  ResetDetail,
  StoreChange,
  Transport,
};
