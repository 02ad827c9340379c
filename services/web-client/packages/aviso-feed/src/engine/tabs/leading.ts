/** A term as the leader: our own connection, and what the others are told of it. */

import type { ConnectionInfo } from "../../protocol/answers";
import { type MemberMessage, writeState } from "../../protocol/tab-messages";
import type { Connection } from "../connection";
import type { Group } from "./group";
import { Relay } from "./relay";

export class Leading {
  readonly #relay: Relay;
  readonly #stopListening: readonly (() => void)[];
  #info: ConnectionInfo | null = null;
  #isEnded = false;
  /** An account's. */
  #token: string | null = null;

  constructor(
    private readonly own: Connection,
    private readonly group: Group,
    private readonly isVisible: () => boolean,
  ) {
    this.#relay = new Relay({
      clock: own.host,
      room: (jid) => own.room(jid),
      marks: () => own.marks(),
      changeMarks: (changes) => own.changeMarks(changes),
      check: () => own.stream.check(),
      say: (message, to) => group.say(message, to ?? null),
    });
    this.#stopListening = [
      own.on("state", ({ kind }) => {
        if (kind === "online") void this.#learnInfo();
        else this.#say(null, []);
      }),
      own.on("bearer", () => void this.#learnToken()),
      own.on("reader", (hint) => group.say({ kind: "hint", hint })),
      own.on("marks", (marks) => group.say({ kind: "marks", marks })),
    ];
  }

  /** To everybody, at the beginning of a term. */
  announce(isTheft: boolean): void {
    this.#say(null, this.#relay.rooms, isTheft);
  }

  hear(from: string, message: MemberMessage): void {
    if (message.kind === "ask-leader") {
      this.group.say({ kind: "alive", isVisible: this.isVisible() });
      return;
    }
    this.#relay.hear(from, message);
    if (message.kind === "join") this.#say(from, message.rooms);
  }

  end(): void {
    this.#isEnded = true;
    for (const off of this.#stopListening) off();
    this.#relay.stop();
  }

  #say(to: string | null, rooms: readonly string[], isTheft = false): void {
    const { own } = this;
    if (this.#isEnded) return;
    this.group.say(
      {
        kind: "leads",
        isTheft,
        state: writeState(own.state),
        transport: own.transport,
        info: this.#info,
        bearer: this.#token,
        rooms: this.#relay.statesOf(rooms),
      },
      to,
    );
  }

  async #learnInfo(): Promise<void> {
    this.#info = await this.own.info().catch(() => null);
    this.#say(null, []);
  }

  /** A ticket is its own tab's alone. */
  async #learnToken(): Promise<void> {
    if (this.own.reader === "ticket") return;
    this.#token = (await this.own.bearer()) ?? null;
    this.#say(null, []);
  }
}
