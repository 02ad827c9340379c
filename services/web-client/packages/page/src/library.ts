/**
 * What the page needs of the feed client library. The page gets it handed in, so that its tests and
 * a preview can hand in a twin; only `main.ts` knows the real one.
 */

import type {
  Credentials,
  FeedClientEvents,
  FeedEvent,
  FeedHead,
  FeedInfo,
  FeedOptions,
  FeedRecord,
  FeedSessionEvents,
  FeedSessionOptions,
  FeedState,
  FeedsPage,
  FeedsQuery,
  Position,
  RecordEntry,
  RefusalCode,
  SessionState,
  StoreChange,
  Transport,
} from "aviso-feed";

interface Emitter<Events> {
  addEventListener<K extends keyof Events & string>(
    type: K,
    listener: (event: Events[K]) => void,
  ): void;
}

export interface ClientOfFeed extends Emitter<FeedClientEvents> {
  readonly state: FeedState;
  readonly position: Position | null;
  start(): void;
  stop(): void;
  loadOlder(beforeSequence: number, limit: number): Promise<FeedEvent[]>;
}

export interface Session extends Emitter<FeedSessionEvents> {
  readonly state: SessionState;
  readonly transport: Transport | null;
  feed(slug: string, options?: FeedOptions): ClientOfFeed;
  /** What REST is to be shown. */
  bearer(): Promise<string | undefined>;
  connect(): void;
  close(): void;
}

export interface Records {
  readonly size: number;
  at(index: number): RecordEntry | undefined;
  get(key: string): RecordEntry | undefined;
  slice(start: number, end: number): RecordEntry[];
  apply(events: readonly FeedEvent[]): StoreChange;
  clear(): void;
}

/** The most feeds whose heads can be had at once. */
export const MAX_HEADS = 100;

export interface AboutServer {
  readonly registration: string;
  readonly publicOrigin: string;
}

export interface FeedLibrary {
  openSession(options: FeedSessionOptions): Session;
  createStore(): Records;
  /** `token`: what the session gave; none for a guest. Throws ApiError, as the next two do. */
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
  Credentials,
  FeedEvent,
  FeedHead,
  FeedInfo,
  FeedRecord,
  FeedState,
  FeedsPage,
  FeedsQuery,
  Position,
  RecordEntry,
  RefusalCode,
  SessionState,
  StoreChange,
  Transport,
};
