/**
 * The public feeds that were read last, so that the page can show what the browser has of them when
 * there is no server to list them. The name of a private feed is not written down.
 */

import type { FeedInfo } from "./library";
import { rememberedFeeds, rememberFeeds } from "./storage";

/** As many as the event log keeps. */
export const MOST_KEPT_FEEDS = 20;

export class KeptFeeds {
  /** The one read last stands last. */
  #feeds: readonly FeedInfo[] = rememberedFeeds();

  /** By slug, as the list has them. */
  get entries(): FeedInfo[] {
    return [...this.#feeds].sort((one, other) => (one.slug < other.slug ? -1 : 1));
  }

  note(info: FeedInfo): void {
    if (info.visibility !== "public") {
      this.forget([info.slug]);
      return;
    }
    // A schema may be large, and is for those who write.
    const feeds = this.#feeds.filter(({ slug }) => slug !== info.slug);
    this.#keep([...feeds, { ...info, schema: null }].slice(-MOST_KEPT_FEEDS));
  }

  forget(slugs: readonly string[]): void {
    if (this.#feeds.some(({ slug }) => slugs.includes(slug))) {
      this.#keep(this.#feeds.filter(({ slug }) => !slugs.includes(slug)));
    }
  }

  #keep(feeds: readonly FeedInfo[]): void {
    this.#feeds = feeds;
    rememberFeeds(feeds);
  }
}
