/**
 * When the list of feeds is asked for: at the start, where somebody looks, every 15 s while the page is
 * visible, less often while no feed comes or goes, and again after a failure. Knows no feed but those
 * that are listed.
 */

import { FeedListing, MOST_LISTED, PAGE_FEEDS } from "./feed-listing";
import type { FeedInfo, FeedsPage, FeedsQuery } from "./library";
import { type ListFailure, ListRetry } from "./list-retry";

export type ListState = "loading" | "ready" | "failed";

/** How often the list is asked for again while somebody looks, in milliseconds. */
const PACE_FIRST_MS = 15_000;
const PACE_MOST_MS = 60_000;
const SLOWER = 1.5;
/** From how many rows before the end on more are asked for, so that who scrolls on need not wait. */
const ROWS_AHEAD = 50;
/** How many feeds are asked for at once where all are wanted. */
const MOST_AT_ONCE = 1_000;

export interface ListSurroundings {
  /** null: the answer is nobody's any more. */
  ask(query: FeedsQuery): Promise<FeedsPage | null>;
  /** Returns what tells later whether the reader is still the same. */
  noteReader(): () => boolean;
  onListed(infos: readonly FeedInfo[]): void;
  /** Ask for what is followed, which the list need not show. */
  checkFollowed(): Promise<void>;
  hasFollowed(): boolean;
  /** The feeds that the browser has something of. */
  kept(): readonly FeedInfo[];
  isUnread(slug: string): boolean;
  /** Those that stand first, wherever in the list they are. */
  pinned(): readonly FeedInfo[];
  /** Once a pace. Returns whether somebody looks. */
  onPace(): boolean;
  onChange(): void;
}

export class ListLoading {
  state: ListState = "loading";
  /** Why the list could not be had, and when it is asked for again. */
  failure: ListFailure | null = null;

  /** Only feeds with something unread are shown. */
  isUnreadOnly = false;

  readonly listing: FeedListing;
  readonly #retry = new ListRetry(() => void this.load());
  #asking: Promise<void> | null = null;
  #isAskedAgain = false;
  #isLoadingMore = false;
  /** Which rows are near the screen: from, up to and without. */
  #window: readonly [number, number] = [0, PAGE_FEEDS];
  #timer: ReturnType<typeof setTimeout> | undefined;
  #pace = PACE_FIRST_MS;

  constructor(private readonly surroundings: ListSurroundings) {
    this.listing = new FeedListing((query) => surroundings.ask(query));
  }

  /**
   * Ask for the list where somebody looks at it, and for what is followed. One at a time: whoever asks
   * meanwhile gets another one after it. A failure keeps what is there, and is tried again.
   */
  load(): Promise<void> {
    this.#pace = PACE_FIRST_MS;
    return this.#loadInTurn();
  }

