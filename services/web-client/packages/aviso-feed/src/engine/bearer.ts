/**
 * What a session shows REST: an account's token, which it gets over its own stream, or a ticket.
 * Both are kept in memory only, and replaced before they end.
 *
 * How long they live is counted from when they came. When they end only the server knows: its clock
 * and the browser's may be hours apart.
 */

import { ApiError, AvisoError } from "../model/errors";
import {
  type Lasting,
  lastingOf,
  lifeOfToken,
  readTicket,
  renewalAfter,
  type Ticket,
} from "../protocol/ticket";
import { childOf, NS } from "../protocol/xml";
import { ageOf, type Moment, momentOf } from "./ages";
import { Backoff } from "./backoff";
import type { ClockPort, Timer } from "./ports";
import type { Timings } from "./timings";

const backoffFor = (clock: ClockPort, timings: Timings): Backoff =>
  new Backoff({ firstMs: timings.retryFirst, maxMs: timings.retryMax, random: clock.random });

export class AccountToken {
  #token: { readonly text: string; readonly life: number; readonly askedAt: Moment } | null = null;
  #asking: Promise<void> | null = null;
  #timer: Timer = null;
  #isKept = false;
  /** It is being asked for, or is asked for again in a while. */
  #isMissing = false;
  /** Counts sessions: an answer to an earlier one is not taken. */
  #turn = 0;
  readonly #backoff: Backoff;

  constructor(
    private readonly clock: ClockPort,
    timings: Timings,
    private readonly ask: () => Promise<Element>,
    private readonly onFresh: () => void,
  ) {
    this.#backoff = backoffFor(clock, timings);
  }

  /** The token, after the answer that is under way; undefined where there is none. */
  async get(): Promise<string | undefined> {
    // While a computer sleeps its timers may stand still.
    if (this.#isKept && !this.#isMissing && !this.#isGood) this.keep();
    await this.#asking;
    return this.#isGood ? this.#token?.text : undefined;
  }

  /** The server did not take this one. */
  drop(text: string): void {
    if (this.#token?.text === text) this.#token = null;
  }

  /** The session is there: have a token as long as it is. */
  keep(): void {
    this.pause();
    this.#isKept = true;
    const token = this.#token;
    const wait = token === null ? 0 : renewalAfter(token.life) - ageOf(token.askedAt, this.clock);
    if (wait > 0) this.#timer = this.clock.setTimer(() => this.#renew(), wait);
    else this.#renew();
  }

  pause(): void {
    this.#turn += 1;
    this.#isKept = false;
    this.#isMissing = false;
    this.#asking = null;
    if (this.#timer !== null) this.clock.clearTimer(this.#timer);
    this.#timer = null;
  }

  forget(): void {
    this.pause();
    this.#token = null;
  }

  get #isGood(): boolean {
    const token = this.#token;
    return token !== null && ageOf(token.askedAt, this.clock) < token.life;
  }

  #renew(): void {
    this.#isMissing = true;
    const turn = this.#turn;
    const askedAt = momentOf(this.clock);
    this.#asking = this.ask().then(
      (answer) => {
        if (turn !== this.#turn) return;
        try {
          const text = childOf(answer, "token", NS.token)?.textContent ?? "";
          this.#token = { text, life: lifeOfToken(text), askedAt };
        } catch {
          this.#later();
          return;
        }
        this.#backoff.reset();
        this.keep();
        this.onFresh();
      },
      () => {
        if (turn === this.#turn) this.#later();
      },
    );
  }

  #later(): void {
    this.#timer = this.clock.setTimer(() => this.#renew(), this.#backoff.next());
  }
}

export type TicketListener = {
  /** A fresh ticket came from `renew`. */
  fresh(text: string): void;
  /** `expiresAt`: by the server's clock. */
  expiring(expiresAt: Date): void;
};

export class TicketKeeper {
  #ticket: Ticket | null = null;
  #takenAt = 0;
  #lasting: Lasting = { ends: 0, renews: 0 };
  /** The server took this one. */
  #isAccepted = false;
  #asking: Promise<string> | null = null;
  #timer: Timer = null;
  /** Nobody is told, or asks, in time: there is no session. */
  #isStopped = true;
  #failure: AvisoError | null = null;
  /** The site wants to be asked no earlier. */
  #notBefore = 0;
  readonly #backoff: Backoff;

