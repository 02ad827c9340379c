/**
 * One feed as the page follows it: what is applied, what is held back while paused, what is unread,
 * and how far back it reaches. No DOM; the list and the header listen.
 */

import type {
  FeedEvent,
  FeedInfo,
  FeedState,
  Position,
  RecordEntry,
  Records,
  StoreChange,
  Subscription,
} from "./library";

export type OlderState = "more" | "loading" | "failed" | "end";
export type ProblemCode = "malformed" | "page-too-old" | "untrusted" | "missing";

/** How many events one request for older ones asks for. */
export const OLDER_PAGE_EVENTS = 100;

/** A page that is left open for days keeps a bounded number of records; the rest is asked for again. */
export const MOST_KEPT = 20_000;
/** How many are left after it was too many. */
export const KEPT_AFTER_TRIM = 5_000;

/** `null` stands for a change of anything but the records. */
export type FeedChange = StoreChange | null;

export class WatchedFeed {
  state: FeedState = { kind: "connecting" };
  olderState: OlderState = "more";
  problem: ProblemCode | null = null;
  /** True once there is something true to show: events came, or the feed is known to be empty. */
  isLoaded = false;
  /** True after the feed began a new epoch under the reader's eyes. */
  wasReset = false;
  isPaused = false;
  /** Entries after this sequence count as new to the reader. */
  newAfter = Number.POSITIVE_INFINITY;

  /** True while the reader is further down the list: then nothing is taken away below. */
  isReadingOlder = false;

  /** It was taken from the reader's list: nothing of it is followed or shown. */
  isShut = false;

  #subscription: Subscription | null = null;
  #held: FeedEvent[] = [];
  #heldCount = 0;
  #applied: Position | null = null;
  #seen: Position | null = null;
  /** Events since then. Not the distance of two positions: some places have nothing to see. */
  #unread = 0;
  #isLookedAt = false;
  #oldestSequence: number | null = null;
  /** It shows a table: what is further down is in no event. */
  #isListed = false;
  readonly #listeners = new Set<(change: FeedChange) => void>();

  /** `seen`: how far the reader had seen it before, where that is known. */
  constructor(
    public info: FeedInfo,
    readonly records: Records,
    seen: Position | null = null,
  ) {
    this.#seen = seen;
  }

  /** How far the reader has seen it. */
  get seen(): Position | null {
    return this.#seen;
  }

  get unread(): number {
    return this.#unread;
  }

  /** How many events wait because the reader paused. */
  get heldCount(): number {
    return this.#heldCount;
  }

  /** How far what is shown goes. */
  get applied(): Position | null {
    return this.#applied;
  }

