/**
 * A feed, followed: joins its room, shows what is true, and keeps the reader complete.
 *
 * The order at a first start: history over REST, then the room; live messages wait in the reader.
 * After every (re)join, gap and silence the reader catches up again; `live` is said only after it.
 */

import { ApiError, fetchBatch, fetchFeed, MAX_EVENTS } from "../edges/rest";
import type {
  FeedClientEvents,
  FeedClientOptions,
  FeedEvent,
  FeedInfo,
  FeedSessionOptions,
  FeedState,
  Position,
  ReaderDetail,
} from "../model/types";
import { isSlug } from "../protocol/events";
import type { ArchivePort } from "./archive-reader";
import { Backoff } from "./backoff";
import { FeedReader } from "./feed-reader";
import type { Host, Timer, Timings } from "./host";
import { readHistory, readPosition } from "./options";
import type { Room } from "./room";
import { FeedSession } from "./session";
import { typedEventTarget } from "./typed-event-target";
import { RequestError } from "./wire";

const STOPPED: FeedState = { kind: "offline", reason: "Not started.", retryAt: null };
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

export class FeedClient extends typedEventTarget<FeedClientEvents>() {
  readonly feed: string;
  readonly #session: FeedSession;
  readonly #ownsSession: boolean;
  readonly #reader: FeedReader;
  readonly #token: string | undefined;
  readonly #host: Host;
  readonly #timings: Timings;
  readonly #backoff: Backoff;

  #state: FeedState = STOPPED;
  #listening: AbortController | null = null;
  /** REST said that the feed is not there for us: the room is not tried meanwhile. */
  #shut: Refused | null = null;
  /** We were in the room with these rights. */
  #wasOpen = false;
  #isStarted = false;
  #room: Room | null = null;
  #leaveRoom: (() => void) | null = null;
  /** Everything known to exist was given out, as of the last look since we came in. */
  #isCaughtUp = false;
  #run: { again: boolean; asksRest: boolean } | null = null;
  #retryTimer: Timer = null;
  #silenceTimer: Timer = null;

