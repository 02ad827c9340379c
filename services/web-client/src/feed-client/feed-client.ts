import { typedEventTarget } from "./typed-event-target";
import type { FeedClientEvents, FeedClientOptions, FeedEvent, FeedState, Position } from "./types";

export declare class FeedClient extends typedEventTarget<FeedClientEvents>() {
  constructor(options: FeedClientOptions);
  readonly feed: string;
  readonly state: FeedState;
  /** How far `events` has gone; null before the first. Keep it to go on later. */
  readonly position: Position | null;
  start(): void;
  stop(): void;
  /** Up to `limit` events right before `beforeSequence`, in order, over REST. */
  loadOlder(beforeSequence: number, limit: number): Promise<FeedEvent[]>;
}
