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
import type { FeedMarks, MarksChange } from "../../protocol/marks";
import { type MemberMessage, readState, shareName } from "../../protocol/tab-messages";
import type { Ticket } from "../../protocol/ticket";
import type { Connection } from "../connection";
import type { Log } from "../debug-log";
import type { ConnectionEvents } from "../emitted";
import { Emitter } from "../emitter";
import type { FeedConnection, FeedRoom } from "../feed-connection";
import type { Transport } from "../options";
import type { HostPort, Timer } from "../ports";
import type { ConnectionState } from "../states";
import { Following, type Report } from "./following";
import { Group, tellGroup } from "./group";
import { Leading } from "./leading";
import type { TabsPort } from "./ports";
import type { Rights } from "./rights";

/**
 * - `off`: before `connect()` and after `close()`.
 * - `meeting`: nobody leads, as far as we know.
 * - `alone`: this tab shares with nobody.
 */
type Mode = "off" | "meeting" | "following" | "leading" | "alone";

const CONNECTING: ConnectionState = { kind: "connecting" };

const canBeTried = ({ kind }: { readonly kind: string }): boolean =>
  kind === "refused" || kind === "offline";

export class SharedConnection extends Emitter<ConnectionEvents> implements FeedConnection {
  readonly origin: string;
  readonly host: HostPort;
  readonly log: Log;
  readonly stream: FeedConnection["stream"];
  readonly #id: string;
  readonly #following: Following;

  #mode: Mode = "off";
  #state: ConnectionState;
  #group: Group | null = null;
  #leading: Leading | null = null;
  /** Counts meetings: what was worked out for an earlier one is not taken. */
  #turn = 0;
  /** The ticket for which this tab goes alone: it has ended, as far as we know. */
  #endedTicket: string | null = null;
  /** Sharing was tried, and can't be had. */
  #isUnshared = false;
  /** Closed while refused or offline: whoever connects again wants it tried again, now. */
  #insists = false;
  /** When we connected, or the page began to stand still. */
  #stillSince = 0;
  #ticketTimer: Timer = null;
  #stopWatching: (() => void) | null = null;

  constructor(
    private readonly own: Connection,
    private readonly tabs: TabsPort,
  ) {
    super();
    this.origin = own.origin;
    this.host = own.host;
    this.log = own.log;
    this.#state = own.state;
    this.#id = `${own.stream.word()}-${own.stream.word()}`;
    this.stream = {
      clock: own.host,
      timings: own.stream.timings,
      check: () => (this.#hasOwn ? own.stream.check() : this.#group?.look()),
    };
    this.#following = new Following({
      own,
      group: () => (this.#mode === "following" ? this.#group : null),
      isVisible: tabs.isVisible,
      reported: (before, report) => this.#onReport(before, report),
      hint: (hint) => this.emit("reader", hint),
      marks: (marks) => this.emit("marks", marks),
    });
    own.on("state", (state) => this.#onOwnState(state));
    own.on("bearer", () => {
      this.emit("bearer", null);
      if (own.reader === "ticket") this.#meetSoon();
    });
    own.on("reader", (hint) => this.emit("reader", hint));
    own.on("marks", (marks) => this.emit("marks", marks));
    own.on("ticket-expiring", (detail) => this.emit("ticket-expiring", detail));
  }

  get state(): ConnectionState {
    return this.#state;
  }

  get ticket(): Ticket | null {
    return this.own.ticket;
  }

  get transport(): Transport | null {
    if (this.#hasOwn) return this.own.transport;
    return (this.#following.report?.transport ?? null) as Transport | null;
  }

  async info(): Promise<ConnectionInfo> {
    return this.#following.report?.info ?? this.own.info();
  }

  rest<Answer>(question: () => Promise<Answer>): Promise<Answer> {
    return this.own.rest(question);
  }

  async bearer(): Promise<string | undefined> {
    return this.#isTold ? (this.#following.report?.bearer ?? undefined) : this.own.bearer();
  }

  async goodBearer(refused?: string): Promise<string | undefined> {
    return this.#isTold ? this.bearer() : this.own.goodBearer(refused);
  }

  room(jid: string): FeedRoom {
    return this.#following.rooms.room(jid);
  }

  async marks(): Promise<FeedMarks[]> {
    return this.#marksKeeper.marks();
  }

  async changeMarks(changes: readonly MarksChange[]): Promise<void> {
    return this.#marksKeeper.changeMarks(changes);
  }

  /** Where it opens the same as the one before, the tabs stay together; else they part. */
  setTicket(text: string): void {
    this.own.setTicket(text);
  }

  connect(): void {
    if (this.#mode !== "off") return;
    this.#mode = "meeting";
    this.#isUnshared = false;
    this.#endedTicket = null;
    this.#stillSince = this.host.wall();
    this.#stopWatching = this.tabs.watch({
      freeze: () => this.#freeze(),
      thaw: () => void this.#thaw(),
      show: () => this.#group?.look(),
    });
    this.own.close();
    this.own.prepare();
    this.#show();
    this.#meet();
  }

  close(): void {
    this.#insists = canBeTried(this.#state);
    this.#switchOff();
    this.own.close();
    this.#show();
  }

  signOut(): void {
    if (this.#group === null) void this.#tellSignedOut();
    else this.#group.post({ kind: "signed-out" });
    void this.#noteSignOut();
    this.#endSession();
  }

  get #marksKeeper(): Pick<FeedConnection, "marks" | "changeMarks"> {
    return this.#mode === "following" ? this.#following : this.own;
  }

  get #hasOwn(): boolean {
    return this.#mode === "leading" || this.#mode === "alone";
  }

  /** What REST is shown the leader says. */
  get #isTold(): boolean {
    return this.#mode === "following" && this.own.reader !== "ticket";
  }

