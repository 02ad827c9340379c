/**
 * One XMPP connection that many feeds share: opens it, keeps it, opens it again.
 *
 * A connection is tried over WebSocket first and over BOSH where that fails (some proxies block
 * WebSockets); the next connection begins with WebSocket again. Any end of it is a gap for the
 * rooms, unless the server resumes it (XEP-0198).
 */

import { ApiError } from "../model/errors";
import type { ConnectionInfo } from "../protocol/answers";
import { readHint } from "../protocol/hint";
import { answerTo, RequestError } from "../protocol/iq";
import {
  type FeedMarks,
  type MarksChange,
  marksQuestion,
  readMarks,
  readToldMarks,
  writeChanges,
} from "../protocol/marks";
import { type Ticket, TicketError } from "../protocol/ticket";
import { bareJid, NS, xml } from "../protocol/xml";
import { Backoff } from "./backoff";
import { type Log, SILENT } from "./debug-log";
import type { ConnectionEvents } from "./emitted";
import { Emitter } from "./emitter";
import type { FeedConnection } from "./feed-connection";
import {
  type ConnectionOptions,
  type Credentials,
  readOrigin,
  readTransports,
  type Transport,
} from "./options";
import type { HostPort, LinkEnd, LinkPort, ResumeMemory, StreamPort, Timer } from "./ports";
import { ReaderLogin, type Refusal } from "./reader-login";
import { Requests } from "./requests";
import { RetryAfter } from "./retry-after";
import { Room } from "./room";
import { ServerInfo } from "./server-info";
import type { ConnectionState, OfflineCode } from "./states";
import type { Rights } from "./tabs/rights";
import { TIMINGS, type Timings } from "./timings";

const CLOSED: ConnectionState = { kind: "offline", reason: "Not connected.", retryAt: null };

const SIGNED_OUT: ConnectionState = {
  kind: "refused",
  code: "signed-out",
  reason: "You signed out.",
};

/**
 * How many times as long as a REST answer a WebSocket may take to open: TCP, TLS and the upgrade go there
 * and back each, and a REST call finds the first two done.
 */
const OPENING_WAYS = 4;

export class Connection extends Emitter<ConnectionEvents> implements FeedConnection {
  readonly origin: string;
  readonly host: HostPort;
  readonly log: Log;
  readonly stream: StreamPort;
  readonly #login: ReaderLogin;
  readonly #transports: readonly Transport[];
  readonly #timings: Timings;
  readonly #backoff: Backoff;
  readonly #requests: Requests;
  readonly #retryAfter: RetryAfter;
  readonly #rooms = new Map<string, Room>();
  readonly #memory: ResumeMemory = new Map();
  readonly #info: ServerInfo;

  #state: ConnectionState = CLOSED;
  #link: LinkPort | null = null;
  #jid = "";
  #nick = "";
  #transport: Transport | null = null;
  #upAt = 0;
  #isUsed = false;
  /** Counts attempts: whatever an earlier one still says is not listened to. */
  #attempt = 0;
  #timer: Timer = null;
  #stopWatching: (() => void) | null = null;

