/**
 * One XMPP connection that many feeds share: opens it, keeps it, opens it again.
 *
 * A connection is tried over WebSocket first and over BOSH where that fails (some proxies block
 * WebSockets); the next connection begins with WebSocket again. Any end of it is a gap for the
 * rooms, unless the server resumes it (XEP-0198).
 */

import { Backoff } from "./backoff";
import { FeedClient } from "./feed-client";
import { browserHost, type Host, TIMINGS, type Timer, type Timings } from "./host";
import type { Link, LinkEnd, ResumeMemory } from "./link";
import { Requests } from "./requests";
import { fetchConnection } from "./rest";
import { Room } from "./room";
import { typedEventTarget } from "./typed-event-target";
import type {
  ConnectionInfo,
  Credentials,
  FeedOptions,
  FeedSessionEvents,
  FeedSessionOptions,
  SessionState,
  Transport,
} from "./types";
import type { Wire } from "./wire";
import { bareJid, childOf, NS, raw, xml } from "./xml";

const CLOSED: SessionState = { kind: "offline", reason: "Not connected.", retryAt: null };

export class FeedSession extends typedEventTarget<FeedSessionEvents>() {
  readonly origin: string;
  /** @internal */
  readonly wire: Wire;
  readonly #credentials: Credentials;
  readonly #transports: readonly Transport[];
  readonly #host: Host;
  readonly #timings: Timings;
  readonly #backoff: Backoff;
  readonly #requests: Requests;
  readonly #rooms = new Map<string, Room>();
  readonly #memory: ResumeMemory = new Map();

  #state: SessionState = CLOSED;
  #info: Promise<ConnectionInfo> | null = null;
  #link: Link | null = null;
  #jid = "";
  #transport: Transport | null = null;
  /** Counts attempts: whatever an earlier one still says is not listened to. */
  #attempt = 0;
  #timer: Timer = null;
  #stopWatching: (() => void) | null = null;

