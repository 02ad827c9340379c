/**
 * When the list of feeds is asked for: at the start, where somebody looks, once a minute while the page
 * is visible, and again after a failure. Knows no feed but those that are listed.
 */

import { FeedListing, PAGE_FEEDS } from "./feed-listing";
import type { FeedInfo, FeedsPage, FeedsQuery } from "./library";
import { type ListFailure, ListRetry } from "./list-retry";

export type ListState = "loading" | "ready" | "failed";

/** How often the list is asked for again while somebody looks, in milliseconds. */
const PACE_MS = 60_000;

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
  /** Once a pace. Returns whether somebody looks. */
  onPace(): boolean;
  onChange(): void;
}

export class ListLoading {
  state: ListState = "loading";
  /** Why the list could not be had, and when it is asked for again. */
  failure: ListFailure | null = null;

  readonly listing: FeedListing;
  readonly #retry = new ListRetry(() => void this.load());
  #asking: Promise<void> | null = null;
  #isAskedAgain = false;
  #isLoadingMore = false;
  /** Which rows are near the screen: from, up to and without. */
  #window: readonly [number, number] = [0, PAGE_FEEDS];
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(private readonly surroundings: ListSurroundings) {
    this.listing = new FeedListing((query) => surroundings.ask(query));
  }

  /**
   * Ask for the list where somebody looks at it, and for what is followed. One at a time: whoever asks
   * meanwhile gets another one after it. A failure keeps what is there, and is tried again.
   */
  load(): Promise<void> {
    this.#isAskedAgain = this.#asking !== null;
    this.#asking ??= this.#load().finally(() => {
      this.#asking = null;
    });
    return this.#asking;
  }

  /** Look for feeds by how their names begin; "": all. */
  search(text: string): void {
    this.listing.search(text);
    this.#window = [0, PAGE_FEEDS];
    void this.load();
  }

  /** Say which rows are near the screen: from, up to and without. */
  show(from: number, to: number): void {
    this.#window = [from, to];
    if (to >= this.listing.entries.length) void this.#loadMore();
  }

  /** The feeds near the screen, and around them as many as are asked for at once. */
  get shown(): readonly FeedInfo[] {
    const [from, to] = this.#window;
    const start = Math.max(0, Math.min(from, to - PAGE_FEEDS));
    return this.listing.entries.slice(start, start + PAGE_FEEDS);
  }

  async #load(): Promise<void> {
    clearTimeout(this.#timer);
    this.#retry.cancel();
    do {
      this.#isAskedAgain = false;
      await this.#loadOnce();
      this.surroundings.onChange();
    } while (this.#isAskedAgain);
    this.#plan();
  }

  async #loadOnce(): Promise<void> {
    const isSameReader = this.surroundings.noteReader();
    try {
      await this.#list(0);
      const [from] = this.#window;
      if (from >= PAGE_FEEDS) await this.#list(from);
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

  async #list(from: number): Promise<void> {
    this.surroundings.onListed(await this.listing.load(from));
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
    this.#timer = setTimeout(() => this.#onPace(), PACE_MS * (0.75 + Math.random() / 4));
  }

  /** New feeds appear, and gone ones leave. */
  #onPace(): void {
    if (this.surroundings.onPace()) void this.load();
    else this.#plan();
  }
}
