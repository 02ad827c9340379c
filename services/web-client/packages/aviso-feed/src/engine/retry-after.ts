/** Keeps what a server said about when to come again (RFC 9110 10.2.3), for everyone who asks it. */

import { ApiError } from "../model/errors";

export class RetryAfter {
  #until = 0;
  #refusal: ApiError | null = null;

  constructor(private readonly now: () => number) {}

  /** Ask, unless it is too early: then the refusal stands, with what is left of the time. */
  async ask<Answer>(question: () => Promise<Answer>): Promise<Answer> {
    const left = this.#until - this.now();
    if (left > 0 && this.#refusal !== null) {
      const { status, detail, field } = this.#refusal;
      throw new ApiError(status, detail, field, left);
    }
    try {
      return await question();
    } catch (error) {
      if (error instanceof ApiError && error.retryAfterMs !== null) {
        const until = this.now() + error.retryAfterMs;
        if (until > this.#until) {
          this.#until = until;
          this.#refusal = error;
        }
      }
      throw error;
    }
  }
}
