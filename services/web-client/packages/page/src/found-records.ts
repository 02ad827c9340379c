/**
 * What a search found in a feed: pages by REST, and from their position on what arrives and matches.
 * What arrives and does not match is counted. No DOM; a list or a table listens.
 */

import { ApiError } from "aviso-feed";
import { type Find, matches, searchOfFind } from "./find";
import { FoundStore, MOST_FOUND } from "./found-store";
import type { JsonObject } from "./json";
import type { FeedInfo, FeedRecord, FeedState, Position, RecordEntry } from "./library";
import { ListRetry } from "./list-retry";
import type { SearchPage } from "./record-reading";
import type { ShownRecords } from "./shown-records";
import type { FeedChange, OlderState, WatchedFeed } from "./watched-feed";

/** How many records one page of a search brings at most. */
const PAGE_RECORDS = 100;
/** How long a search that has to begin anew waits for the next reason, in milliseconds. */
const SETTLE_MS = 500;
/** So long it waits by itself for a server that puts it off. */
const MOST_WAIT_MS = 30_000;
/** Tries that the server put off, before somebody has to ask again. */
const MOST_TRIES = 3;
/** Beyond this many records that do not match, each of their changes is counted. */
const MOST_OTHERS = 20_000;

export type Search = (parameters: URLSearchParams) => Promise<SearchPage>;

export class FoundRecords implements ShownRecords {
  readonly records = new FoundStore();
  olderState: OlderState = "more";
  isReadingOlder = false;
  /** Why the last page could not be had. */
  failure: ApiError | null = null;
  /** When it is asked for again by itself; null: that would not help. */
  retryAt: Date | null = null;
  /** How many records the found ones are out of; null: nobody counted. */
  lookedAt: number | null = 0;
  /** Of what arrived since: how many records match, and how many do not. */
  matchedSince = 0;
  otherSince = 0;
  /** There are more than are kept. */
  isCut = false;

  #position: Position | null = null;
  #cursor: string | null = null;
  /** Places of what REST lists, each below the one before. */
  #nextPlace = 0;
  #turn = 0;
  readonly #retry = new ListRetry(() => void this.loadOlder());
  #settling: ReturnType<typeof setTimeout> | undefined;
  #stopFeed: (() => void) | null = null;
  readonly #others = new Set<string>();
  readonly #listeners = new Set<(change: FeedChange) => void>();

  constructor(
    readonly feed: WatchedFeed,
    readonly find: Find,
    private readonly search: Search,
  ) {}

  get info(): FeedInfo {
    return this.feed.info;
  }

  get state(): FeedState {
    return this.feed.state;
  }

  get applied(): Position | null {
    return this.feed.applied;
  }

  get newAfter(): number {
    return this.#position?.sequence ?? Number.POSITIVE_INFINITY;
  }

  start(): void {
    this.#stopFeed ??= this.feed.subscribe((change) => this.#onFeed(change));
    void this.loadOlder();
  }

