/**
 * What a session shows REST: an account's token, which it gets over its own stream, or a ticket.
 * Both are kept in memory only, and replaced before they end.
 */

import { ApiError } from "../model/errors";
import { readTicket, renewalTime, type Ticket, TicketError } from "../protocol/ticket";
import { childOf, NS } from "../protocol/xml";
import { Backoff } from "./backoff";
import type { ClockPort, Timer } from "./ports";
import type { Timings } from "./timings";

const backoffFor = (clock: ClockPort, timings: Timings): Backoff =>
  new Backoff({ firstMs: timings.retryFirst, maxMs: timings.retryMax, random: clock.random });

export class AccountToken {
  #text: string | undefined;
  #expiresAt = 0;
  #renewAt = 0;
  #asking: Promise<void> | null = null;
  #timer: Timer = null;
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
    await this.#asking;
    return this.clock.now() < this.#expiresAt ? this.#text : undefined;
  }

  /** The session is there: have a token as long as it is. */
  keep(): void {
    this.pause();
    const wait = this.#renewAt - this.clock.now();
    if (wait > 0) this.#timer = this.clock.setTimer(() => this.#renew(), wait);
    else this.#renew();
  }

  pause(): void {
    this.#turn += 1;
    this.#asking = null;
    if (this.#timer !== null) this.clock.clearTimer(this.#timer);
    this.#timer = null;
  }

  forget(): void {
    this.pause();
    this.#text = undefined;
    this.#expiresAt = 0;
    this.#renewAt = 0;
  }

  #renew(): void {
    const turn = this.#turn;
    const take = (answer: Element): void => {
      const now = this.clock.now();
      const element = childOf(answer, "token", NS.token);
      const expiresAt = Number(element?.getAttribute("expires")) * 1000;
      const text = element?.textContent ?? "";
      if (text === "" || !(expiresAt > now)) throw new TicketError("The server gave no token.");
      this.#text = text;
      this.#expiresAt = expiresAt;
      this.#renewAt = renewalTime(now, expiresAt);
      this.#backoff.reset();
    };
    this.#asking = this.ask().then(
      (answer) => {
        if (turn !== this.#turn) return;
        try {
          take(answer);
        } catch {
          this.#later();
          return;
        }
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
  expiring(expiresAt: Date): void;
};

export class TicketKeeper {
  #ticket: Ticket | null = null;
  #isAsking = false;
  #timer: Timer = null;
  #isStopped = false;
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

  get hasEnded(): boolean {
    return this.#ticket !== null && this.#ticket.expiresAt <= this.clock.now();
  }

  /** Throws TicketError, and then keeps none. */
  take(text: string): void {
    this.#restartTimer(null);
    this.#isStopped = false;
    this.#ticket = null;
    const ticket = readTicket(text, this.clock.now());
    this.#ticket = ticket;
    const wait = ticket.renewAt - this.clock.now();
    // Ended already: the server will say so, and then a fresh one is asked for.
    if (!this.hasEnded) this.#restartTimer(Math.max(0, wait), () => this.#expire(ticket));
  }

  /** The server took it. */
  accept(): void {
    this.#backoff.reset();
  }

  /** Ask for a fresh one, now or soon: a page whose tickets are all refused must not hammer. */
  ask(): void {
    this.#isStopped = false;
    if (this.renew === undefined || this.#isAsking) return;
    const delay = Math.max(this.#backoff.next(), this.#notBefore - this.clock.now());
    this.#restartTimer(delay, () => void this.#ask());
  }

  stop(): void {
    this.#isStopped = true;
    this.#restartTimer(null);
  }

  #expire(ticket: Ticket): void {
    this.listener.expiring(new Date(ticket.expiresAt));
    // Whoever listens may have given a fresh one already.
    if (this.#ticket === ticket) this.ask();
  }

  async #ask(): Promise<void> {
    if (this.renew === undefined || this.#isAsking) return;
    this.#isAsking = true;
    const before = this.#ticket;
    let fresh: string | null = null;
    try {
      const text: unknown = await this.renew();
      // One that cannot be read must not end a session that goes on well.
      if (typeof text === "string" && readTicket(text, this.clock.now())) fresh = text;
    } catch (error) {
      // Asked again below.
      const wait = error instanceof ApiError ? error.retryAfterMs : null;
      this.#notBefore = this.clock.now() + (wait ?? 0);
    }
    this.#isAsking = false;
    if (this.#isStopped || this.#ticket !== before) return;
    if (fresh === null) this.ask();
    else this.listener.fresh(fresh);
  }

  #restartTimer(delayMs: number | null, callback: () => void = () => {}): void {
    if (this.#timer !== null) this.clock.clearTimer(this.#timer);
    this.#timer = delayMs === null ? null : this.clock.setTimer(callback, delayMs);
  }
}
