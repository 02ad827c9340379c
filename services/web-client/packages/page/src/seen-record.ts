/**
 * One record as somebody looks at it by itself: as it is now, and what happened to it. By REST at
 * first, then by what the feed tells. No DOM.
 */

import type { FeedRecord, RecordEntry } from "./library";
import { type ListFailure, ListRetry } from "./list-retry";
import type { HistoryEvent } from "./record-reading";
import type { FeedChange, OlderState, WatchedFeed } from "./watched-feed";

/** How many events one page of a history has. */
export const HISTORY_EVENTS = 50;

export interface RecordSource {
  record(): Promise<FeedRecord | null>;
  /** Oldest first. */
  history(before: number | null, limit: number): Promise<readonly HistoryEvent[]>;
}

export class SeenRecord {
  state: "loading" | "present" | "deleted" | "missing" | "failed" = "loading";
  /** As it is; of a deleted one as it was. */
  record: FeedRecord | null = null;
  /** Oldest first. */
  history: readonly HistoryEvent[] = [];
  olderState: OlderState = "more";
  /** Why it could not be had, and when it is asked for again. */
  failure: ListFailure | null = null;

  readonly #retry = new ListRetry(() => void this.load());
  /** Counts what was asked: an answer that is not the newest one's changes nothing. */
  #turn = 0;
  readonly #stopFeed: () => void;

  constructor(
    readonly feed: WatchedFeed,
    readonly id: string,
    private readonly source: RecordSource,
    private readonly onChange: () => void,
  ) {
    this.#stopFeed = feed.subscribe((change) => this.#onFeed(change));
    void this.load();
  }

  stop(): void {
    this.#turn += 1;
    this.#retry.cancel();
    this.#stopFeed();
  }

  async load(): Promise<void> {
    this.#turn += 1;
    const turn = this.#turn;
    this.#retry.cancel();
    this.state = "loading";
    this.failure = null;
    this.onChange();
    try {
      // The history first: what happens in between is told by the feed, and not lost.
      const history = await this.source.history(null, HISTORY_EVENTS);
      const record = await this.source.record();
      if (turn !== this.#turn) return;
      this.#retry.succeed();
      this.history = history;
      this.olderState = isComplete(history, HISTORY_EVENTS) ? "end" : "more";
      this.record = record ?? history.findLast((event) => event.record !== null)?.record ?? null;
      this.state = stateOf(record, history);
      const known = this.feed.records.get(this.id);
      if (known !== undefined) this.#take(known);
    } catch (error) {
      if (turn !== this.#turn) return;
      this.state = "failed";
      this.failure = this.#retry.fail(error);
    }
    this.onChange();
  }

  async loadOlder(): Promise<void> {
    if (this.olderState === "loading" || this.olderState === "end") return;
    this.olderState = "loading";
    this.onChange();
    try {
      const before = this.history[0]?.sequence ?? null;
      const older = await this.source.history(before, HISTORY_EVENTS);
      this.history = [...older, ...this.history];
      this.olderState = isComplete(older, HISTORY_EVENTS) ? "end" : "more";
    } catch {
      this.olderState = "failed";
    }
    this.onChange();
  }

  #onFeed(change: FeedChange): void {
    if (this.state === "loading" || change === null) return;
    if (change.cleared) {
      void this.load();
      return;
    }
    if (!change.added.includes(this.id) && !change.changed.includes(this.id)) return;
    const entry = this.feed.records.get(this.id);
    if (entry !== undefined && this.#take(entry)) this.onChange();
  }

  /** Take the newest event in; says whether it was news. */
  #take({ event, record, state }: RecordEntry): boolean {
    const last = this.history.at(-1)?.sequence ?? 0;
    if (event.sequence <= last || event.type === "reset" || event.type === "listed") return false;
    const { sequence, type, time } = event;
    this.history = [...this.history, { sequence, type, time, record }];
    if (record !== null) this.record = record;
    this.state = state === "deleted" ? "deleted" : "present";
    return true;
  }
}

/** Nothing is before it: it begins with the record, or there were fewer than were asked for. */
function isComplete(history: readonly HistoryEvent[], asked: number): boolean {
  return history.length === 0 || (history.length < asked && history[0]?.type === "created");
}

function stateOf(
  record: FeedRecord | null,
  history: readonly HistoryEvent[],
): "present" | "deleted" | "missing" {
  if (record !== null) return "present";
  return history.length > 0 ? "deleted" : "missing";
}
