/** `useFeed` for Vue 3. */

import { onScopeDispose, type ShallowRef, shallowReadonly, shallowRef } from "vue";
import type { RecordData } from "../model/event";
import type { AsGiven } from "../model/filter";
import type { AvisoClient } from "./client";
import { type FeedSnapshot, FeedView, type FeedViewOptions } from "./feed-view";

export type { FeedSnapshot } from "./feed-view";

/**
 * The newest records of a feed, now and as they change, until the component or scope that calls it
 * ends. On a server nothing is followed: there are the records of `initial`, or none, and it stays
 * `connecting`.
 */
export function useFeed<Data = RecordData>(
  client: AvisoClient,
  feed: string,
  options: FeedViewOptions<AsGiven<Data>> = {},
): Readonly<ShallowRef<FeedSnapshot<Data>>> {
  const view = new FeedView<Data>(client, feed, options);
  const snapshot = shallowRef(view.snapshot());
  if (typeof window !== "undefined") {
    onScopeDispose(
      view.subscribe(() => {
        snapshot.value = view.snapshot();
      }),
    );
  }
  return shallowReadonly(snapshot);
}
