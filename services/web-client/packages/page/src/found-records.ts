/**
 * What a search found in a feed: pages by REST, and from their position on what arrives and matches.
 * What arrives and does not match is counted. No DOM; a list or a table listens.
 */

import { ApiError } from "aviso-feed";
import { type Find, matches, searchOfFind } from "./find";
import type { JsonObject } from "./json";
import type { Position, RecordEntry } from "./library";
import { PAGE_RECORDS, PagedRecords } from "./paged-records";
import type { SearchPage } from "./record-reading";
import type { ShownRecords } from "./shown-records";
import type { FeedChange, WatchedFeed } from "./watched-feed";

/** How long a search that has to begin anew waits for the next reason, in milliseconds. */
const SETTLE_MS = 500;
/** So long it waits by itself for a server that puts it off. */
const MOST_WAIT_MS = 30_000;
/** Tries that the server put off, before somebody has to ask again. */
const MOST_TRIES = 3;
/** Beyond this many records that do not match, each of their changes is counted. */
const MOST_OTHERS = 20_000;

export type Search = (parameters: URLSearchParams) => Promise<SearchPage>;

export class FoundRecords extends PagedRecords<SearchPage> implements ShownRecords {
  /** How many records the found ones are out of; null: nobody counted. */
  lookedAt: number | null = 0;
  /** Of what arrived since: how many records match, and how many do not. */
  matchedSince = 0;
  otherSince = 0;

  #position: Position | null = null;
  #settling: ReturnType<typeof setTimeout> | undefined;
  readonly #others = new Set<string>();

  constructor(
    feed: WatchedFeed,
    readonly find: Find,
    private readonly search: Search,
  ) {
    super(feed);
  }

  get applied(): Position | null {
    return this.feed.applied;
  }

  get newAfter(): number {
    return this.#position?.sequence ?? Number.POSITIVE_INFINITY;
  }

  override stop(): void {
    super.stop();
    clearTimeout(this.#settling);
  }

  /** A server that is busy says when to come again. */
  protected override async readPage(turn: number): Promise<SearchPage> {
    const parameters = searchOfFind(this.find);
    parameters.set("position", "true");
    parameters.set("limit", String(PAGE_RECORDS));
    if (this.cursor !== null) parameters.set("cursor", this.cursor);
    for (let tries = 1; ; tries += 1) {
      try {
        return await this.search(parameters);
      } catch (error) {
        const delay = error instanceof ApiError ? error.retryAfterMs : null;
        const isOver = turn !== this.turn || tries === MOST_TRIES;
        if (delay === null || delay > MOST_WAIT_MS || isOver) throw error;
        await new Promise((resolve) => setTimeout(resolve, delay));
      }
    }
  }

  protected override add(page: SearchPage): void {
    const isFirst = this.#position === null;
    this.#position ??= page.position;
    // Another epoch's sequences mean nothing beside the first page's.
    if (page.position.epoch !== this.#position.epoch) {
      this.#beginAnew();
      return;
    }
    this.goOn(page.cursor, page.records.length);
    this.lookedAt =
      this.lookedAt === null || page.lookedAt === null ? null : this.lookedAt + page.lookedAt;
    const added = page.records.filter(({ id }) => this.records.get(id) === undefined);
    for (const record of added) this.records.put(this.entryOf(record, "found", page.position));
    const change = { added: added.map(({ id }) => id), changed: [], removed: [], cleared: false };
    this.tell(change);
    if (isFirst) this.#takeIn(this.feed.records.slice(0, this.feed.records.size).reverse());
  }

  protected override onFeed(change: FeedChange): void {
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
    if (isChange) this.tell({ added, changed, removed, cleared: false });
    else if (entries.length > 0) this.tell(null);
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
    this.turn += 1;
    this.records.clear();
    this.#others.clear();
    this.#position = null;
    this.cursor = null;
    this.nextPlace = 0;
    this.lookedAt = 0;
    this.matchedSince = 0;
    this.otherSince = 0;
    this.olderState = "more";
    this.tell({ added: [], changed: [], removed: [], cleared: true });
    clearTimeout(this.#settling);
    this.#settling = setTimeout(() => void this.loadOlder(), SETTLE_MS);
  }
}