  /** `host` and `timings` are for tests. */
  constructor(options: FeedSessionOptions = {}, host?: Host, timings?: Partial<Timings>) {
    super();
    this.origin = options.origin ?? "";
    this.#credentials = options.credentials ?? { kind: "guest" };
    const transport = options.transport ?? "auto";
    this.#transports = transport === "auto" ? ["websocket", "bosh"] : [transport];
    this.#host = host ?? browserHost();
    this.#timings = { ...TIMINGS, ...timings };
    this.#backoff = new Backoff({
      firstMs: this.#timings.retryFirst,
      maxMs: this.#timings.retryMax,
      random: this.#host.random,
    });
    this.#requests = new Requests(this.#host);
    this.wire = this.#makeWire();
  }

  get state(): SessionState {
    return this.#state;
  }

  /** How the connection runs at the moment; null without one. */
  get transport(): Transport | null {
    return this.#transport;
  }

  /** A client of this feed over this connection. Not started. */
  feed(slug: string, options: FeedOptions = {}): FeedClient {
    return new FeedClient({ ...options, feed: slug, session: this });
  }

  connect(): void {
    if (this.#stopWatching !== null) return;
    this.#stopWatching = this.#host.watch({
      online: () => this.#onOnline(),
      offline: () => this.#onOffline(),
      wake: () => this.#onWake(),
      leave: () => this.#link?.close(),
    });
    this.#open();
  }

  close(): void {
    this.#stopWatching?.();
    this.#stopWatching = null;
    this.#letGo((link) => link.close());
    this.#memory.clear();
    this.#setState(CLOSED);
  }

  /** @internal Where things are; asked once a connection. */
  info(): Promise<ConnectionInfo> {
    this.#info ??= fetchConnection(this.origin, this.#host.fetch);
    return this.#info;
  }

  /** @internal The room, shared by everyone who asks for it. */
  room(jid: string): Room {
    let room = this.#rooms.get(jid);
    if (room === undefined) {
      room = new Room(jid, this.wire, () => this.#rooms.delete(jid));
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
        if (attempt === this.#attempt) this.#retry(error.message);
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
      const wasUp = this.#transport !== null;
      if (end.kind === "refused") this.#refuse(end.reason);
      else if (wasUp || others.length === 0) this.#retry(end.reason);
      else this.#openLink(info, others);
    };
    this.#restartTimer(this.#timings.openTimeout, () => {
      this.#link?.drop();
      onDown({ kind: "lost", reason: "The server does not answer." });
    });
    const { credentials, domain } = this.#login(info);
    const url = transport === "websocket" ? info.websocket_url : info.bosh_url;
    const request = { url, transport, domain, credentials, memory: this.#memory };
    const link = this.#host.openLink(request, {
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

  #login(info: ConnectionInfo): { credentials: Credentials; domain: string } {
    const credentials = this.#credentials;
    return { credentials, domain: credentials.kind === "guest" ? info.guest_domain : info.domain };
  }

  #onUp(transport: Transport, jid: string, resumed: boolean): void {
    this.#jid = jid;
    this.#transport = transport;
    // What died on a WebSocket before must not be resumed behind the back of this session.
    if (transport === "bosh") this.#memory.clear();
    this.#restartTimer(this.#timings.stableAfter, () => this.#backoff.reset());
    this.#setState({ kind: "online", jid });
    for (const room of [...this.#rooms.values()]) room.onUp(resumed);
  }

  #retry(reason: string, delayMs = this.#backoff.next()): void {
    this.#info = null;
    this.#letGo((link) => link.drop());
    this.#restartTimer(delayMs, () => this.#open());
    this.#setState({ kind: "offline", reason, retryAt: new Date(this.#host.now() + delayMs) });
  }

  /** Wrong credentials stay wrong: trying them again would only look like guessing. */
  #refuse(reason: string): void {
    if (this.#credentials.kind === "guest") {
      this.#retry("The server takes no guests.");
      return;
    }
    this.#letGo((link) => link.drop());
    this.#memory.clear();
    this.#setState({ kind: "refused", reason });
  }

  /** After this no link, timer or answer of before is listened to. */
  #letGo(end: (link: Link) => void): void {
    this.#attempt += 1;
    this.#restartTimer(null);
    const link = this.#link;
    this.#link = null;
    this.#transport = null;
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
    const domain = bareJid(this.#jid).split("@").at(-1) as string;
    const payload = xml`<ping xmlns="${NS.ping}"/>`;
    this.wire.request("get", domain, payload, this.#timings.wakeTimeout).catch((error) => {
      if (attempt !== this.#attempt || !error.isUnanswered) return;
      this.#backoff.reset();
      this.#open();
    });
  }

  #onStanza(stanza: Element): void {
    if (stanza.localName === "iq") {
      if (!this.#requests.settle(stanza, this.#jid)) this.#answer(stanza);
      return;
    }
    const room = this.#rooms.get(bareJid(stanza.getAttribute("from") ?? ""));
    if (room === undefined) return;
    if (stanza.localName === "presence") room.onPresence(stanza);
    else room.onMessage(stanza);
  }

  /** RFC 6120 8.2.3: every get and set wants an answer. */
  #answer(iq: Element): void {
    const type = iq.getAttribute("type");
    if (type !== "get" && type !== "set") return;
    const id = iq.getAttribute("id") ?? "";
    const from = iq.getAttribute("from");
    const to = from === null ? "" : xml` to="${from}"`;
    const isPing = type === "get" && childOf(iq, "ping", NS.ping) !== null;
    const head = xml`<iq xmlns="${NS.client}" id="${id}"${raw(to)}`;
    this.wire.send(
      isPing
        ? `${head} type="result"/>`
        : `${head} type="error"><error type="cancel">` +
            `<service-unavailable xmlns="${NS.stanzaErrors}"/></error></iq>`,
    );
  }

  #restartTimer(delayMs: number | null, callback: () => void = () => {}): void {
    if (this.#timer !== null) this.#host.clearTimer(this.#timer);
    this.#timer = delayMs === null ? null : this.#host.setTimer(callback, delayMs);
  }

  #setState(state: SessionState): void {
    if (JSON.stringify(state) === JSON.stringify(this.#state)) return;
    this.#state = state;
    this.dispatchEvent(new CustomEvent("state", { detail: state }));
  }

  #makeWire(): Wire {
    const host = this.#host;
    const timings = this.#timings;
    const isUp = (): boolean => this.#transport !== null;
    const send = (stanza: string): void => this.#link?.send(stanza);
    const word = (): string => Math.floor(host.random() * 2 ** 48).toString(36);
    return {
      host,
      timings,
      get isUp() {
        return isUp();
      },
      send,
      word,
      check: () => this.#check(),
      request: (type, to, payload, timeoutMs = timings.answerTimeout) =>
        this.#requests.start({ id: `a${word()}`, type, to, payload, timeoutMs }, send),
    };
  }
}
