/**
 * A feed, followed over a connection: joins its room, says what is true, and keeps the reader
 * complete.
 *
 * The order at a first start: history over REST, then the room; live messages wait in the reader.
 * After every (re)join, gap and silence the reader catches up again; `live` is said only after it.
 */

import { ApiError } from "../model/errors";
import type { FeedEvent, RecordData } from "../model/event";
import type { Kept } from "../model/event-log";
import { type FieldValue, readFilter } from "../model/filter";
import type { Position } from "../model/positions";
import { type FeedInfo, MAX_EVENTS, type Range } from "../protocol/answers";
import { isSlug } from "../protocol/events";
import type { Hint } from "../protocol/hint";
import type { ReadStanza } from "../protocol/stanzas";
import { CatchUp } from "./catch-up";
import { ChangeStream } from "./change-stream";
import type { Change, SubscriptionEvents } from "./emitted";
import { Emitter } from "./emitter";
import type { FeedConnection, FeedRoom } from "./feed-connection";
import { FeedReader } from "./feed-reader";
import { Filtered } from "./filtered";
import { readCatchUpLimit, readHistory, readPosition, type SubscriptionOptions } from "./options";
import { becomesLive } from "./readiness";
import { endsReading, type FeedState } from "./states";

const STOPPED: FeedState = { kind: "offline", reason: "Closed.", retryAt: null };
const DEFAULT_HISTORY = 100;
type Refused = Extract<FeedState, { kind: "refused" }>;

const NOT_OPEN: Refused = {
  kind: "refused",
  code: "not-open",
  reason: "There is no such feed, or it is not open to you.",
};
const NO_LONGER = "This feed is no longer open to you.";
/** What REST answers where it has no such feed for us. Any other failure may pass. */
const NOT_FOR_US = new Set([403, 404]);

