/**
 * What is shown of a feed: all of it, what a search found, or what was. One of these at a time is kept
 * alive.
 */

import { type Find, isSought } from "./find";
import { FoundRecords, type Search } from "./found-records";
import type { FeedInfo } from "./library";
import { PastRecords, type ReadPast } from "./past-records";
import type { FeedRoute } from "./route";
import type { WatchedFeed } from "./watched-feed";

export class FeedShowing {
  #found: FoundRecords | null = null;
  #past: PastRecords | null = null;

  constructor(
    private readonly search: (slug: string, ...asked: Parameters<Search>) => ReturnType<Search>,
    private readonly readPast: (
      slug: string,
      ...asked: Parameters<ReadPast>
    ) => ReturnType<ReadPast>,
  ) {}

  /** null: nothing is sought. The same search goes on for the same question. */
  found(feed: WatchedFeed, find: Find): FoundRecords | null {
    const isSame = this.#found?.feed === feed && sameFind(this.#found.find, find);
    if (!isSame) {
      this.#stopFound();
      if (isSought(find)) this.#found = this.#begin(feed, find);
    }
    return this.#found;
  }

  /** null: the feed is shown as it is. Another moment of it is another place of the same. */
  past(feed: WatchedFeed, at: string | null): PastRecords | null {
    if (at === null || this.#past?.feed !== feed) this.#stopPast();
    if (at === null) return null;
    if (this.#past === null) {
      this.#past = new PastRecords(feed, at, (parameters) =>
        this.readPast(feed.info.slug, parameters),
      );
      this.#past.start();
    } else this.#past.goTo(at);
    return this.#past;
  }

  stop(): void {
    this.#stopFound();
    this.#stopPast();
  }

  #stopFound(): void {
    this.#found?.stop();
    this.#found = null;
  }

  #stopPast(): void {
    this.#past?.stop();
    this.#past = null;
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