  constructor(options: FeedClientOptions) {
    super();
    this.feed = options.feed;
    this.#ownsSession = options.session === undefined;
    this.#session = options.session ?? new FeedSession(sessionOptions(options));
    this.#token = options.token;
    this.#host = this.#session.wire.host;
    this.#timings = this.#session.wire.timings;
    this.#backoff = new Backoff({
      firstMs: this.#timings.retryFirst,
      maxMs: this.#timings.retryMax,
      random: this.#host.random,
    });
    this.#reader = this.#makeReader(options);
  }

  get state(): FeedState {
    return this.#state;
  }

  /** How far `events` has gone; null before the first. Keep it to go on later. */
  get position(): Position | null {
    return this.#reader.position;
  }

  start(): void {
    if (this.#isStarted) return;
    this.#isStarted = true;
    // Nobody has such a feed: there is nothing to ask.
    if (!isSlug(this.feed)) {
      this.#showState();
      return;
    }
    this.#listening = new AbortController();
    const { signal } = this.#listening;
    this.#session.addEventListener("state", () => this.#onSessionState(), { signal });
    this.#session.addEventListener("bearer", () => this.#onNewRights(), { signal });
    this.#session.addEventListener("reader", (event) => this.#onReader(event.detail), { signal });
    this.#session.addEventListener(
      "ticket-expiring",
      ({ detail }) => this.#dispatch("ticket-expiring", { ...detail, feed: this.feed }),
      { signal },
    );
    if (this.position === null) this.#catchUp(true);
    this.#session.connect();
    this.#onSessionState();
    this.#showState();
  }

  stop(): void {
    if (!this.#isStarted) return;
    this.#isStarted = false;
    this.#listening?.abort();
    this.#goOut();
    this.#shut = null;
    this.#isCaughtUp = false;
    this.#retryTimer = this.#restart(this.#retryTimer, null);
    this.#silenceTimer = this.#restart(this.#silenceTimer, null);
    if (this.#ownsSession) this.#session.close();
    this.#showState();
  }

  /**
   * Up to `limit` events right before `beforeSequence`, in order, over REST. Empty: there are none.
   * Throws ApiError, and RangeError where these are no places in a feed.
   */
  async loadOlder(beforeSequence: number, limit: number): Promise<FeedEvent[]> {
    if (!Number.isSafeInteger(beforeSequence) || !Number.isSafeInteger(limit)) {
      throw new RangeError(
        `older than ${beforeSequence}, at most ${limit}: expected whole numbers`,
      );
    }
    const after = Math.max(0, beforeSequence - 1 - Math.min(limit, MAX_EVENTS));
    const count = beforeSequence - 1 - after;
    if (count < 1) return [];
    const epoch = this.position?.epoch;
    const range = { after, limit: count };
    const page = await this.#rest(fetchBatch, range);
    // Another epoch's events have nothing to do with what is shown; the reset is on its way.
    if (page.epoch !== (this.position?.epoch ?? epoch)) return [];
    const items = (page.batch?.items ?? []).filter(({ sequence }) => sequence < beforeSequence);
    const events = items.flatMap(({ event }) => event ?? []);
    // Places with nothing to show are not the feed's beginning; none at all is where it was pruned.
    if (events.length > 0 || items.length === 0) return events;
    return this.loadOlder(after + 1, MAX_EVENTS);
  }

  /** Go on with this ticket, where the session is a ticket's. */
  setTicket(ticket: string): void {
    this.#session.setTicket(ticket);
  }

  #onSessionState(): void {
    if (this.#session.state.kind !== "online") {
      this.#isCaughtUp = false;
      // Another session may have other rights.
      this.#shut = null;
    }
    void this.#enterRoom().catch(() => {});
  }

  #onNewRights(): void {
    this.#tryAgain();
    if (this.position === null) this.#catchUp(true);
  }

  #onReader({ feed, change }: ReaderDetail): void {
    if (feed === this.feed && change === "granted") this.#tryAgain();
  }

  #tryAgain(): void {
    if (this.#shut === null) return;
    this.#shut = null;
    this.#onSessionState();
  }

  get #mayEnter(): boolean {
    const isOnline = this.#session.state.kind === "online";
    return isOnline && this.#leaveRoom === null && this.#isStarted && this.#shut === null;
  }

  async #enterRoom(): Promise<void> {
    if (this.#mayEnter) {
      const { rooms_domain } = await this.#session.info();
      if (this.#mayEnter) {
        const room = this.#session.room(`${this.feed}@${rooms_domain}`);
        this.#room = room;
        this.#leaveRoom = room.attach({
          state: () => this.#onRoomState(),
          message: (message, stanzaId) => this.#onMessage(message, stanzaId),
          untrusted: () => this.#onUntrusted(),
        });
        this.#onRoomState();
      }
    }
    this.#showState();
  }

  #onRoomState(): void {
    this.#isCaughtUp = false;
    const room = this.#room;
    if (room?.state.kind === "in") {
      this.#wasOpen = true;
      this.#catchUp(true);
    } else if (room?.state.kind === "out" && room.state.isShut) {
      void this.#askWhetherOpen(room);
    }
    this.#showState();
  }

  /**
   * A room says alike that it is not there yet and that it is not for us. REST knows the feed: then
   * the room is tried again, with growing pauses, for a grant or a new feed may be on its way.
   */
  async #askWhetherOpen(room: Room): Promise<void> {
    try {
      await this.#fetchFeed();
    } catch (error) {
      if (!(error instanceof ApiError) || !NOT_FOR_US.has(error.status)) return;
      if (!this.#isStarted || room !== this.#room || room.state.kind === "in") return;
      this.#goOut();
      this.#shut = this.#wasOpen
        ? { kind: "refused", code: "no-longer-open", reason: NO_LONGER }
        : NOT_OPEN;
      this.#wasOpen = false;
      this.#reader.forget();
      this.#showState();
    }
  }

  #goOut(): void {
    this.#leaveRoom?.();
    this.#leaveRoom = null;
    this.#room = null;
  }

  #onMessage(message: Element, stanzaId: string | null): void {
    this.#reader.takeLive(message, stanzaId);
    this.#watchSilence();
    if (this.#reader.isBehind) {
      this.#isCaughtUp = false;
      this.#catchUpUnlessBusy();
    }
    this.#showState();
  }

  /**
   * What is behind is dealt with where it is already: by the run that is on, which goes on while
   * anything is, or by the next try, which has its time.
   */
  #catchUpUnlessBusy(): void {
    if (this.#run === null && this.#retryTimer === null) this.#catchUp(false);
  }

  #onUntrusted(): void {
    const message = "A message came from somebody who may not speak for the feed. It is not shown.";
    this.#dispatch("problem", { code: "untrusted", message });
  }

  /** Run the reader until nothing is behind; one run at a time. */
  #catchUp(asksRest: boolean): void {
    if (this.#run !== null) {
      this.#run.again = true;
      this.#run.asksRest ||= asksRest;
      return;
    }
    this.#retryTimer = this.#restart(this.#retryTimer, null);
    this.#run = { again: false, asksRest };
    void this.#runCatchUp(this.#run);
  }

  /** Answers that come after `stop` are not taken: nothing may be given out any more. */
  async #unlessStopped<Answer>(asked: Promise<Answer>): Promise<Answer> {
    const answer = await asked;
    if (!this.#isStarted) throw new RequestError("gone", "The client was stopped.");
    return answer;
  }

  async #runCatchUp(run: { again: boolean; asksRest: boolean }): Promise<void> {
    let failure: unknown = null;
    do {
      const { asksRest } = run;
      run.again = false;
      run.asksRest = false;
      const room = this.#roomWeAreIn();
      try {
        await this.#reader.catchUp(room && this.#archiveOf(room), asksRest);
        failure = null;
        this.#backoff.reset();
        this.#isCaughtUp = room !== null && room === this.#roomWeAreIn() && !run.again;
      } catch (error) {
        failure = error;
        // What may have come meanwhile nobody could say: live would be a claim.
        this.#isCaughtUp = false;
        const isExpected = error instanceof ApiError || error instanceof RequestError;
        if (!isExpected) console.error("aviso: catching up failed", error);
      }
    } while (this.#isStarted && run.again);
    this.#run = null;
    if (!this.#isStarted) return;
    if (failure !== null) this.#retryLater(failure);
    else if (this.#reader.isBehind) this.#catchUp(false);
    this.#watchSilence();
    this.#showState();
  }

  /** Coming into the room asks anew by itself. A server that says when to come again is obeyed. */
  #retryLater(failure: unknown): void {
    const isBeginning = this.position === null;
    if (this.#roomWeAreIn() === null && !isBeginning) return;
    if (failure instanceof ApiError) this.#session.wire.check();
    const wait = failure instanceof ApiError ? (failure.retryAfterMs ?? 0) : 0;
    const delay = Math.max(this.#backoff.next(), wait);
    this.#retryTimer = this.#restart(this.#retryTimer, delay, () => {
      this.#retryTimer = null;
      this.#catchUp(true);
    });
  }

  /** A message that was dropped on the way, the last for a while, is missed by nobody else. */
  #watchSilence(): void {
    const { silence } = this.#timings;
    // Spread, so that a thousand pages don't ask at the same moment.
    const delay = silence * (0.8 + 0.4 * this.#host.random());
    this.#silenceTimer = this.#restart(this.#silenceTimer, delay, () => {
      this.#watchSilence();
      const room = this.#roomWeAreIn();
      if (room === null) return;
      this.#catchUpUnlessBusy();
      room.isStillIn().then(
        (isIn) => {
          if (!isIn && room.state.kind === "in") room.rejoin();
        },
        () => this.#session.wire.check(),
      );
    });
  }

  #roomWeAreIn(): Room | null {
    const isOnline = this.#session.state.kind === "online";
    return isOnline && this.#room?.state.kind === "in" ? this.#room : null;
  }

  #showState(): void {
    const state = this.#trueState();
    if (JSON.stringify(state) === JSON.stringify(this.#state)) return;
    this.#state = state;
    this.#dispatch("state", state);
  }

  #trueState(): FeedState {
    if (!this.#isStarted) return STOPPED;
    if (!isSlug(this.feed)) return NOT_OPEN;
    const session = this.#session.state;
    if (session.kind !== "online") return session;
    if (this.#shut !== null) return this.#shut;
    const room = this.#room?.state;
    if (room === undefined || room.kind === "joining") return { kind: "connecting" };
    if (room.kind === "out") {
      return { kind: "offline", reason: room.reason, retryAt: room.retryAt };
    }
    const isLive = this.#isCaughtUp && !this.#reader.isBehind;
    return isLive ? { kind: "live" } : { kind: "catching-up", left: this.#reader.left };
  }

  #makeReader({ feed, history, position }: FeedClientOptions): FeedReader {
    return new FeedReader(
      feed,
      readHistory(history, DEFAULT_HISTORY),
      readPosition(position),
      {
        feed: () => this.#unlessStopped(this.#fetchFeed()),
        events: (range) => this.#unlessStopped(this.#rest(fetchBatch, range)),
        now: () => this.#host.now(),
      },
      {
        events: (events, source) => {
          const live = source === "live" && this.#state.kind === "live";
          this.#dispatch("events", { events, live });
          this.#showState();
        },
        moved: (position) => {
          this.#dispatch("position", position);
          this.#showState();
        },
        reset: (position) => this.#dispatch("reset", position),
        problem: (problem) => this.#dispatch("problem", problem),
      },
    );
  }

  #archiveOf(room: Room): ArchivePort {
    return {
      page: (range, max, take) => {
        const page = room.page(range, max, (result) => {
          if (this.#isStarted) take(result);
        });
        // Silence may be a dead stream's.
        page.catch((error) => {
          if (error.condition === "timeout") this.#session.wire.check();
        });
        return this.#unlessStopped(page);
      },
      now: () => this.#host.now(),
    };
  }

  async #fetchFeed(): Promise<FeedInfo> {
    const { origin } = this.#session;
    const token = this.#token ?? (await this.#session.bearer());
    return this.#session.rest(() => fetchFeed(origin, this.feed, token, this.#host.fetch));
  }

  async #rest<Page>(read: ReadPage<Page>, range: { after: number; limit: number }): Promise<Page> {
    const { origin } = this.#session;
    const token = this.#token ?? (await this.#session.bearer());
    return this.#session.rest(() => read(origin, this.feed, range, token, this.#host.fetch));
  }

  #dispatch<Type extends keyof FeedClientEvents>(
    type: Type,
    detail: FeedClientEvents[Type]["detail"],
  ): void {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }

  #restart(timer: Timer, delayMs: number | null, callback: () => void = () => {}): Timer {
    if (timer !== null) this.#host.clearTimer(timer);
    return delayMs === null ? null : this.#host.setTimer(callback, delayMs);
  }
}

function sessionOptions({ ticket, ...options }: FeedClientOptions): FeedSessionOptions {
  return ticket === undefined ? options : { ...options, credentials: { kind: "ticket", ticket } };
}

type ReadPage<Page> = (
  origin: string,
  feed: string,
  range: { after: number; limit: number },
  token: string | undefined,
  http: typeof fetch,
) => Promise<Page>;