export class Subscription<Data = RecordData>
  extends Emitter<SubscriptionEvents<Data>>
  implements AsyncIterable<Change<Data>>
{
  readonly feed: string;
  readonly #connection: FeedConnection;
  readonly #reader: FeedReader;
  readonly #catchUp: CatchUp;
  readonly #token: string | undefined;
  readonly #fields: readonly FieldValue[] | null;

  #state: FeedState = { kind: "connecting" };
  #listening: (() => void)[] = [];
  /** REST said that the feed is not there for us: the room is not tried meanwhile. */
  #shut: Refused | null = null;
  /** We were in the room with these rights. */
  #wasOpen = false;
  #isStarted = false;
  readonly #closing = new AbortController();
  #room: FeedRoom | null = null;
  #leaveRoom: (() => void) | null = null;

  /** @internal Made by `client.subscribe`. Throws AvisoError, `filter-not-valid`. */
  constructor(feed: string, connection: FeedConnection, options: SubscriptionOptions<Data> = {}) {
    super();
    this.feed = feed;
    this.#connection = connection;
    this.#token = options.token;
    this.#fields = options.filter === undefined ? null : readFilter(options.filter);
    this.#reader = this.#makeReader(options);
    this.#catchUp = new CatchUp(
      this.#reader,
      connection.stream,
      () => this.#roomWeAreIn(),
      (what, facts) => connection.log(what, { feed, ...facts }),
      () => this.#showState(),
    );
  }

  get state(): FeedState {
    return this.#state;
  }

  /** How far the events have gone; null before the first. Keep it to go on later. */
  get position(): Position | null {
    return this.#reader.standing;
  }

  /**
   * It began with a list, of a table's rows or of what matches its filter, and there are more of them
   * than `history`, or than can be listed at once. `loadOlder` has the rest.
   */
  get isCut(): boolean {
    return this.#reader.isCut;
  }

  /** Aborted when it is closed, for good. */
  get closing(): AbortSignal {
    return this.#closing.signal;
  }

  /** @internal The newest id of the archive up to which nothing is missing. */
  get anchor(): string | null {
    return this.#reader.anchor;
  }

  /**
   * Resolves when it is live, at once where it is, with the position: null where no event is known that
   * would say in which life of the feed we are. Rejects with an AvisoError where
   * it is refused or closed before.
   */
  ready(): Promise<Position | null> {
    return becomesLive(this, this.closing);
  }

  /**
   * `for await (const change of subscription)`: each change from now on, in order, until it is
   * closed. Breaking off the loop ends the loop, not the subscription. Throws an AvisoError,
   * `too-slow`, where more changes wait than may (10,000): the last one that came says where to go on.
   */
  [Symbol.asyncIterator](): AsyncIterableIterator<Change<Data>> {
    return new ChangeStream<Data>((take) => this.on("change", take), this.closing);
  }

  /** End it. A new subscription can go on from `position`. */
  close(): void {
    if (this.closing.aborted) return;
    this.stop();
    this.#closing.abort();
  }

  /** @internal Give out what was kept, and go on from there. Before `start`. */
  restore(kept: Kept): void {
    if (this.#isStarted || this.position !== null) return;
    this.#reader.restore(kept);
    const { position } = kept;
    const events = kept.events as readonly FeedEvent<Data>[];
    this.#connection.log("kept", { feed: this.feed, ...position, events: events.length });
    if (events.length === 0) return;
    this.emit("events", { events, live: false, position, keptAt: new Date(kept.at) });
    for (const event of events) this.emit("change", event);
  }

  /** @internal */
  start(connects = true): void {
    if (this.#isStarted || this.closing.aborted) return;
    this.#isStarted = true;
    this.#catchUp.start();
    // Nobody has such a feed: there is nothing to ask.
    if (!isSlug(this.feed)) {
      this.#showState();
      return;
    }
    const connection = this.#connection;
    this.#listening = [
      connection.on("state", () => this.#onConnectionState()),
      connection.on("bearer", () => this.#onNewRights()),
      connection.on("reader", (hint) => this.#onHint(hint)),
      connection.on("ticket-expiring", (detail) =>
        this.emit("ticket-expiring", { ...detail, feed: this.feed }),
      ),
    ];
    if (this.position === null) this.#catchUp.go(true);
    if (connects) connection.connect();
    this.#onConnectionState();
    this.#showState();
  }

  /** @internal It may be started again. */
  stop(): void {
    if (!this.#isStarted) return;
    this.#isStarted = false;
    for (const off of this.#listening) off();
    this.#goOut();
    this.#shut = null;
    this.#catchUp.stop();
    this.#showState();
  }

  /**
   * Up to `limit` events right before `beforeSequence`, in order, over REST. Empty: there are none.
   * Of a feed that shows a table, or with a filter, the rows below the place `beforeSequence` (the lowest that was given
   * out and is kept), as they are now; some may be at hand already.
   * Throws ApiError, and RangeError where these are no places in a feed.
   */
  async loadOlder(beforeSequence: number, limit: number): Promise<FeedEvent<Data>[]> {
    if (!Number.isFinite(beforeSequence) || !Number.isSafeInteger(limit)) {
      throw new RangeError(`older than ${beforeSequence}, at most ${limit}: expected numbers`);
    }
    const listed = await this.#reader.listFurther(beforeSequence, Math.min(limit, MAX_EVENTS));
    if (listed !== null) return listed as readonly FeedEvent<Data>[] as FeedEvent<Data>[];
    if (!Number.isSafeInteger(beforeSequence)) {
      throw new RangeError(`older than ${beforeSequence}: expected a whole number`);
    }
    const after = Math.max(0, beforeSequence - 1 - Math.min(limit, MAX_EVENTS));
    const count = beforeSequence - 1 - after;
    if (count < 1) return [];
    const epoch = this.position?.epoch;
    const page = await this.#fetchEvents({ after, limit: count });
    // Another epoch's events have nothing to do with what is shown; the reset is on its way.
    if (page.epoch !== (this.position?.epoch ?? epoch)) return [];
    const items = (page.batch?.items ?? []).filter(({ sequence }) => sequence < beforeSequence);
    const events = items.flatMap(({ event }) => event ?? []);
    // Places with nothing to show are not the feed's beginning; none at all is where it was pruned.
    if (events.length > 0 || items.length === 0) return events as FeedEvent<Data>[];
    return this.loadOlder(after + 1, MAX_EVENTS);
  }

  #onConnectionState(): void {
    const { state } = this.#connection;
    if (state.kind === "refused" && endsReading(state.code)) {
      // What is under way is not his any more either.
      this.#catchUp.stop();
      this.#reader.forget();
    } else this.#catchUp.start();
    if (state.kind !== "online") {
      this.#catchUp.doubt();
      // Another session may have other rights.
      this.#shut = null;
    } else if (this.#room?.state.kind === "in") {
      // A tab's leader says that the room is resumed before it says so of the connection.
      this.#onRoomState();
    }
    void this.#enterRoom().catch(() => {});
  }

  #onNewRights(): void {
    this.#tryAgain();
    if (this.position === null) this.#catchUp.go(true);
  }

  #onHint({ feed, change }: Hint): void {
    if (feed === this.feed && change === "granted") this.#tryAgain();
  }

  #tryAgain(): void {
    if (this.#shut === null) return;
    this.#shut = null;
    this.#onConnectionState();
  }

  get #mayEnter(): boolean {
    const isOnline = this.#connection.state.kind === "online";
    return isOnline && this.#leaveRoom === null && this.#isStarted && this.#shut === null;
  }

  async #enterRoom(): Promise<void> {
    if (this.#mayEnter) {
      const { rooms_domain } = await this.#connection.info();
      if (this.#mayEnter) {
        const room = this.#connection.room(`${this.feed}@${rooms_domain}`);
        this.#room = room;
        this.#leaveRoom = room.attach({
          state: () => this.#onRoomState(),
          message: (read, stanzaId) => this.#onMessage(read, stanzaId),
          untrusted: () => this.#onUntrusted(),
        });
        this.#onRoomState();
      }
    }
    this.#showState();
  }

  #onRoomState(): void {
    this.#catchUp.doubt();
    const room = this.#room;
    if (room?.state.kind === "in") {
      this.#wasOpen = true;
      this.#catchUp.go(true);
    } else if (room?.state.kind === "out" && room.state.isShut) {
      void this.#askWhetherOpen(room);
    }
    this.#showState();
  }

  /**
   * A room says alike that it is not there yet and that it is not for us. REST knows the feed: then
   * the room is tried again, with growing pauses, for a grant or a new feed may be on its way.
   */
  async #askWhetherOpen(room: FeedRoom): Promise<void> {
    try {
      await this.#fetchFeed();
    } catch (error) {
      if (!(error instanceof ApiError) || !NOT_FOR_US.has(error.status)) return;
      if (!this.#isStarted || room !== this.#room || room.state.kind === "in") return;
      const wasOpen = this.#wasOpen;
      this.#wasOpen = false;
      this.#reader.forget();
      this.#refuse(
        wasOpen ? { kind: "refused", code: "no-longer-open", reason: NO_LONGER } : NOT_OPEN,
      );
    }
  }

  #refuse(refused: Refused): void {
    this.#goOut();
    this.#shut = refused;
    this.#showState();
  }

  #goOut(): void {
    this.#leaveRoom?.();
    this.#leaveRoom = null;
    this.#room = null;
  }

  #onMessage(read: ReadStanza, stanzaId: string | null): void {
    this.#reader.takeLive(read, stanzaId);
    this.#catchUp.onMessage();
    this.#showState();
  }

  #onUntrusted(): void {
    const message = "A message came from somebody who may not speak for the feed. It is not shown.";
    this.emit("problem", { code: "untrusted", message });
  }

  #roomWeAreIn(): FeedRoom | null {
    const isOnline = this.#connection.state.kind === "online";
    return isOnline && this.#room?.state.kind === "in" ? this.#room : null;
  }

  #showState(): void {
    const state = this.#trueState();
    if (JSON.stringify(state) === JSON.stringify(this.#state)) return;
    this.#state = state;
    this.#connection.log("feed", { feed: this.feed, ...state });
    this.emit("state", state);
  }

  #trueState(): FeedState {
    if (!this.#isStarted) return STOPPED;
    if (!isSlug(this.feed)) return NOT_OPEN;
    const connection = this.#connection.state;
    if (connection.kind !== "online") return connection;
    if (this.#shut !== null) return this.#shut;
    const room = this.#room?.state;
    if (room === undefined || room.kind === "joining") return { kind: "connecting" };
    if (room.kind === "out") {
      return { kind: "offline", reason: room.reason, retryAt: room.retryAt };
    }
    if (this.#catchUp.isDone) return { kind: "live" };
    return { kind: "catching-up", left: this.#reader.left };
  }

  #makeReader({ history, catchUpLimit, position }: SubscriptionOptions<Data>): FeedReader {
    const { clock } = this.#connection.stream;
    const filter = this.#fields === null ? undefined : new Filtered(this.#fields);
    return new FeedReader(
      this.feed,
      {
        history: readHistory(history, DEFAULT_HISTORY),
        catchUpLimit: readCatchUpLimit(catchUpLimit),
        filter,
      },
      readPosition(position),
      {
        feed: () => this.#catchUp.unlessStopped(this.#fetchFeed()),
        events: (range) => this.#catchUp.unlessStopped(this.#fetchEvents(range)),
        rows: (cursor, limit) => this.#catchUp.unlessStopped(this.#fetchRows(cursor, limit)),
        now: () => clock.now(),
        wall: () => clock.wall(),
        pause: (ms) => new Promise((resolve) => void clock.setTimer(resolve, ms)),
      },
      {
        events: (events, source) => this.#give(events as readonly FeedEvent<Data>[], source),
        moved: (position) => {
          this.emit("position", position);
          this.#showState();
        },
        reset: (position) => {
          this.#connection.log("reset", { feed: this.feed, ...position });
          this.emit("reset", position);
          this.emit("change", { type: "reset", feed: this.feed, ...position });
        },
        problem: (problem) => {
          this.#connection.log("problem", { feed: this.feed, ...problem });
          this.emit("problem", problem);
        },
      },
    );
  }

  #give(events: readonly FeedEvent<Data>[], source: "live" | "archive" | "rest"): void {
    const live = source === "live" && this.#state.kind === "live";
    const { position } = this;
    if (position !== null) this.emit("events", { events, live, position });
    for (const event of events) this.emit("change", event);
    this.#showState();
  }

  async #fetchFeed(): Promise<FeedInfo> {
    const { origin, host } = this.#connection;
    const token = this.#token ?? (await this.#connection.bearer());
    return this.#connection.rest(() => host.rest.feed(origin, this.feed, token));
  }

  async #fetchRows(cursor: string | null, limit: number) {
    const { origin, host } = this.#connection;
    const token = this.#token ?? (await this.#connection.bearer());
    const page = { cursor, limit, fields: this.#fields ?? [] };
    try {
      return await this.#connection.rest(() => host.rest.rows(origin, this.feed, page, token));
    } catch (error) {
      if (this.#fields !== null && error instanceof ApiError && error.code === "not-valid") {
        this.#catchUp.stop();
        this.#refuse({ kind: "refused", code: "filter-refused", reason: error.detail });
      }
      throw error;
    }
  }

  async #fetchEvents(range: Range) {
    const { origin, host } = this.#connection;
    const token = this.#token ?? (await this.#connection.bearer());
    return this.#connection.rest(() => host.rest.events(origin, this.feed, range, token));
  }
}
