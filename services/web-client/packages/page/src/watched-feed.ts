/**
 * One feed as the page follows it: what is applied, what is held back while paused, what is unread,
 * and how far back it reaches. No DOM; the list and the header listen.
 */

import { sizeOf } from "aviso-feed";
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
import { BROWSER_ALONE, type Clocks } from "./server-clock";

/** `full`: more than these the page does not hold, as long as somebody reads further down. */
export type OlderState = "more" | "loading" | "failed" | "end" | "full";
export type ProblemCode = "malformed" | "page-too-old" | "untrusted" | "missing";

/** How many events one request for older ones asks for. */
const OLDER_PAGE_EVENTS = 100;

/** A page that is left open for days keeps a bounded number of records; the rest is asked for again. */
export const MOST_KEPT = 20_000;
/** And about so many bytes of them. */
export const MOST_KEPT_BYTES = 64 * 1024 * 1024;
/** How many are left after it was too many. */
export const KEPT_AFTER_TRIM = 5_000;
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
  /** Entries after this sequence count as new to the reader. */
  newAfter = Number.POSITIVE_INFINITY;

  /** So many events were missed, and are not fetched before somebody scrolls there; 0: none. */
  skippedCount = 0;

  /** It was taken from the reader's list: nothing of it is followed or shown. */
  isShut = false;

  readonly pulse = new Pulse();

  /** The first of those that were missed. */
  #skippedFrom: number | null = null;
  #isReadingOlder = false;
  #subscription: Subscription | null = null;
  #held: FeedEvent[] = [];
  #heldBytes = 0;
  #heldCount = 0;
  #applied: Position | null = null;
  #seen: Position | null = null;
  #lookedAtUpTo: Position | null = null;
  /** Events since then. Not the distance of two positions: some places have nothing to see. */
  #unread = 0;
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
    this.#seen = seen;
  }

  /** How far the reader has seen it, or where it began. */
  get seen(): Position | null {
    return this.#seen;
  }

  /** How far it was seen here; null: it was not looked at. */
  get lookedAtUpTo(): Position | null {
    return this.#lookedAtUpTo;
  }

  /**
   * The reader has seen it this far, as is known from somewhere else; null: nothing is known. `isOther`:
   * it is another reader from now on.
   */
  adoptSeen(seen: Position | null, isOther = false): void {
    if (isOther) this.#lookedAtUpTo = null;
    const at = this.position;
    if (at === null) {
      if (isOther || seen !== null) this.#seen = seen;
    } else if (seen?.epoch === at.epoch) {
      const left = Math.max(0, at.sequence - seen.sequence);
      const isFurther = this.#seen?.epoch === seen.epoch && seen.sequence >= this.#seen.sequence;
      // Some places have nothing to see: what was counted is never too much.
      this.#unread = isFurther ? Math.min(left, this.#unread) : left;
      this.#seen = seen;
    } else if (isOther) {
      this.#seen = at;
      this.#unread = 0;
    }
    this.#markSeen();
    this.#tell(null);
  }

  get unread(): number {
    return this.#unread;
  }

  /** How many events wait because the reader paused, or is further down a list that is full. */
  get heldCount(): number {
    return this.#heldCount;
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
    this.#lookedAtUpTo = null;
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

  #beat(events: readonly FeedEvent[], isLive: boolean): void {
    if (isLive) this.pulse.arrive(events, this.clocks.now(), this.clocks.ahead());
    else this.pulse.pass(events);
  }

  #onEvents(events: readonly FeedEvent[]): void {
    this.isLoaded = true;
    this.#dropSeenOfOtherEpoch();
    if (this.isPaused) this.#hold(events);
    else if (this.#isFull) this.#changeShown(events);
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
    this.#lookedAtUpTo = null;
    this.isLoaded = false;
  }

  #onReset(position: ResetDetail | null): void {
    const hadRecords = this.records.size > 0;
    const skipped = position?.skipped;
    this.#dropHeld();
    this.records.clear();
    if (skipped === undefined) {
      this.pulse.clear();
      this.#unread = 0;
      this.#lookedAtUpTo = null;
      if (this.#seen !== null && position !== null) this.#seen = position;
    } else if (this.#seen !== null) this.#unread += skipped.to - skipped.from + 1;
    this.#skippedFrom = skipped?.from ?? null;
    this.skippedCount = skipped === undefined ? 0 : skipped.to - skipped.from + 1;
    this.#applied = position;
    this.#oldestSequence = null;
    this.#isListed = false;
    this.olderState = "more";
    this.wasReset = hadRecords && skipped === undefined;
    this.newAfter = position?.sequence ?? 0;
    this.#tell(CLEARED);
  }

  #hold(events: readonly FeedEvent[]): void {
    for (const event of events) {
      this.#held.push(event);
      this.#heldBytes += sizeOf(event);
    }
    this.#heldCount += events.length;
    if (this.#held.length > MOST_KEPT) this.#held = this.#held.slice(-KEPT_AFTER_TRIM);
    else if (this.#heldBytes > MOST_KEPT_BYTES) {
      this.#held = this.#held.slice(-Math.max(1, Math.floor(this.#held.length / 4)));
    } else return;
    this.#heldBytes = this.#held.reduce((sum, event) => sum + sizeOf(event), 0);
  }

  #dropHeld(): void {
    this.#held = [];
    this.#heldBytes = 0;
    this.#heldCount = 0;
  }

  /** What is shown changes where it stands; what is new waits for the reader to come back to the top. */
  #changeShown(events: readonly FeedEvent[]): void {
    if (events.some(({ type }) => type === "reset")) {
      // Nothing of what waits, or is shown, is there any more.
      this.#dropHeld();
      this.#apply(events);
      return;
    }
    const shown = events.filter(({ subject }) => this.#isKnown(subject));
    this.#hold(events.filter((event) => !shown.includes(event)));
    this.#applyEvents(shown);
  }

  #release(): void {
    const held = this.#held;
    // Where the oldest of those held were let go, what is shown must not stand below a hole.
    const hasHole = this.#heldCount > held.length;
    this.#dropHeld();
    if (hasHole) {
      this.records.clear();
      this.#oldestSequence = null;
      this.olderState = "more";
      this.#tell(CLEARED);
    }
    this.#apply(held);
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
    if (this.#seen === null || !this.#isLookedAt || this.isPaused) return;
    this.#seen = this.#subscription?.position ?? this.#seen;
    this.#lookedAtUpTo = this.#seen;
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
