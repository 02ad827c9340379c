/**
 * One feed as the page follows it: what of it is shown, and how far back that reaches. What waits is in
 * held-events.ts, what is unread in read-progress.ts. No DOM; the list and the header listen.
 */

import { HeldEvents } from "./held-events";
import { KEPT_AFTER_TRIM, MOST_KEPT, MOST_KEPT_BYTES } from "./kept-limits";
import type {
  FeedEvent,
  FeedInfo,
  FeedState,
  Position,
  Records,
  ResetDetail,
  StoreChange,
  Subscription,
} from "./library";
import { Pulse } from "./pulse";
import { ReadProgress } from "./read-progress";
import { BROWSER_ALONE, type Clocks } from "./server-clock";

/** `full`: more than these the page does not hold, as long as somebody reads further down. */
export type OlderState = "more" | "loading" | "failed" | "end" | "full";
export type ProblemCode = "malformed" | "page-too-old" | "untrusted" | "missing";

/** How many events one request for older ones asks for. */
const OLDER_PAGE_EVENTS = 100;

/** How many pages of rows that are there already are passed over in one go. */
const MOST_KNOWN_PAGES = 100;

/** `null` stands for a change of anything but the records. */
export type FeedChange = StoreChange | null;

const CLEARED: StoreChange = { added: [], changed: [], removed: [], cleared: true };

export class WatchedFeed {
  state: FeedState = { kind: "connecting" };
  olderState: OlderState = "more";
  problem: ProblemCode | null = null;
  /** True once there is something true to show: events came, or the feed is known to be empty. */
  isLoaded = false;
  /** True after the feed began a new epoch under the reader's eyes. */
  wasReset = false;
  isPaused = false;
  /** What is shown is from the browser's log, which was written then; null once it is live. */
  keptAt: Date | null = null;
  /** So many events were missed, and are not fetched before somebody scrolls there; 0: none. */
  skippedCount = 0;

  /** It was taken from the reader's list: nothing of it is followed or shown. */
  isShut = false;

  readonly pulse = new Pulse();

  /** The first of those that were missed. */
  #skippedFrom: number | null = null;
  #isReadingOlder = false;
  #subscription: Subscription | null = null;
  readonly #held = new HeldEvents();
  #applied: Position | null = null;
  readonly #progress: ReadProgress;
  #isLookedAt = false;
  #oldestSequence: number | null = null;
  /** It shows a table: what is further down is in no event. */
  #isListed = false;
  readonly #listeners = new Set<(change: FeedChange) => void>();
  readonly #eventListeners = new Set<(events: readonly FeedEvent[]) => void>();

  /** `seen`: how far the reader had seen it before, where that is known. */
  constructor(
    public info: FeedInfo,
    readonly records: Records,
    seen: Position | null = null,
    private readonly clocks: Clocks = BROWSER_ALONE,
  ) {
    this.#progress = new ReadProgress(seen);
  }

  /** How far the reader has seen it, or where it began. */
  get seen(): Position | null {
    return this.#progress.seen;
  }

  /** Entries after this sequence count as new to the reader. */
  get newAfter(): number {
    return this.#progress.newAfter;
  }

  /** How far it was seen here; null: it was not looked at. */
  get lookedAtUpTo(): Position | null {
    return this.#progress.lookedAtUpTo;
  }

  /**
   * The reader has seen it this far, as is known from somewhere else; null: nothing is known. `isOther`:
   * it is another reader from now on.
   */
  adoptSeen(seen: Position | null, isOther = false): void {
    this.#progress.adopt(seen, this.position, isOther);
    this.#markSeen();
    this.#tell(null);
  }

  get unread(): number {
    return this.#progress.unread;
  }

  /** How many events wait because the reader paused, or is further down a list that is full. */
  get heldCount(): number {
    return this.#held.count;
  }