  #loadInTurn(): Promise<void> {
    this.#isAskedAgain = this.#asking !== null;
    this.#asking ??= this.#load().finally(() => {
      this.#asking = null;
    });
    return this.#asking;
  }

  /** Look for feeds by how the words of their names begin; "": all. Returns when they are there. */
  search(text: string): Promise<void> {
    this.listing.search(text);
    this.#window = [0, PAGE_FEEDS];
    return this.load();
  }

  /** For that each feed has to be known, as many as are kept. */
  showUnreadOnly(isUnreadOnly: boolean): void {
    this.isUnreadOnly = isUnreadOnly;
    this.#window = [0, PAGE_FEEDS];
    this.surroundings.onChange();
    if (isUnreadOnly) void this.load();
  }

  /** The feeds that the list shows, as far as they are loaded; pinned ones first, but in a search. */
  get shown(): readonly FeedInfo[] {
    const { entries, sought } = this.listing;
    const all = sought === "" ? this.#pinnedFirst(entries) : entries;
    if (!this.isUnreadOnly) return all;
    return all.filter(({ slug }) => this.surroundings.isUnread(slug));
  }

  #pinnedFirst(entries: readonly FeedInfo[]): readonly FeedInfo[] {
    const pinned = this.surroundings.pinned();
    if (pinned.length === 0) return entries;
    const slugs = new Set(pinned.map(({ slug }) => slug));
    return [...pinned, ...entries.filter(({ slug }) => !slugs.has(slug))];
  }

  /** Say which rows are near the screen: from, up to and without. */
  show(from: number, to: number): void {
    this.#window = [from, to];
    const isNearEnd = to + ROWS_AHEAD >= this.shown.length;
    if (isNearEnd && !this.isUnreadOnly) void this.#loadMore();
  }

  /** The feeds near the screen, and around them as many as are asked for at once. */
  get near(): readonly FeedInfo[] {
    const [from, to] = this.#window;
    const start = Math.max(0, Math.min(from, to - PAGE_FEEDS));
    return this.shown.slice(start, start + PAGE_FEEDS);
  }

  async #load(): Promise<void> {
    clearTimeout(this.#timer);
    this.#retry.cancel();
    do {
      this.#isAskedAgain = false;
      const { revision } = this.listing;
      await this.#loadOnce();
      const isNews = this.listing.revision !== revision;
      this.#pace = isNews ? PACE_FIRST_MS : Math.min(PACE_MOST_MS, this.#pace * SLOWER);
      this.surroundings.onChange();
    } while (this.#isAskedAgain);
    this.#plan();
  }

  async #loadOnce(): Promise<void> {
    const isSameReader = this.surroundings.noteReader();
    try {
      await this.#listWhatIsShown();
      if (!isSameReader()) return;
      this.state = "ready";
      await this.surroundings.checkFollowed();
      this.failure = null;
      this.#retry.succeed();
    } catch (error) {
      if (!isSameReader()) return;
      const hasNothing = this.listing.entries.length === 0 && !this.surroundings.hasFollowed();
      if (hasNothing) this.#listKept();
      this.failure = this.#retry.fail(error);
    }
  }

  /** Nobody says what feeds there are: those that the browser has something of are better than none. */
  #listKept(): void {
    const kept = this.surroundings.kept();
    this.state = kept.length > 0 ? "ready" : "failed";
    if (kept.length === 0) return;
    this.listing.entries = kept;
    this.surroundings.onListed(kept);
  }

  async #listWhatIsShown(): Promise<void> {
    if (this.isUnreadOnly) return this.#listAll();
    await this.#list(0);
    const from = this.#listedFrom;
    if (from >= PAGE_FEEDS) await this.#list(from);
  }

  /** Where in the listing the window begins: of what is shown the pinned ones stand first. */
  get #listedFrom(): number {
    const first = this.shown[this.#window[0]]?.slug;
    return this.listing.entries.findIndex(({ slug }) => slug === first);
  }

  async #listAll(): Promise<void> {
    let from = 0;
    let isMore = true;
    while (isMore && from < MOST_LISTED) {
      const { feeds, hasMore } = await this.#list(from, MOST_AT_ONCE);
      const last = feeds.at(-1)?.slug;
      from = this.listing.entries.findIndex(({ slug }) => slug === last) + 1;
      isMore = hasMore && from > 0;
    }
  }

  async #list(from: number, limit = PAGE_FEEDS): Promise<FeedsPage> {
    const page = await this.listing.load(from, limit);
    this.surroundings.onListed(page.feeds);
    return page;
  }

  async #loadMore(): Promise<void> {
    const isBusy = this.#isLoadingMore || this.#asking !== null || this.failure !== null;
    if (!this.listing.hasMore || isBusy) return;
    this.#isLoadingMore = true;
    try {
      await this.#list(this.listing.entries.length);
    } catch (error) {
      this.failure = this.#retry.fail(error);
    } finally {
      this.#isLoadingMore = false;
    }
    this.surroundings.onChange();
  }

  #plan(): void {
    clearTimeout(this.#timer);
    // Spread, so that pages that were opened together do not ask together.
    this.#timer = setTimeout(() => this.#onPace(), this.#pace * (0.75 + Math.random() / 4));
  }

  /** New feeds appear, and gone ones leave. */
  #onPace(): void {
    if (this.surroundings.onPace()) void this.#loadInTurn();
    else this.#plan();
  }
}
