/**
 * Keeps one subscription's events in an event log, and gives it what was kept of them before. Nothing
 * waits for the log but the beginning, and that not for long.
 */

import type { FeedEvent } from "../model/event";
import type { EventLog, Kept, LogKey, LogLimit, Passage } from "../model/event-log";
import { stringifyExactJson } from "../model/exact-json";
import type { Position } from "../model/positions";
import { bytesOf } from "../model/size";
import { ageOf, type Moment, momentOf } from "./ages";
import type { SubscriptionEvents } from "./emitted";
import type { ClockPort, Timer } from "./ports";
import type { FeedState } from "./states";

/** So long events are gathered before they are written. */
const GATHER_MS = 500;
/** So long it is believed that everybody may read a feed. */
const PUBLIC_MS = 60_000;
/** So long a subscription waits for what was kept, and on while no server has it. */
const READ_LIMIT_MS = 2_000;

/** What it needs of a subscription. */
export type KeptFeed = {
  readonly feed: string;
  readonly position: Position | null;
  /** The archive's id up to which nothing is missing. */
  readonly anchor: string | null;
  readonly state: FeedState;
  readonly closing: AbortSignal;
  on<Name extends keyof SubscriptionEvents>(
    name: Name,
    listener: (detail: SubscriptionEvents[Name]) => void,
  ): () => void;
};

export type Surroundings = {
  readonly clock: ClockPort;
  readonly origin: string;
  /** Who reads, by a name; "" for a guest. null: not known yet. */
  reader(): string | null;
  /** Whether everybody may read the feed. Rejects where nobody can say. */
  isPublic(feed: string): Promise<boolean>;
  /** Resolves when a server is there, or refuses us. */
  served(): Promise<void>;
};

type Gathered = { -readonly [Name in keyof Passage]: Passage[Name] } & {
  events: FeedEvent[];
  /** What each event takes in the log. */
  sizes: number[];
  bytes: number;
};

export class LogKeeper {
  #gathered: Gathered | null = null;
  /** How far what was given out goes; null: it begins with the next. */
  #upTo: Position | null = null;
  #isPublic: boolean | null = null;
  #askedAt: Moment | null = null;
  #timer: Timer = null;
  #writing: Promise<void> = Promise.resolve();

  constructor(
    private readonly log: EventLog,
    private readonly feed: KeptFeed,
    private readonly surroundings: Surroundings,
  ) {}

