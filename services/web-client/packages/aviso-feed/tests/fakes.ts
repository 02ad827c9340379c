/**
 * The second host: a clock that stands still until it is told, an XMPP server with rooms and
 * archives, and the REST part, all in memory. They keep the interfaces of ports.ts.
 */

import { restOver } from "../src/edges/rest";
import type {
  HostListener,
  HostPort,
  LinkListener,
  LinkPort,
  LinkRequest,
} from "../src/engine/ports";
import { escapeXml } from "../src/protocol/xml";
import { message as feedMessage, jsonPayload, textOf } from "./batch-writer";
import { element } from "./contract-examples";

const PUSHER = "aviso-1f";

const BEGIN = Date.UTC(2026, 10, 24, 9, 30);

/** Archive ids are times in microseconds. The tests' own count from here. */
const FIRST_ID = BEGIN * 1000;

/** Promises and the fakes' own turns come to rest. */
export async function settle(): Promise<void> {
  for (let turn = 0; turn < 40; turn += 1) await new Promise((resolve) => setImmediate(resolve));
}

export class FakeClock {
  /** The time as the servers have it. */
  now = BEGIN;
  /** How far the browser's clock is ahead of theirs, in milliseconds. */
  ahead = 0;
  #timers = new Map<number, { at: number; callback: () => void }>();
  #next = 1;

  setTimer(callback: () => void, delayMs: number): number {
    this.#next += 1;
    this.#timers.set(this.#next, { at: this.now + delayMs, callback });
    return this.#next;
  }

  clearTimer(timer: unknown): void {
    this.#timers.delete(timer as number);
  }

  async advance(ms: number): Promise<void> {
    const end = this.now + ms;
    await settle();
    for (;;) {
      const due = [...this.#timers].filter(([, { at }]) => at <= end).sort(byTime)[0];
      if (due === undefined) break;
      const [timer, { at, callback }] = due;
      this.#timers.delete(timer);
      this.now = Math.max(this.now, at);
      callback();
      await settle();
    }
    this.now = end;
  }
}

const byTime = (a: [number, { at: number }], b: [number, { at: number }]): number =>
  a[1].at - b[1].at || a[0] - b[0];

/** A token with these claims; nobody here looks at its signature. */
export function makeTicket(claims: unknown): string {
  const encode = (value: unknown): string =>
    btoa(JSON.stringify(value)).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
  return `${encode({ alg: "HS256" })}.${encode(claims)}.c2lnbmF0dXJl`;
}

/** In milliseconds, by the server's clock. */
const endOf = (token: string): number => JSON.parse(atob(token.split(".")[1] ?? "")).exp * 1000;

/** What the server gives an account that asks now, or asked at `at`. */
export function accountToken({ clock }: World, id: string, at = clock.now): string {
  const iat = at / 1000;
  return makeTicket({ sub: "ada@localhost", jti: id, iat, exp: iat + 600 });
}

/**
 * What a browser's way to the server carries: one thing after the other, each when all of it is
 * there. Without a rate it takes no time.
 */
export class FakeLine {
  bytesPerSecond = Number.POSITIVE_INFINITY;
  /** How long each way is. */
  delayMs = 0;
  #freeAt = 0;

  constructor(private readonly clock: FakeClock) {}

  get now(): number {
    return this.clock.now;
  }

