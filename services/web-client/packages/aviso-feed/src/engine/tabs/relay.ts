/**
 * The leader's side: is in the rooms that the other tabs want, and tells them what happens there.
 *
 * A tab that is not heard of for a while wants nothing any more; a closed one may not have said so.
 */

import { RequestError } from "../../protocol/iq";
import type { FeedMarks, MarksChange } from "../../protocol/marks";
import {
  type LeaderMessage,
  type MemberMessage,
  type Question,
  writeState,
} from "../../protocol/tab-messages";
import type { FeedRoom, RoomState } from "../feed-connection";
import type { ArchivedMessage, ClockPort, Timer } from "../ports";
import { WANTS_EVERY, WANTS_KEPT } from "./timings";

/** More tabs, rooms of one tab and open questions than these are not served. */
const MOST_MEMBERS = 200;
const MOST_ROOMS = 2_000;
const MOST_QUESTIONS = 64;

export type RelayPorts = {
  readonly clock: ClockPort;
  room(jid: string): FeedRoom;
  marks(): Promise<FeedMarks[]>;
  changeMarks(changes: readonly MarksChange[]): Promise<void>;
  /** Look whether the stream is alive. */
  check(): void;
  say(message: LeaderMessage, to?: string): void;
};

type Member = { rooms: ReadonlySet<string>; heardAt: number };

export class Relay {
  readonly #members = new Map<string, Member>();
  readonly #rooms = new Map<string, { readonly room: FeedRoom; readonly leave: () => void }>();
  #questions = 0;
  #timer: Timer = null;

  constructor(private readonly ports: RelayPorts) {
    this.#forgetLater();
  }

  stop(): void {
    this.ports.clock.clearTimer(this.#timer);
    this.#members.clear();
    this.#leaveUnwanted();
  }

  get rooms(): string[] {
    return [...this.#rooms.keys()];
  }

  /** The states of these rooms, as far as we are in them. */
  statesOf(rooms: readonly string[]) {
    return rooms.flatMap((jid) => {
      const room = this.#rooms.get(jid)?.room;
      return room === undefined ? [] : [[jid, writeState(room.state)] as const];
    });
  }

  hear(from: string, message: MemberMessage): void {
    const { clock } = this.ports;
    const member = this.#members.get(from);
    if (member !== undefined) member.heardAt = clock.now();
    switch (message.kind) {
      case "join":
      case "wants":
        if (member === undefined && this.#members.size >= MOST_MEMBERS) return;
        this.#want(from, new Set(message.rooms.slice(0, MOST_ROOMS)));
        break;
      case "leave":
        this.#members.delete(from);
        this.#leaveUnwanted();
        break;
      case "question":
        void this.#answer(from, message.id, message.question);
        break;
    }
  }

  #want(from: string, rooms: ReadonlySet<string>): void {
    const before = this.#members.get(from)?.rooms;
    this.#members.set(from, { rooms, heardAt: this.ports.clock.now() });
    for (const jid of rooms) {
      const known = this.#rooms.get(jid);
      if (known === undefined) this.#enter(jid);
      else if (!before?.has(jid)) this.#tell(jid, known.room.state, from);
    }
    this.#leaveUnwanted();
  }

  #tell(jid: string, state: RoomState, to?: string): void {
    this.ports.say({ kind: "room", room: jid, state: writeState(state) }, to);
  }

  #enter(jid: string): void {
    const { say } = this.ports;
    const room = this.ports.room(jid);
    const leave = room.attach({
      state: (state) => this.#tell(jid, state),
      message: (read, stanzaId) => say({ kind: "message", room: jid, read, stanzaId }),
      untrusted: () => say({ kind: "untrusted", room: jid }),
    });
    this.#rooms.set(jid, { room, leave });
    this.#tell(jid, room.state);
  }

  #leaveUnwanted(): void {
    const members = [...this.#members.values()];
    for (const [jid, { leave }] of this.#rooms) {
      if (members.some(({ rooms }) => rooms.has(jid))) continue;
      this.#rooms.delete(jid);
      leave();
    }
  }

  async #answer(from: string, id: number, question: Question): Promise<void> {
    const { say } = this.ports;
    const fail = (condition: string): void => say({ kind: "failure", id, condition }, from);
    if (this.#questions >= MOST_QUESTIONS) return fail("timeout");
    this.#questions += 1;
    try {
      const answer = await this.#find(question, (each) =>
        say({ kind: "archived", id, ...each }, from),
      );
      say({ kind: "answer", id, answer }, from);
    } catch (error) {
      if (!(error instanceof RequestError)) throw error;
      if (error.condition === "timeout") this.ports.check();
      fail(error.condition);
    } finally {
      this.#questions -= 1;
    }
  }

  async #find(question: Question, take: (message: ArchivedMessage) => void): Promise<unknown> {
    switch (question.about) {
      case "page":
        return this.#roomOf(question.room).page(question.range, question.max, take);
      case "presence":
        return this.#lookIn(this.#roomOf(question.room));
      case "marks":
        return this.ports.marks();
      case "marks-change":
        await this.ports.changeMarks(question.changes);
        return null;
    }
  }

  /** Where there is no stream at the moment, nothing is sent, and nothing would be answered. */
  #roomOf(jid: string): FeedRoom {
    const room = this.#rooms.get(jid)?.room;
    if (room?.state.kind !== "in") throw new RequestError("gone", null);
    return room;
  }

  /** Whether we are in the room; where not, go in. */
  async #lookIn(room: FeedRoom): Promise<boolean> {
    const isIn = await room.isStillIn();
    if (!isIn && room.state.kind === "in") room.rejoin();
    return isIn;
  }

  #forgetLater(): void {
    this.#timer = this.ports.clock.setTimer(() => {
      const oldest = this.ports.clock.now() - WANTS_KEPT;
      for (const [id, { heardAt }] of this.#members) {
        if (heardAt < oldest) this.#members.delete(id);
      }
      this.#leaveUnwanted();
      this.#forgetLater();
    }, WANTS_EVERY);
  }
}