  /** What was kept of the feed for this reader; null: nothing, or nothing before a server was there. */
  async read(): Promise<Kept | null> {
    const { clock } = this.surroundings;
    let timer: Timer = null;
    const late = new Promise<null>((resolve) => {
      timer = clock.setTimer(async () => {
        await this.surroundings.served();
        resolve(null);
      }, READ_LIMIT_MS);
    });
    const kept = await Promise.race([this.#read(), late]);
    clock.clearTimer(timer);
    this.#upTo = kept?.position ?? null;
    return kept;
  }

  /** Write down what the subscription gives out from now on. */
  start(): void {
    const offs = [
      this.feed.on("events", ({ events, position }) => this.#gather(events, position)),
      this.feed.on("position", (position) => this.#gather([], position)),
      this.feed.on("reset", ({ epoch, sequence }) => {
        this.#upTo = null;
        this.#gathered = null;
        this.#gather([], { epoch, sequence });
      }),
      this.feed.on("state", (state) => this.#onState(state)),
    ];
    this.feed.closing.addEventListener("abort", () => {
      for (const off of offs) off();
      void this.flush();
    });
  }

  /** Write at once what was gathered. */
  flush(): Promise<void> {
    this.#restartTimer(null);
    this.#writing = this.#writing.then(() => this.#write());
    return this.#writing;
  }

  /** Forget what was not written yet. Resolves when nothing is under way. */
  discard(): Promise<void> {
    this.#gathered = null;
    this.#upTo = null;
    return this.#writing;
  }

  async #read(): Promise<Kept | null> {
    let newest: Kept | null = null;
    for (const reader of this.#readers) {
      const kept = await this.log.read(this.#keyOf(reader));
      // What could not be relayed the server may have by now: that is begun with, as ever.
      if (kept === null || kept.events.some(({ type }) => type === "unavailable")) continue;
      if (newest === null || kept.at > newest.at) newest = kept;
    }
    return newest;
  }

  get #readers(): string[] {
    const reader = this.surroundings.reader();
    return this.log.keepsPrivate && reader ? [reader, ""] : [""];
  }

  #keyOf(reader: string): LogKey {
    return { origin: this.surroundings.origin, reader, feed: this.feed.feed };
  }

  #gather(events: readonly FeedEvent[], to: Position): void {
    const from = this.#upTo;
    this.#gathered ??= { from, to, events: [], sizes: [], bytes: 0, anchor: null };
    const gathered = this.#gathered;
    this.#upTo = to;
    gathered.to = to;
    gathered.anchor = this.feed.anchor;
    for (const event of events) {
      const size = bytesOf(stringifyExactJson(event));
      gathered.events.push(event);
      gathered.sizes.push(size);
      gathered.bytes += size;
    }
    const { limit } = this.log;
    const isMuch = gathered.events.length > 2 * limit.events || gathered.bytes > 2 * limit.bytes;
    if (isMuch) keepNewest(gathered, limit);
    this.#timer ??= this.surroundings.clock.setTimer(() => void this.flush(), GATHER_MS);
  }

  async #write(): Promise<void> {
    if (this.#gathered !== null && this.#isStale) await this.#seeWhetherPublic();
    const gathered = this.#gathered;
    const reader = this.#keeper();
    if (gathered === null || (reader === null && this.#isPublic === null)) return;
    this.#gathered = null;
    if (reader !== null) {
      const { from, to, events, anchor } = gathered;
      await this.log.append(this.#keyOf(reader), { from, to, events, anchor });
    }
  }

  /** It was public, but is it still, before what only he may read stands in everybody's log? */
  get #isStale(): boolean {
    if (this.#isPublic !== true || this.surroundings.reader() === "") return false;
    return this.#askedAt === null || ageOf(this.#askedAt, this.surroundings.clock) > PUBLIC_MS;
  }

  /** In whose log it is written; null: in none, as far as is known. */
  #keeper(): string | null {
    const reader = this.surroundings.reader();
    if (reader === "") return "";
    if (this.#isPublic === null) return null;
    if (this.#isPublic) return "";
    return this.log.keepsPrivate ? reader : null;
  }

  #onState(state: FeedState): void {
    if (state.kind === "live") void this.#askWhetherPublic();
    if (state.kind === "refused" && state.code.endsWith("-open")) this.#drop();
  }

  /** Nothing of a feed is left that is not open to the reader. */
  #drop(): void {
    this.#gathered = null;
    this.#upTo = null;
    const readers = new Set([...this.#readers, this.surroundings.reader() ?? ""]);
    this.#writing = this.#writing.then(async () => {
      for (const reader of readers) await this.log.drop(this.#keyOf(reader));
    });
  }

  /** A guest reads nothing else. */
  async #askWhetherPublic(): Promise<void> {
    if (this.surroundings.reader() === "") return;
    await this.#seeWhetherPublic();
    if (this.#isPublic !== null) await this.flush();
  }

  /** Where nobody can say, nobody keeps it until somebody can. */
  async #seeWhetherPublic(): Promise<void> {
    this.#isPublic = null;
    try {
      const isPublic = await this.surroundings.isPublic(this.feed.feed);
      // It stands in one of the two: what everybody could read, or what he could, is over.
      const reader = this.surroundings.reader();
      if (!isPublic) await this.log.drop(this.#keyOf(""));
      else if (this.log.keepsPrivate && reader) await this.log.drop(this.#keyOf(reader));
      this.#isPublic = isPublic;
      this.#askedAt = momentOf(this.surroundings.clock);
    } catch {
      // Asked again when it is live again.
    }
  }

  #restartTimer(timer: Timer): void {
    if (this.#timer !== null) this.surroundings.clock.clearTimer(this.#timer);
    this.#timer = timer;
  }
}

/** What is let go of the log would let go of too: what is left begins anew. */
function keepNewest(gathered: Gathered, limit: LogLimit): void {
  const { sizes } = gathered;
  let first = 0;
  const most = limit.events;
  while (
    first < sizes.length - 1 &&
    (sizes.length - first > most || gathered.bytes > limit.bytes)
  ) {
    gathered.bytes -= sizes[first] ?? 0;
    first += 1;
  }
  gathered.events = gathered.events.slice(first);
  gathered.sizes = sizes.slice(first);
  gathered.from = null;
}
