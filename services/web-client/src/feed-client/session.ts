import type { FeedClient } from "./feed-client";
import { typedEventTarget } from "./typed-event-target";
import type {
  FeedOptions,
  FeedSessionEvents,
  FeedSessionLike,
  FeedSessionOptions,
  SessionState,
  Transport,
} from "./types";

export declare class FeedSession
  extends typedEventTarget<FeedSessionEvents>()
  implements FeedSessionLike
{
  constructor(options?: FeedSessionOptions);
  readonly origin: string;
  readonly state: SessionState;
  readonly transport: Transport | null;
  /** A client of this feed over this connection. Not started. */
  feed(slug: string, options?: FeedOptions): FeedClient;
  connect(): void;
  close(): void;
}
