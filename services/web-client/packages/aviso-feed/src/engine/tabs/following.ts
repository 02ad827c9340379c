/** What a tab knows of its leader: what it told, and the rooms that it tells of. */

import type { Hint } from "../../protocol/hint";
import type { FeedMarks, MarksChange } from "../../protocol/marks";
import { type LeaderMessage, readState } from "../../protocol/tab-messages";
import type { Connection } from "../connection";
import type { RoomState } from "../feed-connection";
import type { Timer } from "../ports";
import type { Group } from "./group";
import { Questions } from "./questions";
import { SharedRooms } from "./shared-rooms";
import { WANTS_EVERY } from "./timings";

export type Report = Extract<LeaderMessage, { kind: "leads" }>;

export type FollowingPorts = {
  readonly own: Connection;
  /** Where we follow somebody; null else. */
  group(): Group | null;
  isVisible(): boolean;
  /** The leader told how it stands. */
  reported(before: Report | null, report: Report): void;
  hint(hint: Hint): void;
  marks(marks: readonly FeedMarks[]): void;
};

const JOINING: RoomState = { kind: "joining" };

export class Following {
  readonly rooms: SharedRooms;
  readonly #questions: Questions;
  #report: Report | null = null;
  #wantsTimer: Timer = null;

  constructor(private readonly ports: FollowingPorts) {
    const { own } = ports;
    this.#questions = new Questions(own.host, (id, question) =>
      ports.group()?.post({ kind: "question", id, question }),
    );
    this.rooms = new SharedRooms({
      clock: own.host,
      timings: own.stream.timings,
      questions: this.#questions,
      prove: (jid) => this.#prove(jid),
      onWants: () => this.#sayWants(),
    });
  }

  /** null: nobody told anything, or nobody is there any more. */
  get report(): Report | null {
    return this.#report;
  }

  /** The account's, as the leader's session has them. Rejects with a RequestError. */
  async marks(): Promise<FeedMarks[]> {
    return (await this.#questions.ask({ about: "marks" })) as FeedMarks[];
  }

  async changeMarks(changes: readonly MarksChange[]): Promise<void> {
    await this.#questions.ask({ about: "marks-change", changes });
  }

  /** Ask a leader for everything. */
  begin(): void {
    this.ports.group()?.post({ kind: "join", rooms: this.rooms.wanted });
    this.#sayWantsLater();
  }

  /** What was told holds no more. Whoever is in a room hears of that from the connection. */
  end(): void {
    this.#report = null;
    this.#questions.abandon();
    this.rooms.lose();
    this.ports.own.host.clearTimer(this.#wantsTimer);
  }

  /** Something that the leader told did not come. */
  missed(): void {
    this.rooms.tellAll(JOINING);
    this.begin();
  }

  hear(message: LeaderMessage): void {
    const { ports, rooms } = this;
    switch (message.kind) {
      case "leads":
        this.#onReport(message);
        break;
      case "alive":
        // A browser slows down the timers by which it would come back.
        if (!message.isVisible && this.#report?.state.kind === "offline" && ports.isVisible()) {
          ports.group()?.claim();
        }
        break;
      case "room":
        rooms.get(message.room)?.tell.state(readState(message.state));
        break;
      case "message":
        rooms.get(message.room)?.tell.message(message.read, message.stanzaId);
        break;
      case "untrusted":
        rooms.get(message.room)?.tell.untrusted();
        break;
      case "hint":
        ports.hint(message.hint);
        break;
      case "marks":
        ports.marks(message.marks);
        break;
      case "archived":
        this.#questions.take(message.id, message);
        break;
      case "answer":
        this.#questions.resolve(message.id, message.answer);
        break;
      case "failure":
        this.#questions.fail(message.id, message.condition);
        break;
    }
  }

  #onReport(report: Report): void {
    const before = this.#report;
    this.#report = report;
    if (report.info !== null) this.ports.own.suppose(report.info);
    if (report.state.kind !== "online") this.rooms.lose();
    this.ports.reported(before, report);
    for (const [jid, state] of report.rooms) this.rooms.get(jid)?.tell.state(readState(state));
  }

  /** Who knows an account's password, or is a guest, may have what the leader has. */
  async #prove(jid: string): Promise<void> {
    const { own } = this.ports;
    if (own.reader !== "ticket") return;
    const token = await own.bearer();
    const feed = jid.slice(0, jid.indexOf("@"));
    await own.rest(() => own.host.rest.feed(own.origin, feed, token));
  }

  #sayWants(): void {
    const group = this.ports.group();
    if (group === null) return;
    group.post({ kind: "wants", rooms: this.rooms.wanted });
    this.#sayWantsLater();
  }

  #sayWantsLater(): void {
    const { host } = this.ports.own;
    host.clearTimer(this.#wantsTimer);
    this.#wantsTimer = host.setTimer(() => this.#sayWants(), WANTS_EVERY);
  }
}