  /** Set while the reader is further down the list: then nothing is taken away below. */
  set isReadingOlder(isReadingOlder: boolean) {
    if (this.#isReadingOlder === isReadingOlder) return;
    this.#isReadingOlder = isReadingOlder;
    if (isReadingOlder) return;
    if (!this.isPaused) this.#release();
    if (this.olderState === "full") this.olderState = "more";
    this.#tell(null);
  }

  /** How far what is shown goes. */
  get applied(): Position | null {
    return this.#applied;
  }

  subscribe(listener: (change: FeedChange) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Be told of each event that is applied, also of those that another one of the same record follows. */
  onApplied(listener: (events: readonly FeedEvent[]) => void): () => void {
    this.#eventListeners.add(listener);
    return () => this.#eventListeners.delete(listener);
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
      if (subscription !== this.#subscription) return;
      this.keptAt = detail.keptAt ?? this.keptAt;
      this.#beat(detail.events, detail.live);
      this.#onEvents(detail.events);
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
    this.pulse.setLive(this.state.kind === "live", this.clocks.now());
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

  /** The server said that it is not open to the reader, or that he is not who he says. */
  get isRefused(): boolean {
    const { state } = this;
    if (state.kind !== "refused") return false;
    return state.code.endsWith("-open") || state.code === "credentials";
  }

  /** Where another subscription can go on without a gap; the newest received, applied or held. */
  get position(): Position | null {
    return this.#subscription?.position ?? this.#applied;
  }

  setLookedAt(isLookedAt: boolean): void {
    if (this.#isLookedAt === isLookedAt) return;
    this.#isLookedAt = isLookedAt;
    if (isLookedAt) this.#progress.look();
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
    this.#skippedFrom = null;
    this.skippedCount = 0;
    this.#tell(null);
  }

  async loadOlder(): Promise<void> {
    const subscription = this.#subscription;
    if (subscription === null || this.olderState === "loading" || this.olderState === "end") return;
    const before = this.#oldestSequence;
    if (before === null) return;
    if (this.#isFull) {
      this.olderState = "full";
      this.#tell(null);
      return;
    }
    this.olderState = "loading";
    this.#tell(null);
    try {
      await this.#loadOlder(subscription, before);
    } catch {
      this.olderState = "failed";
    }
    this.#tell(null);
  }

  async #loadOlder(subscription: Subscription, from: number): Promise<void> {
    let before = from;
    for (let page = 0; page < MOST_KNOWN_PAGES; page += 1) {
      const events = await subscription.loadOlder(before, OLDER_PAGE_EVENTS);
      if (before !== this.#oldestSequence) return;
      // A row that is there is at least as new as the table was when it was read.
      const fresh = events.filter(
        ({ place, subject }) => place === undefined || !this.#isKnown(subject),
      );
      this.olderState = isFirst(events[0]) ? "end" : "more";
      this.#noteOldest(events);
      before = this.#oldestSequence ?? before;
      if (fresh.length > 0) this.#tell(this.records.apply(fresh));
      if (fresh.length > 0 || this.olderState === "end") return;
    }
  }

  #isKnown(key: string | undefined): boolean {
    return key !== undefined && this.records.get(key) !== undefined;
  }

  /** Somebody reads further down, and no more may be added there, nor above. */
  get #isFull(): boolean {
    return this.#isReadingOlder && this.#isTooMuch;
  }

  get #isTooMuch(): boolean {
    const { size, bytes } = this.records;
    return size > MOST_KEPT || (bytes > MOST_KEPT_BYTES && size > 1);
  }

  #onState(state: FeedState): void {
    this.state = state;
    this.pulse.setLive(state.kind === "live", this.clocks.now());
    if (this.isRefused) this.#forget();
    if (state.kind === "live") {
      this.isLoaded = true;
      this.keptAt = null;
      // What failed for want of a connection is asked for again where somebody scrolls to.
      if (this.olderState === "failed") this.olderState = "more";
      const at = this.#subscription?.position ?? null;
      this.#progress.dropOtherEpoch(at?.epoch);
      this.#applied ??= at;
      this.#progress.begin(at);
      const isAtStart = this.#oldestSequence === null || this.#oldestSequence <= 1;
      if (isAtStart && !this.#isListed) this.olderState = "end";
      this.#lookFurther();
      this.#markSeen();
    }
    this.#tell(null);
  }

  /** The newest places may have nothing to show, and records may stand below them. */
  #lookFurther(): void {
    const sequence = this.#applied?.sequence ?? 0;
    if (this.#oldestSequence !== null || this.isPaused || sequence === 0) return;
    this.#oldestSequence = sequence + 1;
    this.olderState = "more";
    void this.loadOlder();
  }

  #beat(events: readonly FeedEvent[], isLive: boolean): void {
    if (isLive) this.pulse.arrive(events, this.clocks.now(), this.clocks.ahead());
    else this.pulse.pass(events);
  }

  #onEvents(events: readonly FeedEvent[]): void {
    this.isLoaded = true;
    this.#progress.dropOtherEpoch(this.#subscription?.position?.epoch);
    if (this.isPaused) this.#held.add(events);
    else if (this.#isFull) this.#changeShown(events);
    else this.#apply(events);
    this.#progress.count(events);
    this.#markSeen();
    this.#tell(null);
  }

  #forget(): void {
    this.#onReset(null);
    this.wasReset = false;
    this.#progress.forget();
    this.isLoaded = false;
  }

