/** `useFeed` for React 18 and 19. */

import {
  createContext,
  createElement,
  type ReactElement,
  type ReactNode,
  useContext,
  useMemo,
  useSyncExternalStore,
} from "react";
import type { RecordData } from "../model/event";
import type { AsGiven } from "../model/filter";
import type { AvisoClient } from "./client";
import { type FeedSnapshot, FeedView, type FeedViewOptions } from "./feed-view";

export type { FeedSnapshot } from "./feed-view";

const ClientContext = createContext<AvisoClient | null>(null);

/** Gives a client to all that is inside. */
export function AvisoProvider(props: {
  readonly client: AvisoClient;
  readonly children?: ReactNode;
}): ReactElement {
  return createElement(ClientContext.Provider, { value: props.client }, props.children);
}

export type UseFeedOptions<Data = RecordData> = FeedViewOptions<Data> & {
  /** Default: the one of the nearest AvisoProvider. */
  readonly client?: AvisoClient;
};

/**
 * The newest records of a feed, now and as they change. Followed from the first effect to the
 * unmounting; on a server, and at the first drawing, there are those of `initial`, or none, and it is
 * `connecting`. Nothing suspends. Throws where there is no client.
 */
export function useFeed<Data = RecordData>(
  feed: string,
  options: UseFeedOptions<AsGiven<Data>> = {},
): FeedSnapshot<Data> {
  const nearest = useContext(ClientContext);
  const client = options.client ?? nearest;
  if (client === null) {
    throw new Error(`useFeed("${feed}") has no client: expected an <AvisoProvider>, or one given`);
  }
  const { limit, filter } = options;
  // One that says the same is the same, be it made at each drawing.
  const filterText = JSON.stringify(filter, (_, value) => (value === undefined ? {} : value));
  // biome-ignore lint/correctness/useExhaustiveDependencies: the text stands for the filter
  const view = useMemo(
    () => new FeedView<Data>(client, feed, options),
    [client, feed, limit, filterText],
  );
  return useSyncExternalStore(view.subscribe, view.snapshot, view.first);
}
