/**
 * When one feed's reader catches up: one run at a time, again after a failure, and after every
 * silence, as long as it is started.
 */

import { ApiError } from "../model/errors";
import { RequestError } from "../protocol/iq";
import { Backoff } from "./backoff";
import type { Log } from "./debug-log";
import type { FeedConnection, FeedRoom } from "./feed-connection";
import type { FeedReader } from "./feed-reader";
import type { ArchivePort, Timer } from "./ports";

type Run = { again: boolean; asksRest: boolean };

export class CatchUp {
  readonly #backoff: Backoff;
  #isStarted = false;
  #isDone = false;
  #run: Run | null = null;
  #retryTimer: Timer = null;
  #silenceTimer: Timer = null;

  constructor(
    private readonly reader: FeedReader,
    private readonly stream: FeedConnection["stream"],
    /** The room that we are in; null where we are in none. */
    private readonly room: () => FeedRoom | null,
    private readonly log: Log,
    /** Something is true now that was not before. */
    private readonly onChange: () => void,
  ) {
    this.#backoff = new Backoff({
      firstMs: stream.timings.retryFirst,
      maxMs: stream.timings.retryMax,
      random: stream.clock.random,
    });
  }

  /** Everything known to exist was given out, as of the last look since we came in. */
  get isDone(): boolean {
    return this.#isDone && !this.reader.isBehind;
  }

  start(): void {
    this.#isStarted = true;
  }

  stop(): void {
    this.#isStarted = false;
    this.#isDone = false;
    this.#retryTimer = this.#restart(this.#retryTimer, null);
    this.#silenceTimer = this.#restart(this.#silenceTimer, null);
  }

  /** What was known until now need not be all. */
  doubt(): void {
    this.#isDone = false;
  }

  /** A live message came, and the reader has it. */
  onMessage(): void {
    this.#watchSilence();
    if (!this.reader.isBehind) return;
    this.#isDone = false;
    this.#goUnlessBusy();
  }

  /** Run the reader until nothing is behind; one run at a time. */
  go(asksRest: boolean): void {
    if (this.#run !== null) {
      this.#run.again = true;
      this.#run.asksRest ||= asksRest;
      return;
    }
    this.#retryTimer = this.#restart(this.#retryTimer, null);
    this.#run = { again: false, asksRest };
    void this.#go(this.#run);
  }

  /** Answers that come after `stop` are not taken: nothing may be given out any more. */
  async unlessStopped<Answer>(asked: Promise<Answer>): Promise<Answer> {
    const answer = await asked;
    if (!this.#isStarted) throw new RequestError("gone", "The subscription was closed.");
    return answer;
  }

  /**
   * What is behind is dealt with where it is already: by the run that is on, which goes on while
   * anything is, or by the next try, which has its time.
   */
  #goUnlessBusy(): void {
    if (this.#run === null && this.#retryTimer === null) this.go(false);
  }

  async #go(run: Run): Promise<void> {
    let failure: unknown = null;
    do {
      const { asksRest } = run;
      run.again = false;
      run.asksRest = false;
      const room = this.room();
      try {
        await this.reader.catchUp(room && this.#archiveOf(room), asksRest);
        failure = null;
        this.#backoff.reset();
        this.#isDone = room !== null && room === this.room() && !run.again;
      } catch (error) {
        failure = error;
        // What may have come meanwhile nobody could say: live would be a claim.
        this.#isDone = false;
        const isExpected = error instanceof ApiError || error instanceof RequestError;
        if (!isExpected) console.error("aviso: catching up failed", error);
      }
    } while (this.#isStarted && run.again);
    this.#run = null;
    if (!this.#isStarted) return;
    this.log("caught up", {
      position: this.reader.position,
      left: this.reader.left,
      failure: failure === null ? null : String(failure),
    });
    if (failure !== null) this.#retryLater(failure);
    else if (this.reader.isBehind) this.go(false);
    this.#watchSilence();
    this.onChange();
  }

  /** Coming into the room asks anew by itself. A server that says when to come again is obeyed. */
  #retryLater(failure: unknown): void {
    const isBeginning = this.reader.position === null;
    if (this.room() === null && !isBeginning) return;
    if (failure instanceof ApiError) this.stream.check();
    const wait = failure instanceof ApiError ? (failure.retryAfterMs ?? 0) : 0;
    const delay = Math.max(this.#backoff.next(), wait);
    this.#retryTimer = this.#restart(this.#retryTimer, delay, () => {
      this.#retryTimer = null;
      this.go(true);
    });
  }

  /** A message that was dropped on the way, the last for a while, is missed by nobody else. */
  #watchSilence(): void {
    const { clock, timings } = this.stream;
    // Spread, so that a thousand pages don't ask at the same moment.
    const delay = timings.silence * (0.8 + 0.4 * clock.random());
    this.#silenceTimer = this.#restart(this.#silenceTimer, delay, () => {
      this.#watchSilence();
      const room = this.room();
      if (room === null) return;
      this.#goUnlessBusy();
      room.isStillIn().then(
        (isIn) => {
          if (!isIn && room.state.kind === "in") room.rejoin();
        },
        () => this.stream.check(),
      );
    });
  }

  #archiveOf(room: FeedRoom): ArchivePort {
    return {
      page: (range, max, take) => {
        const page = room.page(range, max, (result) => {
          if (this.#isStarted) take(result);
        });
        // Silence may be a dead stream's.
        page.catch((error) => {
          if (error.condition === "timeout") this.stream.check();
        });
        return this.unlessStopped(page);
      },
      now: () => this.stream.clock.now(),
      wall: () => this.stream.clock.wall(),
    };
  }

  #restart(timer: Timer, delayMs: number | null, callback: () => void = () => {}): Timer {
    if (timer !== null) this.stream.clock.clearTimer(timer);
    return delayMs === null ? null : this.stream.clock.setTimer(callback, delayMs);
  }
}
