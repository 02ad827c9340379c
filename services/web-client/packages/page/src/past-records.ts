/**
 * A feed's records as they were after one of its events, by REST out of its log. What happens meanwhile
 * is counted and changes nothing. No DOM; a list or a table listens.
 */

import { ApiError } from "aviso-feed";
import { FoundStore, MOST_FOUND } from "./found-store";
import type { FeedInfo, FeedRecord, FeedState, Position, RecordEntry } from "./library";
import { ListRetry } from "./list-retry";
import type { Moment, PastPage } from "./record-reading";
import type { ShownRecords } from "./shown-records";
import type { FeedChange, OlderState, WatchedFeed } from "./watched-feed";

/** How many records one page brings at most. */
const PAGE_RECORDS = 100;

export type ReadPast = (parameters: URLSearchParams) => Promise<PastPage>;

export class PastRecords implements ShownRecords {
  readonly records = new FoundStore();
  readonly newAfter = Number.POSITIVE_INFINITY;
  olderState: OlderState = "more";
  isReadingOlder = false;
  /** What is shown is of then; null before the first answer. */
  moment: Moment | null = null;
  /** Why the last page could not be had. */
  failure: ApiError | null = null;
  /** When it is asked for again by itself; null: that would not help. */
  retryAt: Date | null = null;
  /** There are more than are kept. */
  isCut = false;

  /** The feed's newest event when somebody began to look back. */
  readonly head: number;
  #at: string;
  #cursor: string | null = null;
  /** The next page is the first one of another moment. */
  #isFirst = true;
  #nextPlace = 0;
  #turn = 0;
  readonly #retry = new ListRetry(() => void this.loadOlder());
  #stopFeed: (() => void) | null = null;
  readonly #listeners = new Set<(change: FeedChange) => void>();

  /** `at`: a sequence, or a time as RFC 3339 has it. */
  constructor(
    readonly feed: WatchedFeed,
    at: string,
    private readonly read: ReadPast,
  ) {
    this.#at = at;
    this.head = headOf(feed);
  }

  get at(): string {
    return this.#at;
  }

  get info(): FeedInfo {
    return this.feed.info;
  }

  get state(): FeedState {
    return this.feed.state;
  }

  get applied(): Position | null {
    if (this.moment === null) return null;
    return { epoch: this.feed.applied?.epoch ?? "", sequence: this.moment.sequence };
  }

  /** How many events came since somebody began to look back. */
  get arrived(): number {
    return Math.max(0, headOf(this.feed) - this.head);
  }

  /** What is shown is not yet of the moment that was asked for. */
  get isMoving(): boolean {
    return this.#isFirst;
  }

  /** The sequence that was asked for; of a time that is still being looked up, where one was before. */
  get place(): number | null {
    if (this.isMoving && /^\d+$/.test(this.#at)) return Number(this.#at);
    return this.moment?.sequence ?? null;
  }

  start(): void {
    this.#stopFeed ??= this.feed.subscribe(() => this.#tell(null));
    void this.loadOlder();
  }

  stop(): void {
    this.#turn += 1;
    this.#retry.cancel();
    this.#stopFeed?.();
    this.#stopFeed = null;
  }

  /** Show another moment. What is shown stays until its answer is there; an older answer is none. */
  goTo(at: string): void {
    if (at === this.#at) return;
    this.#at = at;
    this.#turn += 1;
    this.#cursor = null;
    this.#isFirst = true;
    this.olderState = "more";
    void this.loadOlder();
  }

  subscribe(listener: (change: FeedChange) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  async loadOlder(): Promise<void> {
    if (this.olderState === "loading" || this.olderState === "end") return;
    const turn = this.#turn;
    this.olderState = "loading";
    this.failure = null;
    this.retryAt = null;
    this.#retry.cancel();
    this.#tell(null);
    try {
      const page = await this.read(this.#parameters());
      if (turn !== this.#turn) return;
      this.#retry.succeed();
      this.#add(page);
    } catch (error) {
      if (turn !== this.#turn) return;
      this.olderState = "failed";
      this.failure = error instanceof ApiError ? error : new ApiError(0, String(error));
      if (!this.failure.isFinal) this.retryAt = this.#retry.fail(this.failure).retryAt;
      this.#tell(null);
    }
  }

  #parameters(): URLSearchParams {
    // A time may name another event later on: pages stay with the one that it named.
    const at = this.#isFirst ? this.#at : String(this.moment?.sequence);
    const parameters = new URLSearchParams({ at, limit: String(PAGE_RECORDS) });
    if (this.#cursor !== null) parameters.set("cursor", this.#cursor);
    return parameters;
  }

  #add(page: PastPage): void {
    const cleared = this.#isFirst;
    if (cleared) this.records.clear();
    this.#isFirst = false;
    this.moment = page.moment;
    this.#cursor = page.cursor;
    const isFull = this.records.size + page.records.length > MOST_FOUND;
    this.olderState = page.cursor === null || isFull ? "end" : "more";
    this.isCut = isFull && page.cursor !== null;
    for (const record of page.records) this.records.put(this.#entry(record, page.moment));
    const added = page.records.map(({ id }) => id);
    this.#tell({ added, changed: [], removed: [], cleared });
  }

  #entry(record: FeedRecord, moment: Moment): RecordEntry {
    const place = this.#nextPlace;
    this.#nextPlace -= 1;
    const { id } = record;
    const time = record.updated_at ?? "";
    const { epoch = "" } = this.feed.applied ?? {};
    const about = { feed: this.info.slug, epoch, time, subject: id, record, place };
    const { sequence } = moment;
    const event = { id: `past:${sequence}:${id}`, type: "listed", sequence, ...about } as const;
    return { key: id, state: "present", sequence: place, record, event };
  }

  #tell(change: FeedChange): void {
    for (const listener of this.#listeners) listener(change);
  }
}

/** The newest event of a feed that the page knows of. */
export const headOf = (feed: WatchedFeed): number =>
  Math.max(feed.info.head, feed.applied?.sequence ?? 0);
