/** The changes of a subscription as an async iterator. What nobody takes waits, up to a number. */

import { AvisoError } from "../model/errors";
import type { RecordData } from "../model/event";
import type { Change } from "./emitted";

/** More changes than this do not wait: whoever takes them is too slow for the feed. */
export const MOST_WAITING = 10_000;

type Taker<Data> = {
  resolve(result: IteratorResult<Change<Data>>): void;
  reject(error: Error): void;
};

export class ChangeStream<Data = RecordData> implements AsyncIterableIterator<Change<Data>> {
  #waiting: Change<Data>[] = [];
  #takers: Taker<Data>[] = [];
  #isDone = false;
  #failure: AvisoError | null = null;
  readonly #off: () => void;

  constructor(listen: (take: (change: Change<Data>) => void) => () => void, closing: AbortSignal) {
    this.#off = listen((change) => this.#take(change));
    if (closing.aborted) this.#end();
    else closing.addEventListener("abort", () => this.#end(), { once: true });
  }

  next(): Promise<IteratorResult<Change<Data>>> {
    const value = this.#waiting.shift();
    if (value !== undefined) return Promise.resolve({ value, done: false });
    const failure = this.#failure;
    this.#failure = null;
    if (failure !== null) return Promise.reject(failure);
    if (this.#isDone) return Promise.resolve({ value: undefined, done: true });
    return new Promise((resolve, reject) => this.#takers.push({ resolve, reject }));
  }

  /** The loop was left. */
  return(): Promise<IteratorResult<Change<Data>>> {
    this.#waiting = [];
    this.#end();
    return Promise.resolve({ value: undefined, done: true });
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  #take(value: Change<Data>): void {
    const taker = this.#takers.shift();
    if (taker !== undefined) taker.resolve({ value, done: false });
    else if (this.#waiting.length < MOST_WAITING) this.#waiting.push(value);
    else {
      this.#failure = new AvisoError(
        "too-slow",
        `More than ${MOST_WAITING} changes wait to be taken; begin again from the last one that was.`,
      );
      this.#end();
    }
  }

  #end(): void {
    this.#off();
    this.#isDone = true;
    for (const taker of this.#takers.splice(0)) taker.resolve({ value: undefined, done: true });
  }
}
