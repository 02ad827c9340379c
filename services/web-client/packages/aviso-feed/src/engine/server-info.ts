/** Where things are at the server, asked over REST once a connection, and how long it took to say so. */

import type { ConnectionInfo } from "../protocol/answers";
import type { ClockPort } from "./ports";

export class ServerInfo {
  #info: Promise<ConnectionInfo> | null = null;
  #answerMs = 0;

  constructor(
    private readonly clock: ClockPort,
    private readonly ask: () => Promise<ConnectionInfo>,
  ) {}

  /** How long the last answer took, in milliseconds; 0: there was none. */
  get answerMs(): number {
    return this.#answerMs;
  }

  get(): Promise<ConnectionInfo> {
    this.#info ??= this.#ask();
    return this.#info;
  }

  /** Somebody who is connected says so. */
  suppose(info: ConnectionInfo): void {
    this.#info ??= Promise.resolve(info);
  }

  /** It may be elsewhere now. */
  forget(): void {
    this.#info = null;
  }

  async #ask(): Promise<ConnectionInfo> {
    const askedAt = this.clock.now();
    const info = await this.ask();
    this.#answerMs = this.clock.now() - askedAt;
    return info;
  }
}
