/**
 * One record as somebody looks at it by itself: as it is now, and what happened to it. By REST at
 * first, then by what the feed tells. No DOM.
 */

import type { FeedEvent, FeedRecord } from "./library";
import { type ListFailure, ListRetry } from "./list-retry";
import { type HistoryStep, stepsOf } from "./record-history";
import type { HistoryEvent, HistoryPage } from "./record-reading";
import type { OlderState, WatchedFeed } from "./watched-feed";

/** How many events one page of a history has. */
export const HISTORY_EVENTS = 50;
/** How many are kept, however far back somebody reads. */
export const MOST_HISTORY = 500;

export interface RecordSource {
  record(): Promise<FeedRecord | null>;
  history(before: number | null, limit: number): Promise<HistoryPage>;
}

export class SeenRecord {
  state: "loading" | "present" | "deleted" | "missing" | "failed" = "loading";
  /** As it is; of a deleted one as it was. */
  record: FeedRecord | null = null;
  /** The newest of it, oldest first. */
  history: readonly HistoryEvent[] = [];
  /** `full`: more than MOST_HISTORY the page does not hold. */
  olderState: OlderState = "more";
  /** Why it could not be had, and when it is asked for again. */
  failure: ListFailure | null = null;

  readonly #retry = new ListRetry(() => void this.load());
  /** Counts what was asked: an answer that is not the newest one's changes nothing. */
  #turn = 0;
  /** So many somebody asked for. */
  #wanted = HISTORY_EVENTS;
  #steps: readonly HistoryStep[] = [];
  #stepsFor: readonly HistoryEvent[] = this.history;
  /** What came while the history was asked for. */
  #arrived: HistoryEvent[] = [];
  readonly #stops: readonly (() => void)[];

  constructor(
    readonly feed: WatchedFeed,
    readonly id: string,
    private readonly source: RecordSource,
    private readonly onChange: () => void,
  ) {
    this.#stops = [
      feed.subscribe((change) => {
        if (change?.cleared && this.state !== "loading") void this.load();
      }),
      feed.onApplied((events) => this.#onEvents(events)),
    ];
    void this.load();
  }

  stop(): void {
    this.#turn += 1;
    this.#retry.cancel();
    for (const stop of this.#stops) stop();
  }

  /** What each event changed, the newest first: the same list until there is another history. */
  get steps(): readonly HistoryStep[] {
    if (this.#stepsFor !== this.history) this.#steps = stepsOf(this.history);
    this.#stepsFor = this.history;
    return this.#steps;
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
      const { events, hasMore } = await this.source.history(null, HISTORY_EVENTS);
      const record = await this.source.record();
      if (turn !== this.#turn) return;
      this.#retry.succeed();
      this.history = events;
      this.olderState = hasMore ? "more" : "end";
      this.#wanted = HISTORY_EVENTS;
      this.record = record ?? events.findLast((event) => event.record !== null)?.record ?? null;
      this.state = stateOf(record, events);
      this.#take(this.#arrived);
    } catch (error) {
      if (turn !== this.#turn) return;
      this.state = "failed";
      this.failure = this.#retry.fail(error);
    }
    this.#arrived = [];
    this.onChange();
  }

  async loadOlder(): Promise<void> {
    if (this.olderState === "loading" || this.olderState === "end") return;
    if (this.history.length >= MOST_HISTORY) {
      this.olderState = "full";
      this.onChange();
      return;
    }
    this.olderState = "loading";
    this.onChange();
    const turn = this.#turn;
    const before = this.history[0]?.sequence ?? null;
    try {
      const { events, hasMore } = await this.source.history(before, HISTORY_EVENTS);
      if (turn !== this.#turn) return;
      this.history = [...events, ...this.history];
      this.#wanted = Math.min(MOST_HISTORY, this.history.length);
      this.olderState = hasMore ? "more" : "end";
    } catch {
      if (turn !== this.#turn) return;
      this.olderState = "failed";
    }
    this.onChange();
  }

  #onEvents(events: readonly FeedEvent[]): void {
    const told = events.flatMap((event) => (event.subject === this.id ? historyOf(event) : []));
    if (told.length === 0) return;
    if (this.state === "loading") this.#arrived = [...this.#arrived, ...told].slice(-MOST_HISTORY);
    // What could not be had has this in it when it is asked for again.
    else if (this.state !== "failed" && this.#take(told)) this.onChange();
  }

  /** Take in what is newer than the history; says whether anything was. */
  #take(events: readonly HistoryEvent[]): boolean {
    const last = this.history.at(-1)?.sequence ?? 0;
    const newer = events.filter(({ sequence }) => sequence > last);
    for (const { type, record } of newer) {
      if (record !== null) this.record = record;
      if (type !== "unavailable") this.state = type === "deleted" ? "deleted" : "present";
    }
    if (newer.length > 0) this.history = this.#bounded([...this.history, ...newer]);
    return newer.length > 0;
  }

  /** A record may change all day: of what nobody asked for the oldest leaves, and is asked for again. */
  #bounded(history: readonly HistoryEvent[]): readonly HistoryEvent[] {
    if (history.length <= 2 * this.#wanted || this.olderState === "loading") return history;
    this.olderState = "more";
    return history.slice(-this.#wanted);
  }
}

function historyOf({ sequence, type, time, record }: FeedEvent): HistoryEvent[] {
  return type === "reset" || type === "listed" || type === "left"
    ? []
    : [{ sequence, type, time, record: record ?? null }];
}

function stateOf(
  record: FeedRecord | null,
  history: readonly HistoryEvent[],
): "present" | "deleted" | "missing" {
  if (record !== null) return "present";
  return history.length > 0 ? "deleted" : "missing";
}
