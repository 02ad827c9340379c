/** What a room needs of the session above it. Types, and the errors of a request. */

import type { Host, Timings } from "./host";

/** The other side answered with an error, or did not answer. */
export class RequestError extends Error {
  override readonly name = "RequestError";

  /** `condition` is RFC 6120's, or `timeout`, or `gone` where the stream died. */
  constructor(
    readonly condition: string,
    text: string | null,
  ) {
    super(text ?? condition);
  }

  /** Nobody answered: says nothing about the request. */
  get isUnanswered(): boolean {
    return this.condition === "timeout" || this.condition === "gone";
  }
}

/** How long a request waits. */
export type Patience = {
  /** So many milliseconds without anything on the connection. Default: Timings.answerTimeout. */
  readonly timeoutMs: number;
  /** When a part of the answer came last, in milliseconds since 1970. Default: no part of it did. */
  readonly heardAt: () => number;
};

export interface Wire {
  readonly host: Host;
  readonly timings: Timings;
  readonly isUp: boolean;
  send(stanza: string): void;
  /** How we are called in every room, as long as this stream lives. */
  readonly nick: string;
  /** Send an iq and wait for its answer. Rejects with a RequestError. */
  request(
    type: "get" | "set",
    to: string,
    payload: string,
    patience?: Partial<Patience>,
  ): Promise<Element>;
  /** Look whether the stream is alive, soon. */
  check(): void;
  /** Milliseconds since anything came on the stream. */
  silence(): number;
  /** A random word, for ids and nicks. */
  word(): string;
}
