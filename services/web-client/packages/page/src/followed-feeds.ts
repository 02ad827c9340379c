/**
 * The feeds that are followed: the one being read, and the last few that were, so that going back to
 * them is quick. Those that nobody came back to are let go of.
 */

import type { Client, FeedInfo, Records } from "./library";
import type { Clocks } from "./server-clock";
import { WatchedFeed } from "./watched-feed";

export const MOST_FOLLOWED = 3;
/** How long one that is not being read is followed, in milliseconds. */
export const QUIET_LIMIT_MS = 5 * 60_000;
/** How many events a feed begins with. */
const HISTORY_EVENTS = 100;
/** Who missed more than this sees the newest at once, and the rest where he scrolls to it. */
const CATCH_UP_LIMIT = 10_000;

export interface FollowedSurroundings {
  client(): Client;
  createStore(): Records;
  readonly clocks: Clocks;
  seenOf(slug: string): WatchedFeed["seen"];
  onChange(): void;
  onLetGo(feed: WatchedFeed): void;
}

export class FollowedFeeds {
  /** The one looked at last stands last. */
  readonly feeds = new Map<string, WatchedFeed>();
  readonly #leftAt = new Map<WatchedFeed, number>();

  constructor(private readonly surroundings: FollowedSurroundings) {}

  get(slug: string | null): WatchedFeed | null {
    return slug === null ? null : (this.feeds.get(slug) ?? null);
  }

  open(info: FeedInfo): WatchedFeed {
    const { slug } = info;
    const { createStore, seenOf, clocks, onChange } = this.surroundings;
    const feed = new WatchedFeed(info, createStore(), seenOf(slug), clocks);
    this.feeds.set(slug, feed);
    feed.subscribe(onChange);
    this.follow(feed);
    return feed;
  }

  /** Follow it over the present client, from where it is. */
  follow(feed: WatchedFeed): void {
    const { position, info } = feed;
    const begin = {
      history: HISTORY_EVENTS,
      catchUpLimit: CATCH_UP_LIMIT,
      ...(position !== null && { position }),
    };
    feed.follow(this.surroundings.client().subscribe(info.slug, begin));
  }

  followAll(): void {
    for (const feed of this.feeds.values()) this.follow(feed);
  }

  /** Note which one is being read. */
  look(slug: string | null, isVisible: boolean): void {
    const current = this.get(slug);
    if (slug !== null && current !== null) {
      this.feeds.delete(slug);
      this.feeds.set(slug, current);
    }
    for (const feed of this.feeds.values()) {
      feed.setLookedAt(isVisible && feed === current);
      if (feed === current) this.#leftAt.delete(feed);
      else if (!this.#leftAt.has(feed)) this.#leftAt.set(feed, performance.now());
    }
    this.sweep();
  }

  /** Let go of those that are too many, or were left too long ago. */
  sweep(): void {
    for (const [feed, leftAt] of this.#leftAt) {
      const isTooMany = this.feeds.size > MOST_FOLLOWED;
      if (isTooMany || feed.isShut || performance.now() - leftAt > QUIET_LIMIT_MS) this.letGo(feed);
    }
  }

  letGo(feed: WatchedFeed): void {
    this.#leftAt.delete(feed);
    this.feeds.delete(feed.info.slug);
    // While it still knows how far it came.
    this.surroundings.onLetGo(feed);
    feed.stop();
  }
}