  carry(bytes: number, arrive: () => void): void {
    if (this.bytesPerSecond === Number.POSITIVE_INFINITY) {
      this.pass(arrive);
      return;
    }
    const start = Math.max(this.clock.now, this.#freeAt);
    this.#freeAt = start + (bytes * 1000) / this.bytesPerSecond;
    this.clock.setTimer(arrive, this.#freeAt - this.clock.now + this.delayMs);
  }

  /** Something small goes either way. */
  pass(arrive: () => void): void {
    if (this.delayMs === 0) setImmediate(arrive);
    else this.clock.setTimer(arrive, this.delayMs);
  }

  /** A new connection: what stood in the old one's way is gone. */
  clear(): void {
    this.#freeAt = this.clock.now;
  }
}

export type Json = Record<string, unknown>;

export function eventJson(feed: string, epoch: string, sequence: number, type = "created"): Json {
  const hex = (prefix: string): string =>
    `${prefix}-0000-4000-8000-${String(sequence).padStart(12, "0")}`;
  const time = "2026-11-24T09:30:00.123456Z";
  const id = hex("00000001");
  const envelope = {
    specversion: "1.0",
    id: hex("00000002"),
    source: `/feeds/${feed}`,
    time,
    feed,
    feedepoch: epoch,
    feedseq: String(sequence),
  };
  if (type === "granted" || type === "revoked") {
    return { ...envelope, type: `aviso.reader.${type}.v1`, data: {} };
  }
  if (type === "unavailable") {
    const data = { event_id: hex("00000003"), type: "aviso.record.created.v1", cause: "too-deep" };
    return { ...envelope, type: "aviso.record.unavailable.v1", subject: id, data };
  }
  return {
    ...envelope,
    type: `aviso.record.${type}.v1`,
    subject: id,
    data: { id, version: 1, created_at: time, updated_at: time, data: { n: sequence } },
  };
}

/** The REST part: feeds by slug, each with an epoch and the sequences 1 to `head`. */
export class FakeRest {
  readonly feeds = new Map<string, { epoch: string; head: number }>();
  readonly requests: string[] = [];
  /** The bearer token of each request; "" for none. */
  readonly bearers: string[] = [];
  /** Which of them are not good. */
  isRefused: (bearer: string) => boolean = () => false;
  /** Answer everything, or every path that matches, like this. */
  failure:
    | { status: number; detail?: string; path?: RegExp; headers?: Record<string, string> }
    | "unreachable"
    | null = null;
  /** Events from here on are not there any more. */
  oldest = 1;
  /** What stands at a sequence; a created record otherwise. */
  readonly types = new Map<number, string>();
  spoil: (event: Json) => Json = (event) => event;
  /** By feed: its records as they are at `head`, the newest first. */
  readonly records = new Map<string, readonly Json[]>();

  /** Answers what is asked of one record, and what is written. */
  onRecord: ((input: RequestInfo | URL, init?: RequestInit) => Promise<Response>) | null = null;

  readonly fetch = async (input: RequestInfo | URL, init?: RequestInit): Promise<Response> => {
    const { pathname, searchParams, search } = new URL(String(input), "http://aviso.test");
    this.requests.push(pathname.replace("/api/v1/", "") + search);
    const bearer = new Headers(init?.headers).get("Authorization")?.replace("Bearer ", "") ?? "";
    this.bearers.push(bearer);
    const failure = this.failure;
    if (failure === "unreachable") throw new TypeError("fetch failed");
    if (failure !== null && (failure.path ?? /./).test(pathname)) {
      return json({ detail: failure.detail }, failure.status, failure.headers);
    }
    if (this.isRefused(bearer)) return json({ detail: "The token is not good." }, 401);
    if (pathname === "/api/v1/connection/") return json(CONNECTION);
    if (this.onRecord !== null && (init?.body || /\/records\/[^/]+\/$/.test(pathname))) {
      return this.onRecord(input, init);
    }
    const [, slug, part] =
      /^\/api\/v1\/feeds\/([^/]+)\/(events\/|records\/)?$/.exec(pathname) ?? [];
    const feed = this.feeds.get(slug ?? "");
    if (slug === undefined || feed === undefined) return json({ detail: "No such feed." }, 404);
    const { epoch, head } = feed;
    if (part === undefined) return json({ slug, epoch, head });
    if (part === "records/") return json(this.#list(slug, { epoch, head }, searchParams));
    const after = Number(searchParams.get("after"));
    const limit = Number(searchParams.get("limit"));
    const events: Json[] = [];
    for (let n = Math.max(after + 1, this.oldest); n <= head && events.length < limit; n += 1) {
      events.push(this.spoil(eventJson(slug, epoch, n, this.types.get(n))));
    }
    return json({ epoch, head, events });
  };

  #list(slug: string, feed: { epoch: string; head: number }, query: URLSearchParams): Json {
    const wanted = [...query].filter(([name]) => name.startsWith("data."));
    const found = (this.records.get(slug) ?? []).filter(({ data }) =>
      wanted.every(([name, value]) => String((data as Json)[name.slice(5)]) === value),
    );
    const start = Number(query.get("cursor") ?? 0);
    const end = start + Number(query.get("limit"));
    const next = end < found.length ? `http://aviso.test/?cursor=${end}` : null;
    const position = { epoch: feed.epoch, sequence: String(feed.head), contains: [] };
    return { results: found.slice(start, end), next, position };
  }
}

const CONNECTION = {
  domain: "localhost",
  guest_domain: "guest.localhost",
  ticket_domain: "ticket.localhost",
  rooms_domain: "feeds.localhost",
  websocket_url: "ws://aviso.test/xmpp-websocket",
  bosh_url: "http://aviso.test/http-bind",
  registration: "open",
};

function json(body: unknown, status = 200, headers: Record<string, string> = {}): Response {
  return new Response(JSON.stringify(body), { status, headers });
}

class FakeLink implements LinkPort {
  readonly sent: string[] = [];
  isOpen = true;
  /** Ours, once logged in. */
  jid = "";
  /** room/nick by room. */
  readonly occupancies = new Map<string, string>();
  /** Its questions about archives that were not answered yet. */
  reading = 0;

  constructor(
    readonly request: LinkRequest,
    readonly listener: LinkListener,
    private readonly server: FakeXmpp,
  ) {}

  send(stanza: string): void {
    this.sent.push(stanza);
    if (this.isOpen && !this.server.isDeaf) {
      this.server.line.pass(() => this.server.receive(this, element(stanza)));
    }
  }

  close(): void {
    this.isOpen = false;
    this.server.closed += 1;
  }

  drop(): void {
    this.isOpen = false;
    this.server.dropped += 1;
  }

  deliver(stanza: string, onArrival: () => void = () => {}): void {
    const parsed = element(stanza);
    this.server.line.carry(stanza.length, () => {
      onArrival();
      if (this.isOpen) this.listener.stanza(parsed);
    });
  }

  /** As when this reader opens one session too many. */
  replace(): void {
    this.isOpen = false;
    this.listener.down({ kind: "replaced", reason: "This account is open in too many places." });
  }

  die(reason = "The connection to the server was lost."): void {
    if (!this.isOpen) return;
    this.isOpen = false;
    this.listener.down({ kind: "lost", reason });
  }
}

type Archived = { id: number; message: string };

/** TCP, TLS and the upgrade; then the stream, SASL, the stream again, and a name. */
const OPENING_WAYS = 3;
const LOGIN_WAYS = OPENING_WAYS + 4;

/** As mod_fence has it. */
const MAX_READING = 2;

export class FakeXmpp {
  readonly links: FakeLink[] = [];
  /** What opening a link over this transport comes to. */
  readonly opening = { websocket: "up", bosh: "up" } as Record<
    string,
    "up" | "resume" | "lost" | "refused" | "hangs"
  >;
  /** Takes what is sent and does nothing. */
  isDeaf = false;
  /** Makes what an account's token request is answered with. */
  token: (() => string) | null = null;
  /** What an account keeps of feeds, as it is told; null: the server refuses. */
  marks: string | null = null;
  readonly changes: string[] = [];
  /** Tickets that came to carry a session on, and whether they do. */
  readonly fresh: string[] = [];
  takesFresh = true;
  /** The error that a join gets, per room. */
  readonly refusals = new Map<string, string>();
  readonly archives = new Map<string, Archived[]>();
  /** Archive queries that came: `after 1 max 5`, `newest max 1`, with the time that is asked for. */
  readonly queries: string[] = [];
  /** How many were refused, as too many of the session were open. */
  refused = 0;
  /** Never answers one. */
  eatsQueries = false;
  /** How many messages each made ejabberd count. */
  readonly counted: number[] = [];
  /** Messages that were sent as answers to archive queries. */
  sentFromArchives = 0;
  pageSize = 250;
  /** As ejabberd does while its database is away: an empty page that is not the last one. */
  archiveFails = false;
  /** Sits in every room when somebody comes in. */
  pusherIsThere = true;
  closed = 0;
  dropped = 0;
  #last = 1000;

  constructor(readonly line: FakeLine) {}

  readonly openLink = (request: LinkRequest, listener: LinkListener): LinkPort => {
    this.line.clear();
    const link = new FakeLink(request, listener, this);
    this.links.push(link);
    if (this.line.delayMs === 0) setImmediate(() => this.#decide(link));
    else this.#logIn(link, LOGIN_WAYS);
    return link;
  };

  /** There and back, again and again; the link hears of it from when its line is open. */
  #logIn(link: FakeLink, left: number): void {
    const { line } = this;
    line.pass(() =>
      line.pass(() => {
        if (!link.isOpen) return;
        if (left <= LOGIN_WAYS - OPENING_WAYS + 1) link.listener.progress();
        if (left > 1) this.#logIn(link, left - 1);
        else this.#decide(link);
      }),
    );
  }

  get link(): FakeLink {
    return this.links.at(-1) as FakeLink;
  }

  #decide(link: FakeLink): void {
    if (!link.isOpen) return;
    const { credentials, transport } = link.request;
    const isOver = credentials.kind === "ticket" && endOf(credentials.ticket) <= this.line.now;
    const outcome = isOver ? "refused" : this.opening[transport];
    const name = credentials.kind === "guest" ? `g${this.links.length}` : credentials.username;
    const jid = `${name}@${link.request.domain}/r`;
    link.jid = jid;
    if (outcome === "up") link.listener.up(jid, false);
    if (outcome === "resume") {
      const before = this.links.at(-2);
      for (const [room, nick] of before?.occupancies ?? []) link.occupancies.set(room, nick);
      link.listener.up(jid, true);
    }
    if (outcome === "lost") link.die();
    if (outcome === "refused") {
      link.isOpen = false;
      link.listener.down({ kind: "refused", reason: "Wrong password." });
    }
  }

  receive(link: FakeLink, stanza: Element): void {
    const to = stanza.getAttribute("to") ?? "";
    const [room = "", nick] = to.split("/");
    if (stanza.localName === "presence") {
      if (stanza.getAttribute("type") === "unavailable") this.#leave(link, room);
      else this.#join(link, room, nick ?? "");
    } else if (["get", "set"].includes(stanza.getAttribute("type") ?? "")) {
      this.#answer(link, stanza, to, room);
    }
  }

  #leave(link: FakeLink, room: string): void {
    const nick = link.occupancies.get(room);
    link.occupancies.delete(room);
    if (nick !== undefined) this.#showOut(link, room, nick, ["110"]);
  }

