/** When a list that could not be had is asked for again, and what is said until then. */

import { type ListFailureKind, listFailureKind } from "./list-failure";

export interface ListFailure {
  readonly kind: ListFailureKind;
  /** What the server answered with; 0 where nobody did. */
  readonly status: number;
  /** Which address to use instead, where this one was refused. */
  readonly address: string | null;
  readonly retryAt: Date;
}

/** How many milliseconds lie between two tries: doubled each time, up to the most. */
const RETRY_FIRST_MS = 2_000;
const RETRY_MOST_MS = 60_000;

export class ListRetry {
  #tries = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(private readonly again: () => void) {}

  /** `error` is what the library rejected with. */
  fail(error: unknown): ListFailure {
    const {
      status = 0,
      address = null,
      retryAfterMs,
    } = (error ?? {}) as {
      status?: number;
      address?: string | null;
      retryAfterMs?: number | null;
    };
    const pause = Math.min(RETRY_MOST_MS, RETRY_FIRST_MS * 2 ** this.#tries);
    this.#tries += 1;
    // Spread, so that pages that failed together do not come again together.
    const delay = Math.max(retryAfterMs ?? 0, pause * (0.5 + Math.random() / 2));
    clearTimeout(this.#timer);
    this.#timer = setTimeout(this.again, delay);
    return { kind: listFailureKind(error), status, address, retryAt: new Date(Date.now() + delay) };
  }

  succeed(): void {
    this.#tries = 0;
  }

  cancel(): void {
    clearTimeout(this.#timer);
  }
}
