/**
 * A connection that all tabs of a browser share which have the same rights (rights.ts): one tab leads
 * and has it, the others follow. Whoever leads is decided by a lock (election.ts).
 *
 * Whatever is said to be true in a follower was said by a leader who was heard a moment ago; the
 * moment it is not, nothing is known. Each follower keeps its feeds complete by itself, as over a
 * connection of its own: it asks the leader for the room's archive, and REST.
 *
 * Where tabs can't share, it is as if there were one tab: a connection of its own.
 */

import type { ConnectionInfo } from "../../protocol/answers";
import {
  type LeaderMessage,
  type MemberMessage,
  readState,
  shareName,
  writeState,
} from "../../protocol/tab-messages";
import type { Connection } from "../connection";
import type { ConnectionEvents } from "../emitted";
import { Emitter } from "../emitter";
import type { FeedConnection, FeedRoom, RoomState } from "../feed-connection";
import type { Transport } from "../options";
import type { HostPort, Timer } from "../ports";
import type { ConnectionState } from "../states";
import { Group } from "./group";
import type { TabsPort } from "./ports";
import { Questions } from "./questions";
import { Relay } from "./relay";
import { SharedRooms } from "./shared-rooms";
import { WANTS_EVERY } from "./timings";

/**
 * - `off`: before `connect()` and after `close()`.
 * - `meeting`: nobody leads, as far as we know.
 * - `alone`: this tab shares with nobody.
 */
type Mode = "off" | "meeting" | "following" | "leading" | "alone";

type Report = Extract<LeaderMessage, { kind: "leads" }>;

const CONNECTING: ConnectionState = { kind: "connecting" };
const JOINING: RoomState = { kind: "joining" };

const canBeTried = ({ kind }: { readonly kind: string }): boolean =>
  kind === "refused" || kind === "offline";

export class SharedConnection extends Emitter<ConnectionEvents> implements FeedConnection {
  readonly origin: string;
  readonly host: HostPort;
  readonly stream: FeedConnection["stream"];
  readonly #questions: Questions;
  readonly #rooms: SharedRooms;
  readonly #id: string;

  #mode: Mode = "off";
  #state: ConnectionState;
  #group: Group | null = null;
  #relay: Relay | null = null;
  /** What the leader told; null where there is none whom we heard. */
  #report: Report | null = null;
  /** Where things are, as our own connection knows it. */
  #info: ConnectionInfo | null = null;
  /** An account's token, as our own connection knows it. */
  #token: string | null = null;
  /** Counts meetings: what was worked out for an earlier one is not taken. */
  #turn = 0;
  /** The ticket for which this tab goes alone: it has ended, as far as we know. */
  #endedTicket: string | null = null;
  /** Sharing was tried, and can't be had. */
  #isUnshared = false;
  /** Closed while refused or offline: whoever connects again wants it tried again, now. */
  #insists = false;
  #wantsTimer: Timer = null;
  #ticketTimer: Timer = null;
  #stopWatching: (() => void) | null = null;

