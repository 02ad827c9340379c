/**
 * The feeds that the list shows, by slug: a page of them at a time, where somebody looks. What is asked
 * again takes the place of what was there, so new feeds come and those that are gone leave.
 */

import type { FeedInfo, FeedsPage, FeedsQuery } from "./library";

/** How many feeds are asked for at once. */
export const PAGE_FEEDS = 100;
/** How many are kept; whoever looks for one further down finds it by its name. */
export const MOST_LISTED = 5_000;

const BEGINNING = /^[a-z0-9-]{0,64}$/;

export class FeedListing {
  /** Without their schemas, which may be large. */
  entries: readonly FeedInfo[] = [];
  /** How the slugs begin that are looked for; "": all. */
  beginning = "";
  #hasMore = false;
  /** What is there belongs to another beginning. */
  #isOutdated = false;

  constructor(private readonly ask: (query: FeedsQuery) => Promise<FeedsPage | null>) {}

  get hasMore(): boolean {
    return this.#hasMore && this.entries.length < MOST_LISTED;
  }

  /** There are more than are kept. */
  get isCut(): boolean {
    return this.#hasMore && !this.hasMore;
  }

  get(slug: string): FeedInfo | undefined {
    return this.entries.find((entry) => entry.slug === slug);
  }

  /** Look for feeds by how their names begin; `load` then asks for them. */
  search(text: string): void {
    this.beginning = text.trim().toLowerCase().replaceAll(/\s+/g, "-");
    this.#isOutdated = true;
  }

  /** Ask for a page from this place on. Returns what came; throws what `ask` throws. */
  async load(from: number): Promise<readonly FeedInfo[]> {
    const { beginning } = this;
    const after = this.#isOutdated ? null : (this.entries[from - 1]?.slug ?? null);
    const page = BEGINNING.test(beginning)
      ? await this.ask({ after, beginning, limit: PAGE_FEEDS })
      : { feeds: [], hasMore: false };
    // Of another reader's list, and of another search, nothing may be shown.
    if (page === null || beginning !== this.beginning) return [];
    this.#place(after, page);
    return page.feeds;
  }

  drop(isGone: (info: FeedInfo) => boolean): void {
    this.entries = this.entries.filter((info) => !isGone(info));
  }

  #place(after: string | null, { feeds, hasMore }: FeedsPage): void {
    const known = this.#isOutdated ? [] : this.entries;
    this.#isOutdated = false;
    const end = hasMore ? feeds.at(-1)?.slug : undefined;
    const above = after === null ? [] : known.filter(({ slug }) => slug <= after);
    const below = end === undefined ? [] : known.filter(({ slug }) => slug > end);
    if (below.length === 0) this.#hasMore = hasMore;
    const listed = feeds.map((info) => ({ ...info, schema: null }));
    this.entries = [...above, ...listed, ...below].slice(0, MOST_LISTED);
  }
}
