/**
 * Records of a feed that REST gives by the page: the pages asked for one by one, what failed asked for
 * again by itself, each record put below the one before. What a page is asked with, and what happens
 * beside, its kinds say (found-records.ts, past-records.ts). No DOM; a list or a table listens.
 */

import { ApiError } from "aviso-feed";
import { FoundStore, MOST_FOUND } from "./found-store";
import type { FeedInfo, FeedRecord, FeedState, Position, RecordEntry } from "./library";
import { ListRetry } from "./list-retry";
import type { FeedChange, OlderState, WatchedFeed } from "./watched-feed";

/** How many records one page brings at most. */
export const PAGE_RECORDS = 100;

export abstract class PagedRecords<Page> {
  readonly records = new FoundStore();
  olderState: OlderState = "more";
  isReadingOlder = false;
  /** Why the last page could not be had. */
  failure: ApiError | null = null;
  /** When it is asked for again by itself; null: that would not help. */
  retryAt: Date | null = null;
  /** There are more than are kept. */
  isCut = false;

  protected cursor: string | null = null;
  /** An answer to what was asked in an earlier one is none. */
  protected turn = 0;
  /** Places of what REST lists, each below the one before. */
  protected nextPlace = 0;
  readonly #retry = new ListRetry(() => void this.loadOlder());
  #stopFeed: (() => void) | null = null;
  readonly #listeners = new Set<(change: FeedChange) => void>();

  constructor(readonly feed: WatchedFeed) {}

  get info(): FeedInfo {
    return this.feed.info;
  }

  get state(): FeedState {
    return this.feed.state;
  }

  start(): void {
    this.#stopFeed ??= this.feed.subscribe((change) => this.onFeed(change));
    void this.loadOlder();
  }

  stop(): void {
    this.turn += 1;
    this.#retry.cancel();
    this.#stopFeed?.();
    this.#stopFeed = null;
  }

  subscribe(listener: (change: FeedChange) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Ask for the next page. */
  async loadOlder(): Promise<void> {
    if (this.olderState === "loading" || this.olderState === "end") return;
    const turn = this.turn;
    this.olderState = "loading";
    this.failure = null;
    this.retryAt = null;
    this.#retry.cancel();
    this.tell(null);
    try {
      const page = await this.readPage(turn);
      if (turn !== this.turn) return;
      this.#retry.succeed();
      this.add(page);
    } catch (error) {
      if (turn !== this.turn) return;
      this.olderState = "failed";
      this.failure = error instanceof ApiError ? error : new ApiError(0, String(error));
      if (!this.failure.isFinal) this.retryAt = this.#retry.fail(this.failure).retryAt;
      this.tell(null);
    }
  }

  protected abstract readPage(turn: number): Promise<Page>;
  protected abstract add(page: Page): void;
  /** What happens in the feed meanwhile. */
  protected abstract onFeed(change: FeedChange): void;

  /** A page of so many records came, and the next begins at `cursor` (null: there is none). */
  protected goOn(cursor: string | null, count: number): void {
    const isFull = this.records.size + count > MOST_FOUND;
    this.cursor = cursor;
    this.olderState = cursor === null || isFull ? "end" : "more";
    this.isCut = isFull && cursor !== null;
  }

  /** A record's entry, below all before; `from`: the name of what listed it. */
  protected entryOf(record: FeedRecord, from: string, { epoch, sequence }: Position): RecordEntry {
    const place = this.nextPlace;
    this.nextPlace -= 1;
    const { id } = record;
    const time = record.updated_at ?? "";
    const about = { feed: this.info.slug, epoch, sequence, time, subject: id, record, place };
    const event = { id: `${from}:${id}`, type: "listed", ...about } as const;
    return { key: id, state: "present", sequence: place, record, event };
  }

  protected tell(change: FeedChange): void {
    for (const listener of this.#listeners) listener(change);
  }
}