  #join(link: FakeLink, room: string, nick: string): void {
    const inside = link.occupancies.get(room);
    const isChange = inside !== undefined && inside !== nick;
    const refusal = isChange ? "not-allowed" : this.refusals.get(room);
    if (refusal !== undefined) {
      link.deliver(
        `<presence xmlns="jabber:client" from="${room}/${nick}" to="${link.jid}" type="error">` +
          `${errorOf("cancel", refusal)}</presence>`,
      );
      return;
    }
    link.occupancies.set(room, nick);
    if (this.pusherIsThere) {
      const item = `<item affiliation="owner" role="moderator"/>`;
      link.deliver(presence(link, `${room}/${PUSHER}`, item));
    }
    link.deliver(ownPresence(link, room, nick, ["110"]));
    link.deliver(
      `<message xmlns="jabber:client" from="${room}" to="${link.jid}" type="groupchat">` +
        `<subject/></message>`,
    );
  }

  #answer(link: FakeLink, iq: Element, to: string, room: string): void {
    const id = escapeXml(iq.getAttribute("id") ?? "");
    const head = `<iq xmlns="jabber:client" from="${to}" to="${link.jid}" id="${id}"`;
    const { token } = this;
    if (token !== null && iq.querySelector("token") !== null) {
      const text = token();
      link.deliver(
        `${head} type="result"><token xmlns="urn:aviso:token:0" expires="${endOf(text) / 1000}">` +
          `${text}</token></iq>`,
      );
      return;
    }
    const marks = iq.querySelector("marks");
    if (marks !== null) {
      if (this.marks === null) {
        link.deliver(`${head} type="error">${errorOf("cancel", "not-allowed")}</iq>`);
        return;
      }
      if (iq.getAttribute("type") === "set") this.changes.push(marks.textContent ?? "");
      const told = `<marks xmlns="urn:aviso:marks:0">${escapeXml(this.marks)}</marks>`;
      link.deliver(`${head} type="result">${told}</iq>`);
      return;
    }
    const fresh = iq.querySelector("ticket")?.textContent;
    if (fresh) {
      this.fresh.push(fresh);
      const error = errorOf("auth", "not-authorized");
      link.deliver(
        this.takesFresh ? `${head} type="result"/>` : `${head} type="error">${error}</iq>`,
      );
      return;
    }
    const query = iq.querySelector("query");
    if (query !== null && this.eatsQueries) return;
    if (query === null) {
      const isIn = !to.includes("@") || link.occupancies.get(room) === to.split("/")[1];
      const error = errorOf("modify", "not-acceptable");
      link.deliver(isIn ? `${head} type="result"/>` : `${head} type="error">${error}</iq>`);
      return;
    }
    if (link.reading === MAX_READING) {
      this.refused += 1;
      const error = errorOf("wait", "resource-constraint");
      link.deliver(`${head} type="error">${error}</iq>`);
      return;
    }
    link.reading += 1;
    const archive = this.archives.get(room);
    const read = (name: string): string | undefined =>
      query.querySelector(name)?.textContent ?? undefined;
    const field = (name: string): number | undefined => {
      const text = query.querySelector(`field[var="${name}"] > value`)?.textContent;
      return text ? microsecondsOf(text) : undefined;
    };
    const [after, before, max] = [read("after"), read("before"), read("max")];
    const [start, end] = [field("start"), field("end")];
    const times = [start, end].map((time) => (time === undefined ? "" : time - FIRST_ID));
    this.queries.push(
      `${after === undefined ? "newest" : `after ${Number(after) - FIRST_ID}`} max ${max}` +
        ` in ${times.join("-")}`,
    );
    const stored = this.archiveFails ? [] : (archive ?? []);
    const inTime = stored.filter(
      ({ id }) => id >= (start ?? 0) && id <= (end ?? Number.POSITIVE_INFINITY),
    );
    this.counted.push(inTime.length);
    const matching = inTime.filter(
      ({ id }) => id > Number(after ?? 0) && id < Number(before || Number.POSITIVE_INFINITY),
    );
    const size = Math.min(Number(max), this.pageSize);
    const page = after === undefined ? matching.slice(-size) : matching.slice(0, size);
    this.sentFromArchives += page.length;
    for (const { id, message } of page) {
      link.deliver(
        `<message xmlns="jabber:client" from="${room}" to="${link.jid}">` +
          `<result xmlns="urn:xmpp:mam:2" id="${id}" ` +
          `queryid="${query.getAttribute("queryid")}"><forwarded xmlns="urn:xmpp:forward:0">` +
          `${message}<delay xmlns="urn:xmpp:delay" from="${room}" stamp="${timeOf(id)}"/>` +
          `</forwarded></result></message>`,
      );
    }
    const isLast = page.length === matching.length && !this.archiveFails;
    const isComplete = isLast ? ' complete="true"' : "";
    const count = `<count>${matching.length}</count>`;
    const ids = page.length ? `<first>${page[0]?.id}</first><last>${page.at(-1)?.id}</last>` : "";
    link.deliver(
      `${head} type="result"><fin xmlns="urn:xmpp:mam:2"${isComplete}>` +
        `<set xmlns="http://jabber.org/protocol/rsm">${count}${ids}</set></fin></iq>`,
      () => {
        link.reading -= 1;
      },
    );
  }

  /** The pusher sends `count` events from `first`; `isLost`: archived, but delivered to nobody. */
  publish(
    feed: string,
    epoch: string,
    first: number,
    count: number,
    options: {
      isLost?: boolean;
      payload?: string;
      nick?: string;
      type?: string;
      /** So many bytes more in each event, which nobody reads. */
      padding?: number;
      /** What the server of another version puts in place of ours. */
      namespace?: string;
    } = {},
  ): void {
    const room = `${feed}@feeds.localhost`;
    const last = first + count - 1;
    const events = Array.from({ length: count }, (_, index) => ({
      ...eventJson(feed, epoch, first + index, options.type),
      ...(options.padding && { padding: "x".repeat(options.padding) }),
    }));
    this.#last = Math.max(this.#last + 1, this.line.now * 1000 - FIRST_ID);
    const id = FIRST_ID + this.#last;
    const payload = count === 0 ? "" : jsonPayload(options.payload ?? textOf(events));
    const ours = feedMessage(
      { feed, epoch, first, last },
      `${payload}<body>${count} events</body>`,
      ` from="${room}/${options.nick ?? PUSHER}"`,
    );
    const namespace = options.namespace ?? "urn:aviso:feed:2";
    const stanzaId = `<stanza-id xmlns="urn:xmpp:sid:0" by="${room}" id="${id}"/>`;
    const message = (inside: string): string =>
      ours.replace("<events ", `${inside}<events `).replaceAll("urn:aviso:feed:2", namespace);
    const tmp = `<archived xmlns="urn:xmpp:mam:tmp" by="${room}" id="${id}"/>`;
    const archived = { id, message: message(tmp + stanzaId) };
    this.archives.set(room, [...(this.archives.get(room) ?? []), archived]);
    if (options.isLost) return;
    const live = message(`${stanzaId}<archived xmlns="urn:aviso:feed:2"/>`);
    for (const link of this.links) {
      if (link.occupancies.has(room))
        link.deliver(live.replace(" type=", ` to="${link.jid}" type=`));
    }
  }

  putOut(room: string, statuses: readonly string[]): void {
    const nick = this.link.occupancies.get(room) ?? "";
    this.link.occupancies.delete(room);
    if (statuses.includes("322")) {
      // It is told that its configuration changed, and then what follows from it.
      this.link.deliver(
        `<message xmlns="jabber:client" from="${room}" to="${this.link.jid}" id="1" ` +
          `type="groupchat"><x xmlns="${MUC_USER}"><status code="104"/></x></message>`,
      );
    }
    this.#showOut(this.link, room, nick, ["110", ...statuses]);
  }

  #showOut(link: FakeLink, room: string, nick: string, statuses: readonly string[]): void {
    // The room itself had a presence, too.
    link.deliver(
      `<presence xmlns="jabber:client" from="${room}" to="${link.jid}" id="1" type="unavailable"/>`,
    );
    link.deliver(ownPresence(link, room, nick, statuses, "unavailable"));
  }
}

