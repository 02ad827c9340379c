/** A feed as a store of Svelte 4 and 5 (`$orders`), by the contract of stores. */

import type { RecordData } from "../model/event";
import type { AsGiven } from "../model/filter";
import type { AvisoClient } from "./client";
import { type FeedSnapshot, FeedView, type FeedViewOptions } from "./feed-view";

export type { FeedSnapshot } from "./feed-view";

export type FeedStore<Data = RecordData> = {
  /** Calls `run` at once, and with each change. Returns the function that ends it. */
  subscribe(run: (snapshot: FeedSnapshot<Data>) => void): () => void;
};

/**
 * The newest records of a feed, followed while anything is subscribed to the store. On a server
 * nothing is followed: there are the records of `initial`, or none, and it stays `connecting`.
 */
export function feedStore<Data = RecordData>(
  client: AvisoClient,
  feed: string,
  options: FeedViewOptions<AsGiven<Data>> = {},
): FeedStore<Data> {
  const view = new FeedView<Data>(client, feed, options);
  return {
    subscribe(run) {
      run(view.snapshot());
      if (typeof window === "undefined") return () => {};
      return view.subscribe(() => run(view.snapshot()));
    },
  };
}
