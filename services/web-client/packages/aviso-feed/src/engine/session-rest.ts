/** REST with a session's own rights: waits for them, and comes again when the server says so. */

import { ApiError, AvisoError } from "../model/errors";
import { readTicket } from "../protocol/ticket";
import type { FeedConnection } from "./feed-connection";
import type { Credentials } from "./options";

export type AskOptions = {
  /** A key, instead of the session's own token or ticket. */
  readonly token?: string | undefined;
  /** Gives it up: rejects with the signal's reason. What was sent may have been done. */
  readonly signal?: AbortSignal | undefined;
};

/** A server that wants to be left alone for longer is not waited for. */
const MOST_WAIT_MS = 10_000;
const MOST_TRIES = 5;

export class SessionRest {
  constructor(
    private readonly connection: FeedConnection,
    private readonly credentials: Credentials,
  ) {}

  /**
   * Ask, and again where the server says when to come (`Retry-After`: it did nothing then), within ten
   * seconds. Rejects with ApiError, with AvisoError where the session is refused, and as `signal` does.
   */
  async ask<Answer>(
    question: (token: string | undefined) => Promise<Answer>,
    { token, signal }: AskOptions,
  ): Promise<Answer> {
    let waited = 0;
    for (let tries = 1; ; tries += 1) {
      signal?.throwIfAborted();
      const shown = token ?? (await this.#bearer(signal));
      try {
        return await this.connection.rest(() => question(shown));
      } catch (error) {
        const wait = error instanceof ApiError ? error.retryAfterMs : null;
        if (wait === null || tries === MOST_TRIES || waited + wait > MOST_WAIT_MS) throw error;
        waited += wait;
        // Those who were told the same do not come all at once.
        await this.#pause(wait * (1 + this.connection.host.random() / 10), signal);
      }
    }
  }

  /** What REST is shown, once it is there; undefined for a guest. */
  async #bearer(signal: AbortSignal | undefined): Promise<string | undefined> {
    const { connection, credentials } = this;
    if (credentials.kind === "guest") return undefined;
    const bearer = await connection.bearer();
    if (bearer !== undefined) return bearer;
    if (credentials.kind === "ticket" && credentials.ticket !== "" && !this.#isRefused) {
      // Nobody connected yet, and nobody needs to.
      return textOf(credentials.ticket);
    }
    return this.#comingBearer(signal);
  }

  get #isRefused(): boolean {
    return this.connection.state.kind === "refused";
  }

  /** An account's comes over its stream, and a first ticket from whoever makes them. */
  #comingBearer(signal: AbortSignal | undefined): Promise<string | undefined> {
    const { connection } = this;
    const { host, stream } = connection;
    return new Promise((resolve, reject) => {
      const fail = (error: unknown): void => end(() => reject(error));
      const look = async (): Promise<void> => {
        const { state } = connection;
        if (state.kind === "refused") return fail(new AvisoError(state.code, state.reason));
        const bearer = await connection.bearer();
        if (bearer !== undefined) end(() => resolve(bearer));
      };
      const offs = [connection.on("state", look), connection.on("bearer", look)];
      const abort = (): void => fail(signal?.reason);
      signal?.addEventListener("abort", abort);
      const timer = host.setTimer(() => {
        const { state } = connection;
        fail(new ApiError(0, "reason" in state ? state.reason : "The server does not answer."));
      }, stream.timings.answerTimeout);
      function end(settle: () => void): void {
        for (const off of offs) off();
        signal?.removeEventListener("abort", abort);
        host.clearTimer(timer);
        settle();
      }
      // Who left meanwhile is not told so again.
      if (signal?.aborted) return abort();
      try {
        if (!this.#isRefused) connection.connect();
      } catch (error) {
        fail(error);
      }
      void look();
    });
  }

  #pause(ms: number, signal: AbortSignal | undefined): Promise<void> {
    const { host } = this.connection;
    return new Promise((resolve, reject) => {
      if (signal?.aborted) return reject(signal.reason);
      const abort = (): void => {
        host.clearTimer(timer);
        reject(signal?.reason);
      };
      const timer = host.setTimer(() => {
        signal?.removeEventListener("abort", abort);
        resolve();
      }, ms);
      signal?.addEventListener("abort", abort);
    });
  }
}

/** Throws AvisoError for what is no ticket. */
function textOf(ticket: string): string {
  try {
    return readTicket(ticket).text;
  } catch (error) {
    throw new AvisoError("ticket-malformed", (error as Error).message);
  }
}
