/**
 * The feeds that the list shows, by slug: a page of them at a time, where somebody looks. What is asked
 * again takes the place of what was there, so new feeds come and those that are gone leave.
 */

import type { FeedInfo, FeedsPage, FeedsQuery } from "./library";

/** How many feeds are asked for at once. */
export const PAGE_FEEDS = 100;
/** How many are kept; whoever looks for one further down finds it by its name. */
export const MOST_LISTED = 5_000;
/** More words than these the API does not look for. */
const MOST_WORDS = 8;

const BETWEEN_WORDS = /[^\p{L}\p{N}]+/u;
const NOBODYS: FeedsPage = { feeds: [], hasMore: false };

export class FeedListing {
  /** Without their schemas, which may be large. */
  entries: readonly FeedInfo[] = [];
  /** The words that are looked for in names, with a space between; "": all feeds. */
  sought = "";
  /** Goes up when feeds come or go. */
  revision = 0;
  /** What is there belongs to another search. */
  isOutdated = false;
  #hasMore = false;

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

  /** Look for feeds by how the words of their names begin; `load` then asks for them. */
  search(text: string): void {
    const words = text.normalize("NFC").toLowerCase().split(BETWEEN_WORDS);
    this.sought = words
      .filter((word) => word !== "")
      .slice(0, MOST_WORDS)
      .join(" ");
    this.isOutdated = true;
  }

  /** Ask for a page from this place on. Returns what came; throws what `ask` throws. */
  async load(from: number, limit = PAGE_FEEDS): Promise<FeedsPage> {
    const { sought } = this;
    const after = this.isOutdated ? null : (this.entries[from - 1]?.slug ?? null);
    const page = await this.ask({ after, words: sought, limit });
    // Of another reader's list, and of another search, nothing may be shown.
    if (page === null || sought !== this.sought) return NOBODYS;
    this.#place(after, page);
    return page;
  }

  drop(isGone: (info: FeedInfo) => boolean): void {
    this.#take(this.entries.filter((info) => !isGone(info)));
  }

  #place(after: string | null, { feeds, hasMore }: FeedsPage): void {
    const known = this.isOutdated ? [] : this.entries;
    this.isOutdated = false;
    const end = hasMore ? feeds.at(-1)?.slug : undefined;
    const above = after === null ? [] : known.filter(({ slug }) => slug <= after);
    const below = end === undefined ? [] : known.filter(({ slug }) => slug > end);
    if (below.length === 0) this.#hasMore = hasMore;
    const listed = feeds.map((info) => ({ ...info, schema: null }));
    this.#take([...above, ...listed, ...below].slice(0, MOST_LISTED));
  }

  #take(entries: readonly FeedInfo[]): void {
    const isSame =
      entries.length === this.entries.length &&
      entries.every(({ slug }, index) => slug === this.entries[index]?.slug);
    if (!isSame) this.revision += 1;
    this.entries = entries;
  }
}
