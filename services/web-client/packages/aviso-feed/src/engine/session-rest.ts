/** REST with a session's own rights: waits for them, and comes again when the server says so. */

import { ApiError, AvisoError } from "../model/errors";
import { TicketError } from "../protocol/ticket";
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
   * seconds. What the server does not take (401) is replaced where that can be, once. Rejects with
   * ApiError, with AvisoError where the session is refused or has no ticket, and as `signal` does.
   */
  async ask<Answer>(
    question: (token: string | undefined) => Promise<Answer>,
    { token, signal }: AskOptions,
  ): Promise<Answer> {
    let waited = 0;
    let isRenewed = token !== undefined;
    for (let tries = 1; ; tries += 1) {
      signal?.throwIfAborted();
      const shown = token ?? (await this.#bearer(signal));
      try {
        return await this.connection.rest(() => question(shown));
      } catch (error) {
        if (!isRenewed && isRefusal(error) && (await this.#hasOther(shown, signal))) {
          isRenewed = true;
          continue;
        }
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
    if (this.credentials.kind === "guest") return undefined;
    return (await this.#goodBearer(signal)) ?? this.#comingBearer(signal);
  }

  /** There is another than `shown`, which the server did not take, or it comes. */
  async #hasOther(shown: string | undefined, signal: AbortSignal | undefined): Promise<boolean> {
    if (shown === undefined) return false;
    const other = await this.#goodBearer(signal, shown);
    return other === undefined ? this.credentials.kind === "account" : other !== shown;
  }

  /** Nobody needs to be connected for a ticket; whoever makes them is waited for 15 s. */
  async #goodBearer(
    signal: AbortSignal | undefined,
    refused?: string,
  ): Promise<string | undefined> {
    const bearer = this.connection.goodBearer(refused);
    if (this.credentials.kind === "account") return bearer;
    const late = (): Error =>
      new AvisoError("ticket-not-renewed", "No fresh ticket came: nobody answers.");
    try {
      return await this.#inTime(signal, late, (resolve, reject) => {
        bearer.then(resolve, reject);
        return [];
      });
    } catch (error) {
      if (!(error instanceof TicketError)) throw error;
      throw new AvisoError("ticket-malformed", error.message);
    }
  }

  /** An account's comes over its stream, and a ticket where nobody makes them from `setTicket`. */
  #comingBearer(signal: AbortSignal | undefined): Promise<string | undefined> {
    const { connection } = this;
    const isRefused = connection.state.kind === "refused";
    const late = (): Error => {
      const { state } = connection;
      return new ApiError(0, "reason" in state ? state.reason : "The server does not answer.");
    };
    return this.#inTime(signal, late, (resolve, reject) => {
      const look = async (): Promise<void> => {
        const { state } = connection;
        if (state.kind === "refused") return reject(new AvisoError(state.code, state.reason));
        const bearer = await connection.bearer();
        if (bearer !== undefined) resolve(bearer);
      };
      const offs = [connection.on("state", look), connection.on("bearer", look)];
      try {
        // Who left meanwhile is not told so again.
        if (!isRefused && !signal?.aborted) connection.connect();
      } catch (error) {
        reject(error);
      }
      void look();
      return offs;
    });
  }

  #pause(ms: number, signal: AbortSignal | undefined): Promise<void> {
    const { host } = this.connection;
    return this.#until(signal, (resolve) => {
      const timer = host.setTimer(resolve, ms);
      return [() => host.clearTimer(timer)];
    });
  }

  /** Wait for what `begin` says, 15 s at most; it returns what ends its own listening. */
  #inTime<Value>(
    signal: AbortSignal | undefined,
    late: () => Error,
    begin: Begin<Value>,
  ): Promise<Value> {
    const { host, stream } = this.connection;
    return this.#until<Value>(signal, (resolve, reject) => {
      const timer = host.setTimer(() => reject(late()), stream.timings.answerTimeout);
      return [() => host.clearTimer(timer), ...begin(resolve, reject)];
    });
  }

  async #until<Value>(signal: AbortSignal | undefined, begin: Begin<Value>): Promise<Value> {
    let ends: (() => void)[] = [];
    try {
      return await new Promise<Value>((resolve, reject) => {
        const abort = (): void => reject(signal?.reason);
        signal?.addEventListener("abort", abort);
        ends = [() => signal?.removeEventListener("abort", abort), ...begin(resolve, reject)];
        if (signal?.aborted) abort();
      });
    } finally {
      for (const end of ends) end();
    }
  }
}

type Begin<Value> = (
  resolve: (value: Value) => void,
  reject: (error: unknown) => void,
) => (() => void)[];

const isRefusal = (error: unknown): boolean => error instanceof ApiError && error.status === 401;
