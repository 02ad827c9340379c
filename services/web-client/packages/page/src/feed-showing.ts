/** What is shown of a feed: all of it, or what a search found. One search at a time is kept alive. */

import { type Find, isSought } from "./find";
import { FoundRecords, type Search } from "./found-records";
import type { FeedInfo } from "./library";
import type { FeedRoute } from "./route";
import type { WatchedFeed } from "./watched-feed";

export class FeedShowing {
  #found: FoundRecords | null = null;

  constructor(
    private readonly search: (slug: string, ...asked: Parameters<Search>) => ReturnType<Search>,
  ) {}

  /** null: nothing is sought. The same search goes on for the same question. */
  found(feed: WatchedFeed, find: Find): FoundRecords | null {
    const isSame = this.#found?.feed === feed && sameFind(this.#found.find, find);
    if (!isSame) {
      this.stop();
      if (isSought(find)) this.#found = this.#begin(feed, find);
    }
    return this.#found;
  }

  stop(): void {
    this.#found?.stop();
    this.#found = null;
  }

  #begin(feed: WatchedFeed, find: Find): FoundRecords {
    const found = new FoundRecords(feed, find, (parameters) =>
      this.search(feed.info.slug, parameters),
    );
    found.start();
    return found;
  }
}

const sameFind = (one: Find, other: Find): boolean =>
  one.text.trim() === other.text.trim() &&
  JSON.stringify(one.fields) === JSON.stringify(other.fields);

/** A table of somebody's own is first seen as one. */
export function viewOf(route: FeedRoute, info: FeedInfo): "cards" | "table" {
  return route.view ?? (info.table == null ? "cards" : "table");
}