  get #isTicketRefused(): boolean {
    return this.own.reader === "ticket" && this.own.state.kind === "refused";
  }

  /** Find the tabs of the same rights, unless we are with them. */
  #meet(): void {
    this.#turn += 1;
    if (this.#mode === "off" || this.#isUnshared) return;
    if (this.#isTicketRefused) {
      // That binds nobody else. With a fresh one the others are met again.
      if (this.#mode !== "alone") this.#goAlone(false);
      return;
    }
    const rights = this.own.rights(this.tabs.pageOrigin);
    if (rights === null || this.own.ticket?.text === this.#endedTicket) return;
    const turn = this.#turn;
    this.#nameFor(rights).then(
      (name) => {
        if (turn === this.#turn) this.#join(name);
      },
      () => {
        if (turn === this.#turn) this.#giveUpSharing();
      },
    );
  }

  /** Not within what our own connection does just now. */
  #meetSoon(): void {
    queueMicrotask(() => this.#meet());
  }

  #join(name: string): void {
    if (this.#group?.name !== name) this.#enter(name);
    this.#watchTicket();
  }

  #enter(name: string): void {
    const following = this.#following;
    following.rooms.doubt();
    this.#part();
    if (this.#mode !== "meeting") this.#stepDown();
    const group = new Group(name, this.#id, this.tabs, this.host, {
      lead: (isTheft) => this.#lead(group, isTheft),
      stepDown: () => this.#stepDown(),
      leaderless: () => this.#lose("meeting"),
      alone: () => this.#giveUpSharing(),
      follow: () => {
        this.#lose("following");
        following.begin();
      },
      leaderSays: (message) => following.hear(message),
      missed: () => following.missed(),
      memberSays: (from, message) => this.#onMember(from, message),
    });
    this.#group = group;
    try {
      group.join();
    } catch {
      this.#giveUpSharing();
    }
  }

  /** Leave the others, without a word to this tab's subscriptions. */
  #part(): void {
    this.#turn += 1;
    const group = this.#group;
    this.#group = null;
    group?.leave();
    this.#leading?.end();
    this.#leading = null;
    this.#following.end();
    this.#following.rooms.use(null);
    this.#restartTicketTimer(null);
  }

  #giveUpSharing(): void {
    this.#isUnshared = true;
    this.#goAlone(true);
  }

  /** `connects`: our own connection is not made yet. */
  #goAlone(connects: boolean): void {
    const had = this.#hasOwn;
    this.#part();
    this.#mode = "alone";
    this.#following.rooms.use((jid) => this.own.room(jid));
    if (connects && !had) this.own.connect();
    this.#show();
  }

  #lead(group: Group, isTheft: boolean): void {
    const { own } = this;
    if (this.#leading === null) {
      const info = this.#following.report?.info ?? null;
      this.#following.end();
      this.#insists = false;
      this.#mode = "leading";
      this.#leading = new Leading(own, group, this.tabs.isVisible);
      this.#following.rooms.use((jid) => own.room(jid));
      if (info !== null) own.suppose(info);
      own.connect();
      this.#show();
    }
    this.log("leads its tabs", { isTheft });
    this.#leading?.announce(isTheft);
  }

  /** Our own connection is not to be had any more. */
  #stepDown(): void {
    this.#leading?.end();
    this.#leading = null;
    this.#mode = "meeting";
    this.#following.rooms.use(null);
    this.own.close();
    this.own.prepare();
    this.log("leads its tabs no more", {});
    this.#show();
  }

  #lose(mode: "meeting" | "following"): void {
    this.#mode = mode;
    this.#following.end();
    this.#show();
  }

  #onReport(before: Report | null, report: Report): void {
    if (report.isTheft && before === null) this.#group?.noteTheft();
    this.#show();
    if (report.bearer !== (before?.bearer ?? null)) this.emit("bearer", null);
    // It is tried for all tabs.
    if (this.#insists && canBeTried(report.state)) this.#group?.claim();
    this.#insists = false;
  }

  #onMember(from: string, message: MemberMessage): void {
    if (message.kind === "signed-out") this.#endSession();
    else this.#leading?.hear(from, message);
  }

  #onOwnState(state: ConnectionState): void {
    if (this.#hasOwn) this.#show();
    const isFresh = this.#mode === "alone" && state.kind === "connecting";
    if (isFresh || (this.#mode !== "alone" && this.#isTicketRefused)) this.#meetSoon();
  }

  /** A follower is let in by its own ticket as long as that is good, whatever the leader has. */
  #watchTicket(): void {
    const { ticket } = this.own;
    if (ticket === null) return;
    this.#restartTicketTimer(this.own.ticketLeft, () => {
      if (this.own.ticket?.text !== ticket.text || this.#hasOwn) return;
      this.#endedTicket = ticket.text;
      this.#goAlone(true);
    });
  }

  #freeze(): void {
    this.#stillSince = this.host.wall();
    if (this.#group === null) return;
    const isLeading = this.#leading !== null;
    this.#part();
    if (isLeading) this.#stepDown();
    else this.#lose("meeting");
  }

  /** What was said meanwhile was not heard. */
  async #thaw(): Promise<void> {
    const signedOutAt = await this.#signOutName().then(
      (reader) => (reader === null ? 0 : this.tabs.signOuts.get(reader)),
      () => 0,
    );
    if (this.#mode !== "off" && signedOutAt > this.#stillSince) this.#endSession();
    else this.#meet();
  }

  async #noteSignOut(): Promise<void> {
    const at = this.host.wall();
    try {
      const reader = await this.#signOutName();
      if (reader !== null) this.tabs.signOuts.note(reader, at);
    } catch (error) {
      this.log("tabs that stand still are not told of the sign-out", { reason: String(error) });
    }
  }

  /** null: nobody in particular. */
  async #signOutName(): Promise<string | null> {
    const rights = this.own.rights(this.tabs.pageOrigin);
    const isNobody = rights === null || this.own.reader === "guest";
    return isNobody ? null : this.tabs.digest(rights.open, "");
  }

  /** The tabs that it would share with, though it is not with them: closed, alone, or on its way. */
  async #tellSignedOut(): Promise<void> {
    const rights = this.own.rights(this.tabs.pageOrigin);
    if (rights === null) return;
    try {
      tellGroup(await this.#nameFor(rights), this.#id, this.tabs, { kind: "signed-out" });
    } catch (error) {
      this.log("the other tabs were not told of the sign-out", { reason: String(error) });
    }
  }

  /** What the tabs of these rights meet under. Rejects where there is no cryptography. */
  async #nameFor({ open, secret }: Rights): Promise<string> {
    const name = secret === null ? "" : ` ${await this.tabs.digest(secret, open)}`;
    return shareName(open + name);
  }

  #endSession(): void {
    this.#switchOff();
    this.own.signOut();
    this.#show();
    this.emit("signed-out", null);
  }

  #switchOff(): void {
    this.#mode = "off";
    this.#part();
    this.#stopWatching?.();
    this.#stopWatching = null;
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
    const { report } = this.#following;
    return report === null ? CONNECTING : readState(report.state);
  }

  #restartTicketTimer(delayMs: number | null, callback: () => void = () => {}): void {
    if (this.#ticketTimer !== null) this.host.clearTimer(this.#ticketTimer);
    this.#ticketTimer = delayMs === null ? null : this.host.setTimer(callback, delayMs);
  }
}
