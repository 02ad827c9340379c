/** What a tab asked the leader and waits for. */

import { RequestError } from "../../protocol/iq";
import type { Question } from "../../protocol/tab-messages";
import type { ArchivedMessage, ClockPort, Timer } from "../ports";

/** The leader itself gives up an answer before; this is for one that says nothing at all. */
const LIMIT_MS = 90_000;

type Open = {
  readonly take: (message: ArchivedMessage) => void;
  readonly resolve: (answer: unknown) => void;
  readonly reject: (error: RequestError) => void;
  timer: Timer;
};

export class Questions {
  readonly #open = new Map<number, Open>();
  #last = 0;

  constructor(
    private readonly clock: ClockPort,
    private readonly post: (id: number, question: Question) => void,
  ) {}

  /** Rejects with a RequestError. */
  ask(question: Question, take: (message: ArchivedMessage) => void = () => {}): Promise<unknown> {
    return new Promise((resolve, reject) => {
      this.#last += 1;
      const id = this.#last;
      this.#open.set(id, { take, resolve, reject, timer: null });
      this.#wait(id);
      this.post(id, question);
    });
  }

  take(id: number, message: ArchivedMessage): void {
    const open = this.#open.get(id);
    if (open === undefined) return;
    this.#wait(id);
    open.take(message);
  }

  resolve(id: number, answer: unknown): void {
    this.#close(id)?.resolve(answer);
  }

  fail(id: number, condition: string): void {
    this.#close(id)?.reject(new RequestError(condition, null));
  }

  /** Nobody is there to answer any more. */
  abandon(): void {
    for (const id of [...this.#open.keys()]) this.fail(id, "gone");
  }

  #close(id: number): Open | undefined {
    const open = this.#open.get(id);
    if (open !== undefined) this.clock.clearTimer(open.timer);
    this.#open.delete(id);
    return open;
  }

  #wait(id: number): void {
    const open = this.#open.get(id);
    if (open === undefined) return;
    if (open.timer !== null) this.clock.clearTimer(open.timer);
    open.timer = this.clock.setTimer(() => this.fail(id, "timeout"), LIMIT_MS);
  }
}
