/**
 * The tabs that share one connection: posts to them, hears them, keeps the election going.
 *
 * Everything that a leader says to all is counted, so that whoever missed something knows.
 */

import {
  type Envelope,
  isOfLeader,
  type LeaderMessage,
  type MemberMessage,
  readEnvelope,
  readTabMessage,
  type TabMessage,
  writeTabMessage,
} from "../../protocol/tab-messages";
import type { ClockPort } from "../ports";
import { Election } from "./election";
import type { ChannelPort, TabsPort } from "./ports";

export type GroupListener = {
  /** We lead from now on. `isTheft`: it was taken from somebody. */
  lead(isTheft: boolean): void;
  stepDown(): void;
  leaderless(): void;
  alone(): void;
  /** Follow this one: nothing that was known holds. */
  follow(): void;
  /** The leader's: in order, each once, and none that was missed. */
  leaderSays(message: LeaderMessage): void;
  /** Something of the leader was missed. */
  missed(): void;
  memberSays(from: string, message: MemberMessage): void;
};

export class Group {
  readonly #election: Election;
  #channel: ChannelPort | null = null;
  /** What the leader said to all, as far as we heard; null before the first. */
  #heard: number | null = null;
  #said = 0;

  constructor(
    readonly name: string,
    readonly id: string,
    private readonly tabs: TabsPort,
    clock: ClockPort,
    private readonly listener: GroupListener,
  ) {
    this.#election = new Election(
      id,
      name,
      { clock, requestLock: tabs.requestLock, isVisible: tabs.isVisible },
      {
        lead: (isTheft) => {
          this.#said = 0;
          listener.lead(isTheft);
        },
        stepDown: () => listener.stepDown(),
        leaderless: () => listener.leaderless(),
        ask: () => this.post({ kind: "ask-leader" }),
        alone: () => {
          this.#close();
          listener.alone();
        },
      },
    );
  }

  get isLeading(): boolean {
    return this.#election.isLeading;
  }

  /** Throws where there are no channels. */
  join(): void {
    this.#channel = this.tabs.openChannel(this.name, (data) => this.#hear(data));
    this.#election.start();
  }

  leave(): void {
    if (this.#channel === null) return;
    if (this.isLeading) this.say({ kind: "farewell" });
    else this.post({ kind: "leave" });
    this.#election.stop();
    this.#close();
  }

  /** As anybody. */
  post(message: MemberMessage): void {
    this.#post(message, null, 0);
  }

  /** As the leader; nothing where we lead no more, or it is in doubt. */
  say(message: LeaderMessage, to: string | null = null): void {
    if (!this.#election.maySpeak) return;
    if (to === null) this.#said += 1;
    this.#post(message, to, this.#said);
  }

  look(): void {
    this.#election.look();
  }

  claim(): void {
    this.#election.claim();
  }

  noteTheft(): void {
    this.#election.noteTheft();
  }

  #post(message: TabMessage, to: string | null, count: number): void {
    const { generation } = this.#election;
    const text = writeTabMessage(message);
    const envelope = { from: this.id, to, generation, count, kind: message.kind, text };
    this.#channel?.post(envelope satisfies Envelope);
  }

  #hear(data: unknown): void {
    const envelope = readEnvelope(data);
    if (envelope === null || this.#channel === null) return;
    const { from, to, generation, count, text } = envelope;
    const leads = isOfLeader(envelope);
    const heard = this.#election.hear(from, generation, leads);
    if (!leads) {
      this.listener.memberSays(from, readTabMessage(text) as MemberMessage);
      return;
    }
    if (heard === "stale") return;
    if (heard === "new") {
      this.#heard = null;
      this.listener.follow();
    }
    const isForAll = to === null;
    const expected = this.#heard === null ? count : this.#heard + (isForAll ? 1 : 0);
    this.#heard = count;
    if (count !== expected) this.listener.missed();
    if (!isForAll && to !== this.id) return;
    const message = readTabMessage(text) as LeaderMessage;
    if (message.kind === "farewell") this.#election.hearFarewell();
    else this.listener.leaderSays(message);
  }

  #close(): void {
    this.#channel?.close();
    this.#channel = null;
  }
}

/** Say this to the tabs of this name, without being one of them. Throws where there are no channels. */
export function tellGroup(name: string, id: string, tabs: TabsPort, message: MemberMessage): void {
  const channel = tabs.openChannel(name, () => {});
  const text = writeTabMessage(message);
  const envelope = { from: id, to: null, generation: 0, count: 0, kind: message.kind, text };
  channel.post(envelope satisfies Envelope);
  channel.close();
}