/** XEP-0082, to the microsecond. */
function microsecondsOf(text: string): number {
  const [, seconds, fraction] = /^(.*T.*)\.([0-9]{6})Z$/.exec(text) ?? [];
  return Date.parse(`${seconds}Z`) * 1000 + Number(fraction);
}

function timeOf(microseconds: number): string {
  return new Date(microseconds / 1000).toISOString();
}

const MUC_USER = "http://jabber.org/protocol/muc#user";

/** `from`: an occupant; `told`: about him. */
function presence(link: FakeLink, from: string, told: string, type = ""): string {
  return (
    `<presence xmlns="jabber:client" from="${from}" to="${link.jid}"${type && ` type="${type}"`}>` +
    `<x xmlns="${MUC_USER}">${told}</x></presence>`
  );
}

function ownPresence(
  link: FakeLink,
  room: string,
  nick: string,
  statuses: readonly string[],
  type = "",
): string {
  const role = type === "unavailable" ? "none" : "visitor";
  const item = `<item affiliation="none" role="${role}" jid="${link.jid}"/>`;
  const codes = statuses.map((code) => `<status code="${code}"/>`).join("");
  return presence(link, `${room}/${nick}`, item + codes, type);
}

function errorOf(type: string, condition: string): string {
  const stanzas = "urn:ietf:params:xml:ns:xmpp-stanzas";
  return (
    `<error type="${type}"><${condition} xmlns="${stanzas}"/>` +
    `<text xmlns="${stanzas}">No.</text></error>`
  );
}

