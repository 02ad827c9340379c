/**
 * A feed's events as the rows of a collection: each batch of events is one transaction of it. Which
 * records there are, the record store says; what differs from before is written.
 */

import type { SyncConfig } from "@tanstack/db";
import type { FeedEvent, FeedRecord } from "../../model/event";
import { RecordStore } from "../../model/record-store";

/** What a collection hands to the one who fills it. */
export type SyncRun<Data> = Parameters<SyncConfig<FeedRecord<Data>, string>["sync"]>[0];

/** What a write waits for: an event with this version of the record, or later; or that it is deleted. */
export type Wanted = number | "deleted";

/** What came of one record since a moment. */
class Watch {
  version = 0;
  isDeleted = false;
  isOver = false;
  onNews: () => void = () => {};

  has(wanted: Wanted): boolean {
    if (this.isOver) return true;
    return wanted === "deleted" ? this.isDeleted : this.version >= wanted;
  }
}

export class SyncedRows<Data> {
  readonly #run: SyncRun<Data>;
  readonly #store = new RecordStore();
  readonly #limit: number;
  /** Ids of the rows that the collection has. */
  readonly #held = new Set<string>();
  /** What the server has answered to a write whose event did not come in time, until it comes. */
  readonly #ahead = new Map<string, Wanted>();
  readonly #watches = new Map<string, Set<Watch>>();
  /** There are more than it has. */
  isCut = false;
  /** What the collection has is of another life of the feed: it goes with what comes next. */
  #isStale = false;

  constructor(run: SyncRun<Data>, limit: number) {
    this.#run = run;
    this.#limit = limit;
  }

  apply(events: readonly FeedEvent<Data>[]): void {
    const { added, changed, cleared } = this.#store.apply(events as readonly FeedEvent[]);
    const touched = [...added, ...changed];
    const gone = touched.filter((key) => this.#store.get(key)?.state === "deleted");
    // They would stand in the way of others, and nothing older comes of them: events come in order.
    this.#store.remove(gone);
    const { removed } = this.#store.trim({ records: this.#limit });
    for (const event of events) this.#settle(event);
    const isAnew = cleared || this.#isStale;
    this.isCut = removed.length > 0 || (this.isCut && !cleared);
    this.#run.begin();
    if (isAnew) this.#truncate();
    const keys = isAnew ? this.#store.slice(0, this.#store.size).map(({ key }) => key) : [];
    for (const key of isAnew ? keys.reverse() : touched) this.#show(key);
    if (!isAnew) {
      for (const key of gone) if (!this.#ahead.has(key)) this.#drop(key);
      for (const key of removed) this.#drop(key);
    }
    this.#run.commit();
    if (isAnew) this.#release();
  }

  /** All that is there belongs to the past. The rows stay until it is known what comes instead. */
  forget(): void {
    this.#store.clear();
    this.isCut = false;
    this.#isStale = true;
  }

  /** Nothing comes instead of what was forgotten. */
  clear(): void {
    if (!this.#isStale) return;
    this.#run.begin();
    this.#truncate();
    this.#run.commit();
    this.#release();
  }

  /**
   * Show what the server has answered to a write, ahead of its event. What the feed says of the record
   * before that event counts no more.
   */
  showAhead(id: string, wanted: Wanted, record: FeedRecord<Data> | null): void {
    this.#ahead.set(id, wanted);
    this.#run.begin();
    if (record === null) this.#drop(id);
    else this.#write(record, id);
    this.#run.commit();
  }

  has(id: string): boolean {
    return this.#store.get(id) !== undefined;
  }

  /** Look at what comes of a record from now on. End it with the function. */
  watch(id: string): { readonly watch: Watch; readonly end: () => void } {
    const watch = new Watch();
    const known = this.#store.get(id);
    if (known?.state === "present") watch.version = known.record?.version ?? 0;
    const watches = this.#watches.get(id) ?? new Set();
    this.#watches.set(id, watches.add(watch));
    const end = (): void => {
      watches.delete(watch);
      if (watches.size === 0) this.#watches.delete(id);
    };
    return { watch, end };
  }

  /** Nobody waits any more: the feed is let go of, or began anew. */
  release(): void {
    this.#release();
  }

  #release(): void {
    for (const watch of [...this.#watches.values()].flatMap((watches) => [...watches])) {
      watch.isOver = true;
      watch.onNews();
    }
  }

  #settle({ type, subject, record }: FeedEvent<Data>): void {
    if (record === undefined) return;
    const id = subject ?? record.id;
    const isDeleted = type === "deleted";
    const ahead = this.#ahead.get(id);
    const isReached =
      ahead === "deleted" ? isDeleted : ahead !== undefined && (record.version ?? 0) >= ahead;
    if (isReached) this.#ahead.delete(id);
    for (const watch of this.#watches.get(id) ?? []) {
      if (isDeleted) watch.isDeleted = true;
      else watch.version = Math.max(watch.version, record.version ?? 0);
      watch.onNews();
    }
  }

  #truncate(): void {
    this.#isStale = false;
    this.#held.clear();
    this.#ahead.clear();
    // Whether it is ready, the one who follows the feed decides.
    this.#run.truncate({ markReady: false });
  }

  #show(key: string): void {
    const entry = this.#store.get(key);
    if (entry === undefined || this.#ahead.has(key)) return;
    if (entry.record !== null) this.#write(entry.record as FeedRecord<Data>, key);
  }

  #write(record: FeedRecord<Data>, key: string): void {
    this.#run.write({ type: this.#held.has(key) ? "update" : "insert", value: record });
    this.#held.add(key);
  }

  #drop(key: string): void {
    if (this.#held.delete(key)) this.#run.write({ type: "delete", key });
  }
}