  constructor(
    private readonly own: Connection,
    private readonly tabs: TabsPort,
  ) {
    super();
    this.origin = own.origin;
    this.host = own.host;
    this.#state = own.state;
    this.#id = `${own.stream.word()}-${own.stream.word()}`;
    this.stream = {
      clock: own.host,
      timings: own.stream.timings,
      check: () => (this.#hasOwn ? own.stream.check() : this.#group?.look()),
    };
    this.#questions = new Questions(own.host, (id, room, question) =>
      this.#group?.post({ kind: "question", id, room, question }),
    );
    this.#rooms = new SharedRooms({
      clock: own.host,
      timings: own.stream.timings,
      questions: this.#questions,
      prove: (jid) => this.#prove(jid),
      onWants: () => this.#sayWants(),
    });
    own.on("state", (state) => this.#onOwnState(state));
    own.on("bearer", () => this.#onOwnBearer());
    own.on("reader", (hint) => {
      this.#group?.say({ kind: "hint", hint });
      this.emit("reader", hint);
    });
    own.on("ticket-expiring", (detail) => this.emit("ticket-expiring", detail));
  }

  get log() {
    return this.own.log;
  }

  get state(): ConnectionState {
    return this.#state;
  }

  get transport(): Transport | null {
    if (this.#hasOwn) return this.own.transport;
    return (this.#report?.transport ?? null) as Transport | null;
  }

  async info(): Promise<ConnectionInfo> {
    return this.#report?.info ?? this.own.info();
  }

  rest<Answer>(question: () => Promise<Answer>): Promise<Answer> {
    return this.own.rest(question);
  }

  async bearer(): Promise<string | undefined> {
    const isTold = this.#mode === "following" && this.own.reader !== "ticket";
    return isTold ? (this.#report?.bearer ?? undefined) : this.own.bearer();
  }

  room(jid: string): FeedRoom {
    return this.#rooms.room(jid);
  }

  setTicket(text: string): void {
    // Where it opens the same, the tabs go on together; else they part.
    this.own.setTicket(text);
  }

  connect(): void {
    if (this.#mode !== "off") return;
    this.#mode = "meeting";
    this.#isUnshared = false;
    this.#endedTicket = null;
    this.#stopWatching = this.tabs.watch({
      freeze: () => this.#freeze(),
      thaw: () => this.#meet(),
      show: () => this.#group?.look(),
    });
    this.own.close();
    this.own.prepare();
    this.#show();
    this.#meet();
  }

  close(): void {
    this.#insists = canBeTried(this.#state);
    this.#mode = "off";
    this.#part();
    this.#stopWatching?.();
    this.#stopWatching = null;
    this.own.close();
    this.#show();
  }

  signOut(): void {
    this.#group?.post({ kind: "signed-out" });
    this.#endSession();
  }

  get #hasOwn(): boolean {
    return this.#mode === "leading" || this.#mode === "alone";
  }

  get #isTicketRefused(): boolean {
    return this.own.reader === "ticket" && this.own.state.kind === "refused";
  }

  /** Find the tabs of the same rights, unless we are with them. */
  #meet(): void {
    this.#turn += 1;
    if (this.#mode === "off" || this.#isUnshared) return;
    const { own } = this;
    if (this.#isTicketRefused) {
      if (this.#mode !== "alone") this.#goAlone(false);
      return;
    }
    const rights = own.rights(this.tabs.pageOrigin);
    if (rights === null || own.ticket?.text === this.#endedTicket) return;
    if (rights.secret === null) {
      this.#join(shareName(rights.open));
      return;
    }
    const turn = this.#turn;
    this.tabs.digest(rights.secret, rights.open).then(
      (name) => {
        if (turn === this.#turn) this.#join(shareName(`${rights.open} ${name}`));
      },
      () => {
        if (turn === this.#turn) this.#goAlone(true);
      },
    );
  }

  #join(name: string): void {
    if (this.#group?.name !== name) this.#enter(name);
    this.#watchTicket();
  }

  #enter(name: string): void {
    this.#rooms.doubt();
    this.#part();
    if (this.#mode !== "meeting") this.#stepDown();
    const group = new Group(name, this.#id, this.tabs, this.host, {
      lead: (isTheft) => this.#lead(isTheft),
      stepDown: () => this.#stepDown(),
      leaderless: () => this.#lose("meeting"),
      alone: () => {
        this.#group = null;
        this.#isUnshared = true;
        this.#goAlone(true);
      },
      follow: () => {
        this.#lose("following");
        this.#askForAll();
      },
      leaderSays: (message) => this.#onLeader(message),
      missed: () => {
        this.#rooms.tellAll(JOINING);
        this.#askForAll();
      },
      memberSays: (from, message) => this.#onMember(from, message),
    });
    this.#group = group;
    try {
      group.join();
    } catch {
      this.#group = null;
      this.#isUnshared = true;
      this.#goAlone(true);
    }
  }

  /** Leave the others, without a word to this tab's subscriptions. */
  #part(): void {
    this.#turn += 1;
    const group = this.#group;
    this.#group = null;
    group?.leave();
    this.#endRelay();
    this.#forgetLeader();
    this.#rooms.use(null);
    this.#ticketTimer = this.#restart(this.#ticketTimer, null);
  }

  /** `connects`: the connection is not made yet, or was refused. */
  #goAlone(connects: boolean): void {
    const had = this.#hasOwn;
    this.#part();
    this.#mode = "alone";
    this.#rooms.use((jid) => this.own.room(jid));
    if (connects && !had) this.own.connect();
    this.#show();
  }

  #lead(isTheft: boolean): void {
    if (this.#mode !== "leading") {
      const info = this.#report?.info ?? null;
      this.#forgetLeader();
      this.#mode = "leading";
      const { own } = this;
      this.#relay = new Relay({
        clock: this.host,
        room: (jid) => own.room(jid),
        check: () => own.stream.check(),
        say: (message, to) => this.#group?.say(message, to ?? null),
      });
      this.#rooms.use((jid) => own.room(jid));
      if (info !== null) own.suppose(info);
      own.connect();
      this.#show();
    }
    this.log("leads its tabs", { isTheft });
    this.#sayHowItStands(null, this.#relay?.rooms ?? [], isTheft);
  }

  /** Our own connection is not to be had any more. */
  #stepDown(): void {
    this.#endRelay();
    this.#mode = "meeting";
    this.#rooms.use(null);
    this.own.close();
    this.own.prepare();
    this.log("leads no more", {});
    this.#show();
  }

  #lose(mode: "meeting" | "following"): void {
    this.#mode = mode;
    this.#forgetLeader();
    this.#rooms.lose();
    this.#show();
  }

  #forgetLeader(): void {
    this.#report = null;
    this.#questions.abandon();
    this.#wantsTimer = this.#restart(this.#wantsTimer, null);
  }

  #endRelay(): void {
    this.#relay?.stop();
    this.#relay = null;
  }

  /** Who knows an account's password, or is a guest, has what the leader has. */
  async #prove(jid: string): Promise<void> {
    const { own, host } = this;
    if (own.reader !== "ticket") return;
    const token = await own.bearer();
    await own.rest(() => host.rest.feed(own.origin, jid.slice(0, jid.indexOf("@")), token));
  }

  /** Ask a leader for everything. */
  #askForAll(): void {
    this.#group?.post({ kind: "join", rooms: this.#rooms.wanted });
    this.#sayWantsLater();
  }

  #sayWants(): void {
    if (this.#mode === "following") {
      this.#group?.post({ kind: "wants", rooms: this.#rooms.wanted });
      this.#sayWantsLater();
    }
  }

  #sayWantsLater(): void {
    this.#wantsTimer = this.#restart(this.#wantsTimer, WANTS_EVERY, () => this.#sayWants());
  }

  #onLeader(message: LeaderMessage): void {
    switch (message.kind) {
      case "leads":
        this.#onReport(message);
        break;
      case "alive":
        if (!message.isVisible && this.#report?.state.kind === "offline" && this.tabs.isVisible())
          this.#group?.claim();
        break;
      case "room":
        this.#rooms.get(message.room)?.tell.state(readState(message.state));
        break;
      case "message":
        this.#rooms.get(message.room)?.tell.message(message.read, message.stanzaId);
        break;
      case "untrusted":
        this.#rooms.get(message.room)?.tell.untrusted();
        break;
      case "hint":
        this.emit("reader", message.hint);
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
    if (report.isTheft && before === null) this.#group?.noteTheft();
    if (report.info !== null) this.own.suppose(report.info);
    if (report.state.kind !== "online") this.#rooms.lose();
    this.#show();
    if (report.bearer !== (before?.bearer ?? null)) this.emit("bearer", null);
    for (const [jid, state] of report.rooms) this.#rooms.get(jid)?.tell.state(readState(state));
    // It is tried for all tabs.
    if (this.#insists && canBeTried(report.state)) this.#group?.claim();
    this.#insists = false;
  }

  #onMember(from: string, message: MemberMessage): void {
    if (message.kind === "signed-out") {
      this.#endSession();
      return;
    }
    if (this.#mode !== "leading") return;
    if (message.kind === "ask-leader") {
      this.#group?.say({ kind: "alive", isVisible: this.tabs.isVisible() });
      return;
    }
    this.#relay?.hear(from, message);
    if (message.kind === "join") this.#sayHowItStands(from, message.rooms, false);
  }

  #sayHowItStands(to: string | null, rooms: readonly string[], isTheft: boolean): void {
    const { own } = this;
    this.#group?.say(
      {
        kind: "leads",
        isTheft,
        state: writeState(own.state),
        transport: own.transport,
        info: this.#info,
        bearer: this.#token,
        rooms: this.#relay?.statesOf(rooms) ?? [],
      },
      to,
    );
  }

  #onOwnState(state: ConnectionState): void {
    if (state.kind === "online") void this.#learnInfo();
    else if (this.#mode === "leading") this.#sayHowItStands(null, [], false);
    if (this.#hasOwn) this.#show();
    // What a ticket was refused for does not bind the others; with a fresh one they are met again.
    const isFresh = this.#mode === "alone" && state.kind === "connecting";
    if (isFresh || (this.#mode !== "alone" && this.#isTicketRefused)) this.#meetSoon();
  }

  async #learnInfo(): Promise<void> {
    this.#info = await this.own.info().catch(() => null);
    if (this.#mode === "leading") this.#sayHowItStands(null, [], false);
  }

  #onOwnBearer(): void {
    if (this.own.reader !== "ticket") {
      void this.#learnToken();
      return;
    }
    this.emit("bearer", null);
    this.#meetSoon();
  }

  async #learnToken(): Promise<void> {
    this.#token = (await this.own.bearer()) ?? null;
    if (this.#mode === "leading") this.#sayHowItStands(null, [], false);
    if (this.#hasOwn) this.emit("bearer", null);
  }

  /** Not within what our own connection does just now. */
  #meetSoon(): void {
    queueMicrotask(() => this.#meet());
  }

  /** A follower is let in by its own ticket as long as that is good, whatever the leader has. */
  #watchTicket(): void {
    const { ticket } = this.own;
    if (ticket === null) return;
    const wait = ticket.expiresAt - this.host.now();
    this.#ticketTimer = this.#restart(this.#ticketTimer, wait, () => {
      if (this.own.ticket?.text !== ticket.text || this.#hasOwn) return;
      this.#endedTicket = ticket.text;
      this.#goAlone(true);
    });
  }

  #freeze(): void {
    if (this.#group === null) return;
    const { isLeading } = this.#group;
    this.#part();
    if (isLeading) this.#stepDown();
    else this.#lose("meeting");
  }

  #endSession(): void {
    if (this.#mode === "off") return;
    this.#mode = "off";
    this.#part();
    this.#stopWatching?.();
    this.#stopWatching = null;
    this.own.signOut();
    this.#show();
    this.emit("signed-out", null);
  }

  #show(): void {
    const state = this.#trueState();
    if (JSON.stringify(state) === JSON.stringify(this.#state)) return;
    this.#state = state;
    this.log("shared connection", state);
    this.emit("state", state);
  }

  #trueState(): ConnectionState {
    if (this.#mode === "meeting") return CONNECTING;
    if (this.#mode !== "following") return this.own.state;
    return this.#report === null ? CONNECTING : readState(this.#report.state);
  }

  #restart(timer: Timer, delayMs: number | null, callback: () => void = () => {}): Timer {
    if (timer !== null) this.host.clearTimer(timer);
    return delayMs === null ? null : this.host.setTimer(callback, delayMs);
  }
}
