/**
 * The iq requests of one stream that wait for their answers.
 *
 * An answer stands behind all that was sent before it, and nobody but the server knows how much that
 * is. So a request waits as long as anything comes; for an answer that was lost there is a limit.
 */

import { RequestError, readError } from "../protocol/iq";
import { bareJid, NS, raw, xml } from "../protocol/xml";
import type { ClockPort, Patience, Timer } from "./ports";
import type { Timings } from "./timings";

/**
 * A page that stood still (a busy machine, a stopped browser) runs its timers before it looks at what
 * came meanwhile.
 */
const LOOK_MS = 100;

/** ejabberd refuses a session's third question about archives (mod_fence); many feeds ask at once. */
const MOST_READING = 2;

type Open = {
  readonly to: string;
  readonly askedAt: number;
  readonly patience: Patience;
  timer: Timer;
  /** It is too late; once more is looked whether anything came. */
  isLate: boolean;
  resolve(answer: Element): void;
  reject(error: RequestError): void;
};

type Request = { id: string; type: "get" | "set"; to: string; payload: string };

type Wish = {
  readonly request: Request;
  readonly patience: Patience;
  send(stanza: string): void;
  resolve(answer: Element): void;
  reject(error: RequestError): void;
};

export class Requests {
  readonly #open = new Map<string, Open>();
  /** What waits for an earlier question about an archive to be answered. */
  #waiting: Wish[] = [];
  #heardAt = 0;
  /** The longest silence between two things that came while something was waited for. */
  #pause = 0;

  constructor(
    private readonly clock: ClockPort,
    private readonly timings: Timings,
  ) {}

  /** Milliseconds since anything came. */
  get silence(): number {
    return this.clock.now() - this.#heardAt;
  }

  /**
   * How long a ping may take: a browser shows a message when all of it is there, so a large one on a
   * slow line looks like silence.
   */
  get pingTimeout(): number {
    const { wakeTimeout, answerTimeout } = this.timings;
    return Math.min(answerTimeout, Math.max(wakeTimeout, 2 * this.#pause));
  }

  /** Something came on the stream, whatever it was. */
  hear(): void {
    const now = this.clock.now();
    const asked = Math.min(...Array.from(this.#open.values(), ({ askedAt }) => askedAt));
    if (this.#open.size > 0) {
      this.#pause = Math.max(this.#pause, now - Math.max(this.#heardAt, asked));
    }
    this.#heardAt = now;
  }

  start(request: Request, patience: Patience, send: (stanza: string) => void): Promise<Element> {
    return new Promise((resolve, reject) => {
      const wish = { request, patience, send, resolve, reject };
      if (patience.isOfArchive && this.#reading >= MOST_READING) this.#waiting.push(wish);
      else this.#begin(wish);
    });
  }

  /** Take an iq; false where it is no answer to a request of ours. */
  settle(iq: Element, ownJid: string): boolean {
    const id = iq.getAttribute("id") ?? "";
    const open = this.#open.get(id);
    const type = iq.getAttribute("type");
    if (open === undefined || (type !== "result" && type !== "error")) return false;
    // RFC 6120 8.1.2.1: an answer without `from` comes from our own account.
    if ((iq.getAttribute("from") ?? bareJid(ownJid)) !== open.to) return false;
    this.clock.clearTimer(open.timer);
    if (type === "result") open.resolve(iq);
    else open.reject(readError(iq));
    this.#end(id);
    return true;
  }

  /** The stream died: nothing is answered any more. */
  abandon(): void {
    for (const open of this.#open.values()) this.clock.clearTimer(open.timer);
    const all = [...this.#open.values(), ...this.#waiting];
    this.#open.clear();
    this.#waiting = [];
    this.#pause = 0;
    for (const { reject } of all) reject(new RequestError("gone", null));
  }

  get #reading(): number {
    return Array.from(this.#open.values()).filter(({ patience }) => patience.isOfArchive).length;
  }

  #begin({ request, patience, send, resolve, reject }: Wish): void {
    const { id, type, to, payload } = request;
    const askedAt = this.clock.now();
    const open: Open = { to, askedAt, patience, timer: null, isLate: false, resolve, reject };
    this.#open.set(id, open);
    this.#wait(id, open);
    send(xml`<iq xmlns="${NS.client}" type="${type}" id="${id}" to="${to}">${raw(payload)}</iq>`);
  }

  /** It waits no more; another one may be asked. */
  #end(id: string): void {
    const isOfArchive = this.#open.get(id)?.patience.isOfArchive;
    this.#open.delete(id);
    const next = isOfArchive ? this.#waiting.shift() : undefined;
    if (next !== undefined) this.#begin(next);
  }

  #wait(id: string, open: Open): void {
    const { askedAt, patience } = open;
    const quietAt = Math.max(askedAt, this.#heardAt) + patience.timeoutMs;
    const lostAt = Math.max(askedAt, patience.heardAt()) + this.timings.answerLimit;
    const left = Math.min(quietAt, lostAt) - this.clock.now();
    if (left > 0 || !open.isLate) {
      open.isLate = left <= 0;
      open.timer = this.clock.setTimer(() => this.#wait(id, open), left > 0 ? left : LOOK_MS);
      return;
    }
    open.reject(new RequestError("timeout", null));
    this.#end(id);
  }
}
