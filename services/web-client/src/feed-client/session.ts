import type { FeedClient } from "./feed-client";
import type {
  FeedOptions,
  FeedSessionEvents,
  FeedSessionLike,
  FeedSessionOptions,
  SessionState,
  Transport,
} from "./types";

export declare class FeedSession extends EventTarget implements FeedSessionLike {
  constructor(options?: FeedSessionOptions);
  readonly origin: string;
  readonly state: SessionState;
  readonly transport: Transport | null;
  /** A client of this feed over this connection. Not started. */
  feed(slug: string, options?: FeedOptions): FeedClient;
  connect(): void;
  close(): void;
  addEventListener<K extends keyof FeedSessionEvents>(
    type: K,
    listener: (event: FeedSessionEvents[K]) => void,
    options?: boolean | AddEventListenerOptions,
  ): void;
}