  #onReset(position: ResetDetail | null): void {
    const hadRecords = this.records.size > 0;
    const skipped = position?.skipped;
    this.#held.clear();
    this.records.clear();
    if (skipped === undefined) this.pulse.clear();
    this.#progress.reset(position);
    this.#skippedFrom = skipped?.from ?? null;
    this.skippedCount = skipped === undefined ? 0 : skipped.to - skipped.from + 1;
    this.#applied = position;
    this.#oldestSequence = null;
    this.#isListed = false;
    this.olderState = "more";
    this.wasReset = hadRecords && skipped === undefined;
    this.#tell(CLEARED);
  }

  /** What is shown changes where it stands; what is new waits for the reader to come back to the top. */
  #changeShown(events: readonly FeedEvent[]): void {
    if (events.some(({ type }) => type === "reset")) {
      // Nothing of what waits, or is shown, is there any more.
      this.#held.clear();
      this.#apply(events);
      return;
    }
    const shown = events.filter(({ subject }) => this.#isKnown(subject));
    this.#held.add(events.filter((event) => !shown.includes(event)));
    this.#applyEvents(shown);
  }

  #release(): void {
    const { events, hasHole } = this.#held.take();
    // What is shown must not stand below it.
    if (hasHole) {
      this.records.clear();
      this.#oldestSequence = null;
      this.olderState = "more";
      this.#tell(CLEARED);
    }
    this.#apply(events);
  }

  #trim(): void {
    if (!this.#isTooMuch || this.#isReadingOlder) return;
    const limit = { records: KEPT_AFTER_TRIM, bytes: MOST_KEPT_BYTES / 4 };
    this.#tell(this.records.trim(limit));
    const { size, droppedUpTo } = this.records;
    // What was taken away may have changed since what is kept came.
    this.#oldestSequence = this.#isListed
      ? (this.records.at(size - 1)?.sequence ?? null)
      : droppedUpTo + 1;
    this.olderState = "more";
  }

  #apply(events: readonly FeedEvent[]): void {
    this.#applied = this.#subscription?.position ?? this.#applied;
    if (events.length > 0) {
      this.#noteOldest(events);
      this.#applyEvents(events);
    }
    this.#trim();
  }

  #applyEvents(events: readonly FeedEvent[]): void {
    this.#tell(this.records.apply(events));
    for (const listener of this.#eventListeners) listener(events);
  }

  /** Behind a reset there is nothing to go back to. */
  #noteOldest(events: readonly FeedEvent[]): void {
    const first = events[0];
    if (first === undefined) return;
    const place = first.place ?? first.sequence;
    this.#isListed ||= first.place !== undefined;
    this.#oldestSequence = Math.min(this.#oldestSequence ?? place, place);
    if (this.#skippedFrom !== null) {
      this.skippedCount = Math.max(0, this.#oldestSequence - this.#skippedFrom);
    }
    const reset = events.findLast(({ type }) => type === "reset");
    if (reset === undefined) return;
    this.#oldestSequence = Math.max(this.#oldestSequence, reset.sequence);
    this.olderState = "end";
  }

  #markSeen(): void {
    if (!this.#isLookedAt || this.isPaused) return;
    this.#progress.see(this.#subscription?.position ?? null);
  }

  #tell(change: FeedChange): void {
    for (const listener of this.#listeners) listener(change);
  }
}

/** Nothing is before it; where there is none, nothing is there at all. */
function isFirst(event: FeedEvent | undefined): boolean {
  return event === undefined || (event.place === undefined && event.sequence <= 1);
}