  /** `origin` "" is the page's own. */
  constructor(
    origin: string | undefined,
    options: ConnectionOptions,
    host: HostPort,
    { timings = {}, log = SILENT }: { timings?: Partial<Timings>; log?: Log } = {},
  ) {
    super();
    this.origin = readOrigin(origin);
    this.log = log;
    this.#transports = readTransports(options.transport);
    this.host = host;
    this.#timings = { ...TIMINGS, ...timings };
    this.#backoff = new Backoff({
      firstMs: this.#timings.retryFirst,
      maxMs: this.#timings.retryMax,
      random: this.host.random,
    });
    this.#requests = new Requests(this.host, this.#timings);
    this.#retryAfter = new RetryAfter(this.host.now);
    this.stream = this.#makeStream();
    this.#info = new ServerInfo(this.host, () =>
      this.rest(() => this.host.rest.connection(this.origin)),
    );
    this.#login = new ReaderLogin(
      options,
      this.host,
      this.#timings,
      () => this.#askServer("get", xml`<token xmlns="${NS.token}"/>`),
      {
        bearer: () => this.emit("bearer", null),
        fresh: (text) => this.setTicket(text),
        expiring: (expiresAt) => this.emit("ticket-expiring", { expiresAt }),
      },
    );
  }

  get state(): ConnectionState {
    return this.#state;
  }

  /** How the connection runs at the moment; null without one. */
  get transport(): Transport | null {
    return this.#transport;
  }

  /**
   * Go on with this ticket. A session of the same reader is carried on with it; any other begins
   * anew. Positions and rooms stay. One that cannot be read ends the session: state `refused`.
   */
  setTicket(text: string): void {
    if (this.#login.kind !== "ticket") throw new TypeError("This client is no ticket's.");
    const before = this.#login.ticket;
    if (this.#stopWatching !== null) this.#login.keepTicket();
    if (!this.#takeTicket(text, true)) return;
    if (this.#stopWatching === null) {
      this.emit("bearer", null);
      return;
    }
    const isSame = before?.username === this.#login.ticket?.username;
    if (this.#transport !== null && isSame) void this.#carryOn(text);
    else this.#open();
  }

  /**
   * Have a ticket, and fresh ones in time, without a connection: `bearer` is told when there is one. One
   * that cannot be read: state `refused`.
   */
  prepare(): void {
    if (this.#login.kind !== "ticket") return;
    const text = this.#login.ticket?.text ?? this.#login.untaken;
    this.#login.keepTicket();
    if (this.#login.canOnlyAsk) this.#login.askTicket();
    else if (text !== null) this.#takeTicket(text);
  }

  /** For whom this is; null as long as there is no ticket. `pageOrigin`: what "" stands for. */
  rights(pageOrigin: string): Rights | null {
    return this.#login.rights(this.origin || pageOrigin, this.#transports);
  }

  /** Who reads. */
  get reader(): Credentials["kind"] {
    return this.#login.kind;
  }

  get ticket(): Ticket | null {
    return this.#login.ticket;
  }

  /** For how many milliseconds the ticket is good yet, as far as is known. */
  get ticketLeft(): number {
    return this.#login.ticketLeft;
  }

  /** Somebody who is connected says where things are. */
  suppose(info: ConnectionInfo): void {
    this.#info.suppose(info);
  }

  /** What REST is shown; undefined for a guest. */
  bearer(): Promise<string | undefined> {
    return this.#login.bearer();
  }

  goodBearer(refused?: string): Promise<string | undefined> {
    return this.#login.goodBearer(refused, this.#state);
  }

  connect(): void {
    if (this.#stopWatching !== null) return;
    this.#stopWatching = this.host.watch({
      online: () => this.#onOnline(),
      offline: () => this.#onOffline(),
      wake: () => this.#onWake(),
      leave: () => this.#link?.close(),
    });
    if (this.#login.canOnlyAsk) {
      this.#setState({ kind: "connecting" });
      this.#login.askTicket();
      return;
    }
    const { untaken } = this.#login;
    this.#login.keepTicket();
    if (untaken === null || this.#takeTicket(untaken)) this.#open();
  }

  close(): void {
    this.#stopWatching?.();
    this.#stopWatching = null;
    this.#letGo((link) => link.close());
    this.#memory.clear();
    this.#login.forgetToken();
    this.#login.stopTicket();
    this.#setState(CLOSED);
  }

  signOut(): void {
    this.close();
    this.#login.noteRefusal();
    this.#setState(SIGNED_OUT);
    this.emit("signed-out", null);
  }

  /** Where things are; asked once a connection. */
  info(): Promise<ConnectionInfo> {
    return this.#info.get();
  }

  /** Ask the server over REST, unless it said not to come before a time that is not yet. */
  rest<Answer>(question: () => Promise<Answer>): Promise<Answer> {
    return this.#retryAfter.ask(question);
  }

  async marks(): Promise<FeedMarks[]> {
    return readMarks(await this.#askServer("get", marksQuestion)) ?? [];
  }

  async changeMarks(changes: readonly MarksChange[]): Promise<void> {
    await this.#askServer("set", writeChanges(changes));
  }

  /** The room, shared by everyone who asks for it. */
  room(jid: string): Room {
    let room = this.#rooms.get(jid);
    if (room === undefined) {
      room = new Room(jid, this.stream, () => this.#rooms.delete(jid));
      this.#rooms.set(jid, room);
    }
    return room;
  }

  #open(): void {
    this.#letGo((link) => link.drop());
    this.#setState({ kind: "connecting" });
    const attempt = this.#attempt;
    this.info().then(
      (info) => {
        if (attempt === this.#attempt) this.#openLink(info, this.#transports);
      },
      (error: Error) => {
        if (attempt === this.#attempt) this.#retryLater(error);
      },
    );
  }

  #openLink(info: ConnectionInfo, [transport, ...others]: readonly Transport[]): void {
    if (transport === undefined) return;
    this.#attempt += 1;
    const attempt = this.#attempt;
    const isCurrent = (): boolean => attempt === this.#attempt;
    const onDown = (end: LinkEnd): void => {
      if (!isCurrent()) return;
      this.#link = null;
      this.log("closed", { transport, end: end.kind, reason: end.reason });
      const wasUp = this.#transport !== null;
      if (end.kind === "refused") this.#refuse(this.#login.refusalOf(end.reason));
      else if (end.kind === "replaced") this.#giveWay(end.reason);
      else if (wasUp || others.length === 0) this.#retry(end.reason);
      else this.#openLink(info, others);
    };
    const { openTimeout, answerTimeout } = this.#timings;
    const patience = Math.max(
      openTimeout,
      Math.min(OPENING_WAYS * this.#info.answerMs, 2 * answerTimeout),
    );
    const progress = (): void =>
      this.#restartTimer(patience, () => {
        this.#link?.drop();
        onDown({ kind: "lost", reason: "The server does not answer." });
      });
    progress();
    const login = this.#login.at(info);
    if (login === null) {
      this.#refuse({ code: "ticket-refused", reason: "This server takes no tickets." });
      return;
    }
    const { credentials, domain } = login;
    const url = transport === "websocket" ? info.websocket_url : info.bosh_url;
    this.log("opening", { transport, url });
    const request = { url, transport, domain, credentials, memory: this.#memory };
    const link = this.host.openLink(request, {
      progress: () => {
        if (isCurrent() && this.#transport === null) progress();
      },
      up: (jid, resumed) => {
        if (isCurrent()) this.#onUp(transport, jid, resumed);
      },
      stanza: (element) => {
        if (isCurrent()) this.#onStanza(element);
      },
      down: onDown,
    });
    if (isCurrent()) this.#link = link;
  }

  /** `isFresh`: whoever gives it had it made just now. */
  #takeTicket(text: string, isFresh = false): boolean {
    try {
      this.#login.takeTicket(text, isFresh);
      return true;
    } catch (error) {
      if (!(error instanceof TicketError)) throw error;
      this.#refuse({ code: "ticket-malformed", reason: error.message });
      return false;
    }
  }

  /** contracts/README.md, "Tokens": a session goes on with a fresh ticket, without a new login. */
  async #carryOn(text: string): Promise<void> {
    const attempt = this.#attempt;
    const payload = xml`<ticket xmlns="${NS.token}">${text}</ticket>`;
    try {
      await this.stream.request("set", this.#ownDomain(), payload);
      if (attempt === this.#attempt) this.#login.accept();
    } catch {
      if (attempt === this.#attempt) this.#open();
    }
  }

  #onUp(transport: Transport, jid: string, resumed: boolean): void {
    this.#jid = jid;
    // A dead session of ours may still sit on the old one.
    if (!resumed) this.#nick = `reader-${this.stream.word()}`;
    this.#requests.hear();
    this.#transport = transport;
    // What died on a WebSocket before must not be resumed behind the back of this session.
    if (transport === "bosh") this.#memory.clear();
    this.#upAt = this.host.now();
    this.#isUsed = false;
    this.#proveGood(this.#timings.stableAfter);
    this.#setState({ kind: "online", jid });
    if (this.#login.kind === "account" && !resumed) {
      // RFC 6121 8.5.2.1: a headline to the account reaches only sessions that said that they are there.
      this.stream.send(`<presence xmlns="${NS.client}"/>`);
    }
    this.#login.accept();
    for (const room of [...this.#rooms.values()]) room.onUp(resumed);
  }

  /** A proxy may end each connection before it is old. One that ends at once does not count. */
  #noteUse(): void {
    if (this.#isUsed || this.#transport === null) return;
    this.#isUsed = true;
    this.#proveGood(this.#timings.usefulAfter);
  }

  #proveGood(afterMs: number): void {
    const left = Math.max(0, this.#upAt + afterMs - this.host.now());
    this.#restartTimer(left, () => this.#backoff.reset());
  }

  /** A server that says when to come again is taken at its word. */
  #retryLater(error: Error): void {
    const { status, retryAfterMs } =
      error instanceof ApiError ? error : { status: 0, retryAfterMs: null };
    const delay = Math.max(this.#backoff.next(), retryAfterMs ?? 0);
    if (status === 429) this.#retry("Too many requests.", delay, "too-many-requests");
    else if (status === 421) this.#retry(error.message, delay, "other-address");
    else this.#retry(error.message, delay, status >= 500 ? "server-error" : undefined);
  }

  #retry(reason: string, delayMs = this.#backoff.next(), code?: OfflineCode): void {
    this.#info.forget();
    this.#letGo((link) => link.drop());
    this.#restartTimer(delayMs, () => this.#open());
    const retryAt = new Date(this.host.wall() + delayMs);
    this.#setState({ kind: "offline", reason, retryAt, ...(code && { code }) });
  }

  /** Wrong credentials stay wrong: trying them again would only look like guessing. */
  #refuse(refusal: Refusal): void {
    if (this.#login.kind === "guest") {
      this.#retry("The server takes no guests.");
      return;
    }
    this.#info.forget();
    this.#letGo((link) => link.drop());
    this.#memory.clear();
    this.#login.forgetToken();
    this.#login.noteRefusal();
    this.#setState({ kind: "refused", ...refusal });
    const { code } = refusal;
    if (code === "ticket-ended" || code === "ticket-refused") this.#login.askTicket();
  }

  /** There are as many sessions of this reader as may be. Coming again would put another one out. */
  #giveWay(reason: string): void {
    if (this.#login.kind === "guest") {
      // A guest's name is his alone: this was about something else, and passes.
      this.#retry("The connection to the server was lost.");
      return;
    }
    this.#login.stopTicket();
    this.#refuse({ code: "too-many-sessions", reason });
  }

  /** After this no link, timer or answer of before is listened to. */
  #letGo(end: (link: LinkPort) => void): void {
    this.#attempt += 1;
    this.#restartTimer(null);
    const link = this.#link;
    this.#link = null;
    this.#transport = null;
    this.#login.pause();
    if (link !== null) end(link);
    this.#requests.abandon();
    for (const room of [...this.#rooms.values()]) room.onDown();
  }

  #onOnline(): void {
    if (this.#state.kind === "refused") return;
    this.#backoff.reset();
    if (this.#transport === null) this.#open();
    else this.#check();
  }

  /** The stream can't live on; trying goes on, if seldom, for a browser may be wrong. */
  #onOffline(): void {
    if (this.#state.kind === "refused") return;
    this.#retry("This device is offline.", this.#timings.retryMax);
  }

  /** Somebody looks: don't let him wait for the next try. */
  #onWake(): void {
    if (this.#state.kind === "offline") this.#onOnline();
    else this.#check();
  }

  /** A dead stream looks like a quiet one: ask, and don't wait long. */
  #check(): void {
    if (this.#transport === null) return;
    const attempt = this.#attempt;
    const domain = this.#ownDomain();
    const payload = xml`<ping xmlns="${NS.ping}"/>`;
    // Nothing may have been asked on this stream yet.
    const known = Math.min(2 * this.#info.answerMs, this.#timings.answerTimeout);
    const timeoutMs = Math.max(this.#requests.pingTimeout, known);
    this.stream.request("get", domain, payload, { timeoutMs }).catch((error) => {
      if (attempt !== this.#attempt || !error.isUnanswered) return;
      // Where other things come, the answer stands behind them, or was lost.
      if (this.#requests.silence < timeoutMs) return;
      this.#backoff.reset();
      this.#open();
    });
  }

  #onStanza(stanza: Element): void {
    this.#requests.hear();
    if (stanza.localName === "iq") {
      const answer = this.#requests.settle(stanza, this.#jid) ? null : answerTo(stanza);
      if (answer !== null) this.stream.send(answer);
      return;
    }
    const room = this.#rooms.get(bareJid(stanza.getAttribute("from") ?? ""));
    if (room === undefined) {
      if (stanza.localName === "message") this.#onOwnMessage(stanza);
      return;
    }
    if (stanza.localName === "presence") room.onPresence(stanza);
    else room.onMessage(stanza);
  }

  /** It is from no room. */
  #onOwnMessage(message: Element): void {
    const hint = readHint(message, this.#ownDomain());
    if (hint !== null) this.emit("reader", hint);
    const marks = readToldMarks(message, this.#ownDomain());
    if (marks !== null) this.emit("marks", marks);
  }

  async #askServer(type: "get" | "set", payload: string): Promise<Element> {
    if (this.#transport === null) throw new RequestError("gone", null);
    return this.stream.request(type, this.#ownDomain(), payload);
  }

  #ownDomain(): string {
    return bareJid(this.#jid).split("@").at(-1) as string;
  }

  #restartTimer(delayMs: number | null, callback: () => void = () => {}): void {
    if (this.#timer !== null) this.host.clearTimer(this.#timer);
    this.#timer = delayMs === null ? null : this.host.setTimer(callback, delayMs);
  }

  #setState(state: ConnectionState): void {
    if (JSON.stringify(state) === JSON.stringify(this.#state)) return;
    this.#state = state;
    this.log("connection", state);
    this.emit("state", state);
  }

  #makeStream(): StreamPort {
    const host = this.host;
    const timings = this.#timings;
    const isUp = (): boolean => this.#transport !== null;
    const nick = (): string => this.#nick;
    const send = (stanza: string): void => this.#link?.send(stanza);
    const word = (): string => Math.floor(host.random() * 2 ** 48).toString(36);
    return {
      clock: host,
      timings,
      get isUp() {
        return isUp();
      },
      get nick() {
        return nick();
      },
      send,
      word,
      check: () => this.#check(),
      noteUse: () => this.#noteUse(),
      silence: () => this.#requests.silence,
      request: (type, to, payload, patience = {}) =>
        this.#requests.start(
          { id: `a${word()}`, type, to, payload },
          { timeoutMs: timings.answerTimeout, heardAt: () => 0, ...patience },
          send,
        ),
    };
  }
}