  subscribe(listener: (change: FeedChange) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Follow the feed by this subscription; one that was followed before is closed. */
  follow(subscription: Subscription): void {
    this.#subscription?.close();
    this.isShut = false;
    this.#subscription = subscription;
    subscription.on("state", (detail) => {
      if (subscription === this.#subscription) this.#onState(detail);
    });
    subscription.on("events", (detail) => {
      if (subscription === this.#subscription) this.#onEvents(detail.events);
    });
    subscription.on("position", () => {
      if (subscription === this.#subscription) this.#onEvents([]);
    });
    subscription.on("reset", (detail) => {
      if (subscription === this.#subscription) this.#onReset(detail);
    });
    subscription.on("problem", ({ code }) => {
      if (subscription !== this.#subscription) return;
      this.problem = code;
      this.#tell(null);
    });
    this.state = subscription.state;
    this.#tell(null);
  }

  stop(): void {
    this.#subscription?.close();
    this.#subscription = null;
  }

  /** Not open to the reader any more: say so, and leave nothing of it in sight. */
  shut(): void {
    if (this.isShut) return;
    this.stop();
    this.isShut = true;
    this.#onState({ kind: "refused", code: "no-longer-open", reason: "" });
  }

  /** The server said that it is not open to the reader. */
  get isRefused(): boolean {
    return this.state.kind === "refused" && this.state.code.endsWith("-open");
  }

  /** Where another subscription can go on without a gap; the newest received, applied or held. */
  get position(): Position | null {
    return this.#subscription?.position ?? this.#applied;
  }

  setLookedAt(isLookedAt: boolean): void {
    if (this.#isLookedAt === isLookedAt) return;
    this.#isLookedAt = isLookedAt;
    if (isLookedAt && this.#seen !== null) this.newAfter = this.#seen.sequence;
    this.#markSeen();
    this.#tell(null);
  }

  setPaused(isPaused: boolean): void {
    if (this.isPaused === isPaused) return;
    this.isPaused = isPaused;
    if (!isPaused) this.#release();
    this.#markSeen();
    this.#tell(null);
  }

  dismissProblem(): void {
    this.problem = null;
    this.wasReset = false;
    this.#tell(null);
  }

  async loadOlder(): Promise<void> {
    const subscription = this.#subscription;
    if (subscription === null || this.olderState === "loading" || this.olderState === "end") return;
    const before = this.#oldestSequence;
    if (before === null) return;
    this.olderState = "loading";
    this.#tell(null);
    try {
      const events = await subscription.loadOlder(before, OLDER_PAGE_EVENTS);
      if (before !== this.#oldestSequence) return;
      const first = events[0];
      this.olderState = isFirst(first) ? "end" : "more";
      this.#noteOldest(events);
      if (events.length > 0) this.#tell(this.records.apply(events));
    } catch {
      this.olderState = "failed";
    }
    this.#tell(null);
  }

  #onState(state: FeedState): void {
    this.state = state;
    if (this.isRefused) this.#forget();
    if (state.kind === "live") {
      this.isLoaded = true;
      this.#dropSeenOfOtherEpoch();
      this.#applied ??= this.#subscription?.position ?? null;
      // What the page began with is no news; the count starts here.
      if (this.#seen === null) {
        this.#seen = this.#subscription?.position ?? null;
        this.newAfter = this.#seen?.sequence ?? 0;
      }
      const isAtStart = this.#oldestSequence === null || this.#oldestSequence <= 1;
      if (isAtStart && !this.#isListed) this.olderState = "end";
      this.#lookFurther();
      this.#markSeen();
    }
    this.#tell(null);
  }

  /** What was seen in another epoch says nothing about this one. */
  #dropSeenOfOtherEpoch(): void {
    const epoch = this.#subscription?.position?.epoch;
    if (epoch === undefined || this.#seen === null || this.#seen.epoch === epoch) return;
    this.#seen = null;
    this.newAfter = Number.POSITIVE_INFINITY;
  }

  /** The newest places may have nothing to show, and records may stand below them. */
  #lookFurther(): void {
    const sequence = this.#applied?.sequence ?? 0;
    if (this.#oldestSequence !== null || this.isPaused || sequence === 0) return;
    this.#oldestSequence = sequence + 1;
    this.olderState = "more";
    void this.loadOlder();
  }

  #onEvents(events: readonly FeedEvent[]): void {
    this.isLoaded = true;
    this.#dropSeenOfOtherEpoch();
    if (this.isPaused) this.#hold(events);
    else this.#apply(events);
    const seen = this.#seen;
    if (seen !== null)
      this.#unread += events.filter(
        ({ sequence, type, place }) =>
          sequence > seen.sequence && type !== "reset" && place === undefined,
      ).length;
    this.#markSeen();
    this.#tell(null);
  }

  #forget(): void {
    this.#onReset(null);
    this.wasReset = false;
    this.#seen = null;
    this.isLoaded = false;
  }

  #onReset(position: Position | null): void {
    const hadRecords = this.records.size > 0;
    this.#held = [];
    this.#heldCount = 0;
    this.records.clear();
    this.#unread = 0;
    if (this.#seen !== null && position !== null) this.#seen = position;
    this.#applied = position;
    this.#oldestSequence = null;
    this.#isListed = false;
    this.olderState = "more";
    this.wasReset = hadRecords;
    this.newAfter = position?.sequence ?? 0;
    this.#tell({ added: [], changed: [], cleared: true });
  }

  #hold(events: readonly FeedEvent[]): void {
    for (const event of events) this.#held.push(event);
    this.#heldCount += events.length;
    if (this.#held.length > MOST_KEPT) this.#held = this.#held.slice(-KEPT_AFTER_TRIM);
  }

  #release(): void {
    const held = this.#held;
    // Where the oldest of those held were let go, what is shown must not stand below a hole.
    const hasHole = this.#heldCount > held.length;
    this.#held = [];
    this.#heldCount = 0;
    if (hasHole) this.#restart();
    this.#apply(held);
  }

  #restart(): void {
    this.records.clear();
    this.#oldestSequence = null;
    this.olderState = "more";
    this.#tell({ added: [], changed: [], cleared: true });
  }

  #trim(): void {
    // Rows of a table are listed downwards, once: those above cannot be asked for again.
    if (this.records.size <= MOST_KEPT || this.isReadingOlder || this.#isListed) return;
    const kept = this.records.slice(0, KEPT_AFTER_TRIM);
    this.#restart();
    const events = kept.reverse().flatMap(eventsOfEntry);
    this.#noteOldest(events);
    this.#tell(this.records.apply(events));
  }

  #apply(events: readonly FeedEvent[]): void {
    this.#applied = this.#subscription?.position ?? this.#applied;
    if (events.length === 0) return;
    this.#noteOldest(events);
    this.#tell(this.records.apply(events));
    this.#trim();
  }

  /** Behind a reset there is nothing to go back to. */
  #noteOldest(events: readonly FeedEvent[]): void {
    const first = events[0];
    if (first === undefined) return;
    this.#isListed ||= first.place !== undefined;
    this.#oldestSequence = Math.min(this.#oldestSequence ?? first.sequence, first.sequence);
    const reset = events.findLast(({ type }) => type === "reset");
    if (reset === undefined) return;
    this.#oldestSequence = Math.max(this.#oldestSequence, reset.sequence);
    this.olderState = "end";
  }

  #markSeen(): void {
    if (this.#seen === null || !this.#isLookedAt || this.isPaused) return;
    this.#seen = this.#subscription?.position ?? this.#seen;
    this.#unread = 0;
  }

  #tell(change: FeedChange): void {
    for (const listener of this.#listeners) listener(change);
  }
}

/** Nothing is before it; where there is none, nothing is there at all. */
function isFirst(event: FeedEvent | undefined): boolean {
  return event === undefined || (event.place === undefined && event.sequence <= 1);
}

/** The events that bring an entry back to its place: where it appeared, then what it is now. */
function eventsOfEntry({ sequence, record, event }: RecordEntry): readonly FeedEvent[] {
  if (record === null || event.sequence === sequence) return [event];
  return [{ ...event, sequence }, event];
}