  constructor(
    private readonly clock: ClockPort,
    timings: Timings,
    private readonly renew: (() => Promise<string>) | undefined,
    private readonly listener: TicketListener,
  ) {
    this.#backoff = backoffFor(clock, timings);
  }

  get ticket(): Ticket | null {
    return this.#ticket;
  }

  get canRenew(): boolean {
    return this.renew !== undefined;
  }

  /** For how many milliseconds it is good yet, as far as is known. */
  get left(): number {
    return this.#lasting.ends - (this.clock.now() - this.#takenAt);
  }

  /**
   * Why the server refuses it, as far as can be told: what it took before, or should be over by one
   * clock or the other, has ended.
   */
  get hasEnded(): boolean {
    const { end } = this.#ticket ?? { end: Infinity };
    return this.#isAccepted || this.left <= 0 || end <= this.clock.wall();
  }

  /** `isFresh`: it was made just now. Throws TicketError, and then keeps none. */
  take(text: string, isFresh: boolean): void {
    this.#restartTimer(null);
    if (this.#ticket?.text !== text) {
      this.#ticket = null;
      this.#isAccepted = false;
      const ticket = readTicket(text);
      this.#lasting = lastingOf(ticket, this.clock.wall(), isFresh);
      this.#takenAt = this.clock.now();
      this.#ticket = ticket;
    }
    if (!this.#isStopped) this.keep();
  }

  /** Tell, and ask for a fresh one, before it ends. */
  keep(): void {
    this.#isStopped = false;
    const ticket = this.#ticket;
    const wait = this.#lasting.renews - (this.clock.now() - this.#takenAt);
    // Ended already: the server will say so, and then a fresh one is asked for.
    if (ticket === null || this.left <= 0) this.#restartTimer(null);
    else this.#restartTimer(Math.max(0, wait), () => this.#expire(ticket));
  }

  /** The server took it. */
  accept(): void {
    this.#isAccepted = true;
    this.#backoff.reset();
  }

  /** Ask for a fresh one, now or soon: a page whose tickets are all refused must not hammer. */
  ask(): void {
    this.#isStopped = false;
    if (this.renew === undefined || this.#asking !== null) return;
    const delay = Math.max(this.#backoff.next(), this.#notBefore - this.clock.now());
    this.#restartTimer(delay, () => void this.#ask());
  }

  /**
   * A fresh one, asked for now, once for all who want it; it is at hand then. Rejects with AvisoError,
   * `ticket-not-renewed`.
   */
  renewed(): Promise<string> {
    if (this.#failure !== null && this.clock.now() < this.#notBefore) {
      return Promise.reject(this.#failure);
    }
    this.#asking ??= this.#fetch().finally(() => {
      this.#asking = null;
    });
    return this.#asking;
  }

  stop(): void {
    this.#isStopped = true;
    this.#restartTimer(null);
  }

  #expire(ticket: Ticket): void {
    this.listener.expiring(new Date(ticket.end));
    // Whoever listens may have given a fresh one already.
    if (this.#ticket === ticket) this.ask();
  }

  async #ask(): Promise<void> {
    const before = this.#ticket;
    try {
      await this.renewed();
    } catch {
      if (!this.#isStopped && this.#ticket === before) this.ask();
    }
  }

  #give(text: string): void {
    // A session that is over does not begin anew.
    if (this.#isStopped) this.take(text, true);
    else this.listener.fresh(text);
  }

  async #fetch(): Promise<string> {
    const before = this.#ticket;
    try {
      // One that cannot be read must not end a session that goes on well.
      const { text } = readTicket(String(await this.renew?.()));
      this.#failure = null;
      // Whoever listens may have given a fresh one already.
      if (this.#ticket === before) this.#give(text);
      return this.#ticket?.text ?? text;
    } catch (error) {
      const wait = error instanceof ApiError ? error.retryAfterMs : null;
      this.#notBefore = this.clock.now() + (wait ?? 0);
      const { message } = error as Error;
      this.#failure = new AvisoError("ticket-not-renewed", `No fresh ticket came: ${message}`, {
        cause: error,
      });
      throw this.#failure;
    }
  }

  #restartTimer(delayMs: number | null, callback: () => void = () => {}): void {
    if (this.#timer !== null) this.clock.clearTimer(this.#timer);
    this.#timer = delayMs === null ? null : this.clock.setTimer(callback, delayMs);
  }
}