  stop(): void {
    this.#turn += 1;
    this.#retry.cancel();
    this.#stopFeed?.();
    this.#stopFeed = null;
    clearTimeout(this.#settling);
  }

  subscribe(listener: (change: FeedChange) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Look through the next part of the feed. */
  async loadOlder(): Promise<void> {
    if (this.olderState === "loading" || this.olderState === "end") return;
    const turn = this.#turn;
    this.olderState = "loading";
    this.failure = null;
    this.retryAt = null;
    this.#retry.cancel();
    this.#tell(null);
    try {
      const page = await this.#page(turn);
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

  /** A server that is busy says when to come again. */
  async #page(turn: number): Promise<SearchPage> {
    const parameters = searchOfFind(this.find);
    parameters.set("position", "true");
    parameters.set("limit", String(PAGE_RECORDS));
    if (this.#cursor !== null) parameters.set("cursor", this.#cursor);
    for (let tries = 1; ; tries += 1) {
      try {
        return await this.search(parameters);
      } catch (error) {
        const delay = error instanceof ApiError ? error.retryAfterMs : null;
        const isOver = turn !== this.#turn || tries === MOST_TRIES;
        if (delay === null || delay > MOST_WAIT_MS || isOver) throw error;
        await new Promise((resolve) => setTimeout(resolve, delay));
      }
    }
  }

  #add(page: SearchPage): void {
    const isFirst = this.#position === null;
    this.#position ??= page.position;
    // Another epoch's sequences mean nothing beside the first page's.
    if (page.position.epoch !== this.#position.epoch) {
      this.#beginAnew();
      return;
    }
    this.#cursor = page.cursor;
    const isFull = this.records.size + page.records.length > MOST_FOUND;
    this.olderState = page.cursor === null || isFull ? "end" : "more";
    this.isCut = isFull && page.cursor !== null;
    this.lookedAt =
      this.lookedAt === null || page.lookedAt === null ? null : this.lookedAt + page.lookedAt;
    const added = page.records.filter(({ id }) => this.records.get(id) === undefined);
    for (const record of added) this.records.put(this.#listed(record, page.position));
    const change = { added: added.map(({ id }) => id), changed: [], removed: [], cleared: false };
    this.#tell(change);
    if (isFirst) this.#takeIn(this.feed.records.slice(0, this.feed.records.size).reverse());
  }

  #listed(record: FeedRecord, { epoch, sequence }: Position): RecordEntry {
    const place = this.#nextPlace;
    this.#nextPlace -= 1;
    const { id } = record;
    const time = record.updated_at ?? "";
    const about = { feed: this.info.slug, epoch, sequence, time, subject: id, record, place };
    const event = { id: `found:${id}`, type: "listed", ...about } as const;
    return { key: id, state: "present", sequence: place, record, event };
  }

  #onFeed(change: FeedChange): void {
    if (change === null) {
      const epoch = this.feed.applied?.epoch;
      if (this.#position !== null && epoch !== undefined && epoch !== this.#position.epoch) {
        this.#beginAnew();
      }
      return;
    }
    if (change.cleared) {
      this.#beginAnew();
      return;
    }
    const keys = [...change.added, ...change.changed];
    this.#takeIn(keys.flatMap((key) => this.feed.records.get(key) ?? []));
  }

  /** Take in what happened after the first page was read. */
  #takeIn(entries: readonly RecordEntry[]): void {
    const position = this.#position;
    if (position === null) return;
    const added: string[] = [];
    const changed: string[] = [];
    const removed: string[] = [];
    for (const entry of entries) {
      if (entry.event.place !== undefined || entry.event.sequence <= position.sequence) continue;
      const known = this.records.get(entry.key);
      if (known === undefined) {
        if (!this.#admit(entry)) continue;
        added.push(entry.key);
        const left = this.records.put({ ...entry, sequence: entry.event.sequence });
        if (left === null) continue;
        this.isCut = true;
        removed.push(left);
      } else if (entry.event.sequence > known.event.sequence) {
        (this.#renew(entry, known) ? changed : removed).push(entry.key);
      }
    }
    const isChange = added.length + changed.length + removed.length > 0;
    if (isChange) this.#tell({ added, changed, removed, cleared: false });
    else if (entries.length > 0) this.#tell(null);
  }

  #admit(entry: RecordEntry): boolean {
    if (entry.state === "present" && this.#isSought(entry)) {
      if (this.#others.delete(entry.key)) this.otherSince -= 1;
      this.matchedSince += 1;
      return true;
    }
    this.#countOther(entry.key);
    return false;
  }

  #countOther(key: string): void {
    if (this.#others.has(key)) return;
    if (this.#others.size < MOST_OTHERS) this.#others.add(key);
    this.otherSince += 1;
  }

  /** A deleted one stays in sight as such; one that does not match any more leaves. Says whether it stays. */
  #renew(entry: RecordEntry, known: RecordEntry): boolean {
    if (entry.state === "deleted" || this.#isSought(entry)) {
      this.records.put({ ...entry, sequence: known.sequence });
      return true;
    }
    this.records.remove(entry.key);
    this.#countOther(entry.key);
    return false;
  }

  #isSought({ record }: RecordEntry): boolean {
    return record !== null && matches(record.data as JsonObject, this.find);
  }

  #beginAnew(): void {
    this.#turn += 1;
    this.records.clear();
    this.#others.clear();
    this.#position = null;
    this.#cursor = null;
    this.#nextPlace = 0;
    this.lookedAt = 0;
    this.matchedSince = 0;
    this.otherSince = 0;
    this.olderState = "more";
    this.#tell({ added: [], changed: [], removed: [], cleared: true });
    clearTimeout(this.#settling);
    this.#settling = setTimeout(() => void this.loadOlder(), SETTLE_MS);
  }

  #tell(change: FeedChange): void {
    for (const listener of this.#listeners) listener(change);
  }
}