export type World = {
  clock: FakeClock;
  /** Both servers' answers come this way. */
  line: FakeLine;
  rest: FakeRest;
  xmpp: FakeXmpp;
  host: HostPort;
  /** What the browser says. */
  browser: HostListener;
};

export function makeWorld(): World {
  const clock = new FakeClock();
  const line = new FakeLine(clock);
  const rest = new FakeRest();
  const xmpp = new FakeXmpp(line);
  const listeners = new Set<HostListener>();
  const tell = (what: keyof HostListener) => () => {
    for (const listener of [...listeners]) listener[what]();
  };
  let seed = 1;
  const host: HostPort = {
    rest: restOver(async (input, init) => {
      if (line.delayMs > 0) await new Promise<void>((arrive) => line.pass(arrive));
      const answer = await rest.fetch(input, init);
      const text = await answer.text();
      await new Promise<void>((arrive) => line.carry(text.length, arrive));
      return new Response(text || null, answer);
    }),
    openLink: xmpp.openLink,
    // From no date, as a browser's is.
    now: () => clock.now - BEGIN,
    wall: () => clock.now + clock.ahead,
    random: () => {
      seed = (seed * 16_807) % 2_147_483_647;
      return seed / 2_147_483_647;
    },
    setTimer: (callback, delayMs) => clock.setTimer(callback, delayMs),
    clearTimer: (timer) => clock.clearTimer(timer),
    watch(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
  const browser = {
    online: tell("online"),
    offline: tell("offline"),
    wake: tell("wake"),
    leave: tell("leave"),
  };
  return { clock, line, rest, xmpp, host, browser };
}
