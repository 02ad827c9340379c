/**
 * One MUC room of a session: gets in, stays in, says who may be believed, reads the archive.
 * XEP-0045 (join), XEP-0313 (archive), XEP-0410 (self-ping).
 */

import { type ArchiveRange, archiveQuery } from "../protocol/archive-query";
import { RequestError, readError } from "../protocol/iq";
import { readStanza } from "../protocol/stanzas";
import {
  type ArchiveResult,
  isAboutUs,
  isTrustedLive,
  mucStatuses,
  Occupants,
  readArchiveResult,
  stanzaIdOf,
} from "../protocol/trust";
import { childOf, NS, resourceOf, xml } from "../protocol/xml";
import { Backoff } from "./backoff";
import type { FeedRoom, RoomListener, RoomState } from "./feed-connection";
import type { ArchivedMessage, ArchivePage, StreamPort, Timer } from "./ports";

/** ejabberd gives no more on a page. */
export const ARCHIVE_PAGE = 250;

/**
 * Queries whose answers are listened to. Those that were given up are too, the latest: what comes
 * after its time is as true as before.
 */
const MAX_QUERIES = 100;

type Query = { readonly take: (result: ArchiveResult) => void; isOpen: boolean };

/** XEP-0410 3: these answers mean that we are in the room all the same. */
const STILL_IN = new Set(["service-unavailable", "feature-not-implemented", "item-not-found"]);

/** Answers to a join: not open to us, or not there. */
const SHUT = new Set([
  "forbidden",
  "item-not-found",
  "not-allowed",
  "not-authorized",
  "registration-required",
]);
/** XEP-0045 15.6.2: banned; affiliation lost; the room became members-only. */
const PUT_OUT = new Set(["301", "321", "322"]);

export class Room implements FeedRoom {
  readonly #listeners = new Set<RoomListener>();
  readonly #occupants = new Occupants();
  readonly #queries = new Map<string, Query>();
  readonly #backoff: Backoff;
  #state: RoomState = { kind: "joining" };
  /** When the stream died. */
  #wasIn = false;
  #nick = "";
  #timer: Timer = null;

  /** The room's name is its feed's. */
  readonly #feed: string;

  constructor(
    readonly jid: string,
    private readonly stream: StreamPort,
    private readonly onEmpty: () => void,
  ) {
    this.#feed = jid.slice(0, jid.indexOf("@"));
    this.#backoff = new Backoff({
      firstMs: stream.timings.retryFirst,
      maxMs: stream.timings.retryMax,
      random: stream.clock.random,
    });
  }

  get state(): RoomState {
    return this.#state;
  }

  /** Go in, if nobody is yet. Returns the function that leaves. */
  attach(listener: RoomListener): () => void {
    this.#listeners.add(listener);
    if (this.#listeners.size === 1 && this.stream.isUp) this.rejoin();
    return () => {
      if (this.#listeners.delete(listener) && this.#listeners.size === 0) this.#leave();
    };
  }

  /**
   * Go in again. Under the same nick as before on this stream: where we were in until now, another
   * one would be a change of nick, which is refused (mod_fence).
   */
  rejoin(): void {
    this.#occupants.clear();
    this.#wasIn = false;
    this.#nick = this.stream.nick;
    this.#setState({ kind: "joining" });
    this.#waitForAnswer(this.stream.clock.now());
    this.stream.send(
      xml`<presence xmlns="${NS.client}" to="${this.jid}/${this.#nick}">` +
        `<x xmlns="${NS.muc}"><history maxstanzas="0"/></x></presence>`,
    );
  }

  onUp(resumed: boolean): void {
    if (resumed && this.#wasIn) this.#getIn(this.#nick);
    else this.rejoin();
  }

  /** The stream is gone, and the session says so. What is known of the room holds if it resumes. */
  onDown(): void {
    this.#wasIn ||= this.#state.kind === "in";
    this.#state = { kind: "joining" };
    this.#queries.clear();
    this.#restartTimer(null);
  }

  onPresence(presence: Element): void {
    const type = presence.getAttribute("type");
    if (type === "error") {
      if (this.#state.kind !== "joining") return;
      const error = readError(presence);
      this.#getOut(refusal(error), SHUT.has(error.condition));
      return;
    }
    this.#occupants.see(presence);
    const nick = resourceOf(presence.getAttribute("from") ?? "");
    if (!isAboutUs(presence) && nick !== this.#nick) return;
    const statuses = mucStatuses(presence);
    // While we join it is the echo of having left before: who is not in is not put out.
    if (type === "unavailable" && this.#state.kind === "in") {
      this.#getOut(
        farewell(statuses),
        statuses.some((status) => PUT_OUT.has(status)),
      );
    }
    if (type === null && this.#state.kind !== "in") this.#getIn(nick ?? this.#nick);
  }

  onMessage(message: Element): void {
    const archived = readArchiveResult(message, this.jid);
    if (archived !== null) {
      this.#queries.get(archived.queryId)?.take(archived);
      return;
    }
    if (isTrustedLive(message, this.jid, this.#occupants)) {
      const stanzaId = stanzaIdOf(message, this.jid);
      const read = readStanza(message, this.#feed);
      this.stream.noteUse();
      for (const listener of [...this.#listeners]) listener.message(read, stanzaId);
    } else if (childOf(message, "events", NS.events) !== null) {
      for (const listener of [...this.#listeners]) listener.untrusted();
    }
  }

  /**
   * Read the archive: `take` is called with each message as it comes. Rejects with a RequestError;
   * what was taken until then is good, and more may still come.
   */
  async page(
    range: ArchiveRange,
    max: number,
    take: (message: ArchivedMessage) => void,
  ): Promise<ArchivePage> {
    const queryId = `q${this.stream.word()}`;
    let heardAt = 0;
    let first: string | null = null;
    let last: string | null = null;
    const listening = this.#listenTo(queryId, ({ stanzaId, message }) => {
      heardAt = this.stream.clock.now();
      first ??= stanzaId;
      last = stanzaId;
      const read = readStanza(message, this.#feed);
      take({ stanzaId, read, size: message.textContent?.length ?? 0 });
    });
    const query = archiveQuery(queryId, range, max);
    const answer = await this.stream
      .request("set", this.jid, query, { heardAt: () => heardAt, isOfArchive: true })
      .finally(() => {
        listening.isOpen = false;
      });
    this.#queries.delete(queryId);
    const isComplete = childOf(answer, "fin", NS.mam)?.getAttribute("complete") === "true";
    if (first === null && !isComplete) {
      // So ejabberd answers while its database is away; it is not the same as "nothing new".
      throw new RequestError("timeout", "The archive of the room cannot be read.");
    }
    this.stream.noteUse();
    return { first, last, isComplete };
  }

  /** Ask the room whether we are in it. Rejects where nobody answers. */
  async isStillIn(): Promise<boolean> {
    const ping = xml`<ping xmlns="${NS.ping}"/>`;
    try {
      await this.stream.request("get", `${this.jid}/${this.#nick}`, ping);
      return true;
    } catch (error) {
      if (!(error instanceof RequestError) || error.isUnanswered) throw error;
      return STILL_IN.has(error.condition);
    }
  }

  /** As for every answer (requests.ts): as long as other things come, it may stand behind them. */
  #waitForAnswer(askedAt: number): void {
    const { answerTimeout, answerLimit } = this.stream.timings;
    const now = this.stream.clock.now();
    const left = Math.min(
      answerTimeout - Math.min(this.stream.silence(), now - askedAt),
      answerLimit - (now - askedAt),
    );
    if (left > 0) this.#restartTimer(left, () => this.#waitForAnswer(askedAt));
    else this.#getOut("The feed's room does not answer.");
  }

  #getIn(nick: string): void {
    this.#nick = nick;
    this.#wasIn = false;
    this.#restartTimer(this.stream.timings.stableAfter, () => this.#backoff.reset());
    this.#setState({ kind: "in" });
  }

  #getOut(reason: string, isShut = false): void {
    const delay = this.#backoff.next();
    this.#restartTimer(delay, () => this.rejoin());
    this.#setState({
      kind: "out",
      reason,
      retryAt: new Date(this.stream.clock.wall() + delay),
      isShut,
    });
  }

  /** Throws a RequestError where too many are open: one that nobody listens to looks like an empty archive. */
  #listenTo(queryId: string, take: Query["take"]): Query {
    if (this.#queries.size >= MAX_QUERIES) {
      const givenUp = [...this.#queries].find(([, { isOpen }]) => !isOpen);
      if (givenUp === undefined) {
        throw new RequestError("timeout", "Too many questions to the room wait for their answers.");
      }
      this.#queries.delete(givenUp[0]);
    }
    const query: Query = { take, isOpen: true };
    this.#queries.set(queryId, query);
    return query;
  }

  #leave(): void {
    this.#restartTimer(null);
    if (this.#nick !== "") {
      this.stream.send(
        xml`<presence xmlns="${NS.client}" to="${this.jid}/${this.#nick}" type="unavailable"/>`,
      );
    }
    this.onEmpty();
  }

  #restartTimer(delayMs: number | null, callback: () => void = () => {}): void {
    if (this.#timer !== null) this.stream.clock.clearTimer(this.#timer);
    this.#timer = delayMs === null ? null : this.stream.clock.setTimer(callback, delayMs);
  }

  #setState(state: RoomState): void {
    this.#state = state;
    for (const listener of [...this.#listeners]) listener.state(state);
  }
}

function refusal(error: RequestError): string {
  switch (error.condition) {
    case "registration-required":
    case "not-authorized":
      return "This feed is private, and its room does not let you in.";
    case "forbidden":
    case "item-not-found":
    case "not-allowed":
      return "The feed's room is not there yet, or does not let you in.";
    case "service-unavailable":
      return "The feed's room is full.";
    case "conflict":
      return "The feed's room has somebody of the same name.";
    default:
      return "The feed's room does not let you in.";
  }
}

/** XEP-0045 15.6.2, status codes of those who go. */
function farewell(statuses: readonly string[]): string {
  if (statuses.includes("301")) return "You were banned from the feed's room.";
  if (statuses.includes("321") || statuses.includes("322")) {
    return "The feed's room does not let you in any more.";
  }
  if (statuses.includes("332")) return "The server is going down.";
  return "You were put out of the feed's room.";
}
