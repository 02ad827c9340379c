/** A feed of orders in the fake world that takes writes over REST, and whose events are those writes. */

import { AvisoClient, type ClientOptions } from "../../src/api/client";
import { parseExactJson, stringifyExactJson } from "../../src/model/exact-json";
import { textOf } from "../batch-writer";
import { eventJson, type Json, makeWorld, type World } from "../fakes";

export type Order = { readonly n: number; readonly item?: string };

type Stored = { readonly id: string; readonly version: number; readonly data: Json };

type Sent = { readonly id?: string; readonly data: Json };

export class WritableFeed {
  readonly world: World = makeWorld();
  readonly client: AvisoClient;
  readonly records = new Map<string, Stored>();
  /** `PUT <id> <If-Match> <body>`, as they came. */
  readonly writes: string[] = [];
  /** The last one's headers. */
  headers = new Headers();
  /** What the next writes are refused with. */
  refusal: {
    readonly status: number;
    readonly detail: string;
    readonly headers?: Record<string, string>;
  } | null = null;
  /** The relay stands still: events wait. */
  isHeld = false;
  readonly #held: Json[] = [];
  readonly #events = new Map<number, Json>();

  constructor(options: ClientOptions = {}) {
    const { rest, host } = this.world;
    this.client = new AvisoClient("", options, host);
    rest.feeds.set("orders", { epoch: "aaaa", head: 0 });
    rest.spoil = (event) => this.#events.get(Number(event.feedseq)) ?? event;
    rest.onRecord = this.#answer;
  }

  /** As a writer elsewhere. */
  async put(id: string, data: Json): Promise<void> {
    this.#store(id, data);
    await this.settle();
  }

  /** Data as it was written, with all digits. */
  putText(id: string, text: string): Promise<void> {
    return this.put(id, parseExactJson(text) as Json);
  }

  async putAll(count: number): Promise<void> {
    const events = Array.from({ length: count }, (_, index) => {
      const id = `r${index + 1}`;
      return this.#next("created", { id, version: 1, data: { n: index + 1 } });
    });
    this.#publish(events);
    await this.settle();
  }

  async delete(id: string): Promise<void> {
    this.#remove(id);
    await this.settle();
  }

  /** As TRUNCATE does, and a row after it in the same batch. */
  async truncateAnd(id: string, data: Json): Promise<void> {
    const event = eventJson("orders", "aaaa", this.#feed.head + 1);
    const { subject: _, ...envelope } = event;
    this.#feed.head += 1;
    const emptied = { ...envelope, type: "aviso.feed.reset.v1", data: { cause: "truncated" } };
    this.#publish([emptied, this.#next("created", { id, version: 1, data })]);
    await this.settle();
  }

  /** The restored backup that another life begins with. */
  async beginAnew(id: string, data: Json): Promise<void> {
    this.#events.clear();
    this.world.rest.feeds.set("orders", { epoch: "bbbb", head: 0 });
    await this.put(id, data);
    await this.world.clock.advance(1_000);
  }

  async release(): Promise<void> {
    this.isHeld = false;
    for (const event of this.#held.splice(0)) this.#publish([event]);
    await this.settle();
  }

  async settle(): Promise<void> {
    await this.world.clock.advance(0);
    await this.world.clock.advance(0);
  }

  get isFollowed(): boolean {
    return this.world.xmpp.links.some(({ occupancies }) => occupancies.size > 0);
  }

  readonly #answer = async (input: RequestInfo | URL, init?: RequestInit): Promise<Response> => {
    const { pathname } = new URL(String(input), "http://aviso.test");
    const id = decodeURIComponent(/records\/([^/]+)\//.exec(pathname)?.[1] ?? "");
    const headers = new Headers(init?.headers);
    const { method = "GET", body } = init ?? {};
    if (method === "GET") {
      const record = this.records.get(id);
      return record === undefined ? problem(404, "There is no record.") : answer(record);
    }
    this.headers = headers;
    const facts = [method, id, headers.get("If-Match") ?? "", body ?? ""];
    this.writes.push(facts.filter((fact) => fact !== "").join(" "));
    const { refusal } = this;
    if (refusal !== null) return problem(refusal.status, refusal.detail, refusal.headers);
    const stored = this.records.get(id);
    const wanted = headers.get("If-Match");
    if (method !== "POST" && stored === undefined) return problem(404, "There is no record.");
    if (stored && wanted !== null && wanted !== `"${stored.version}"`) {
      return problem(412, `If-Match names ${wanted}, the record has ${stored.version}`);
    }
    if (method === "DELETE") {
      this.#remove(id);
      return new Response(null, { status: 204 });
    }
    const sent = parseExactJson(String(body)) as Sent | readonly Sent[];
    const drafts = Array.isArray(sent) ? (sent as readonly Sent[]) : [sent as Sent];
    if (method === "PATCH") return answer(this.#store(id, { ...stored?.data, ...drafts[0]?.data }));
    if (method === "PUT") return answer(this.#store(id, drafts[0]?.data ?? {}));
    const made = drafts.map(({ id = `made-${this.records.size}`, data }) => this.#store(id, data));
    return answer(Array.isArray(sent) ? { ids: made.map((record) => record.id) } : made[0]);
  };

  #store(id: string, data: Json): Stored {
    const before = this.records.get(id);
    const record = { id, version: (before?.version ?? 0) + 1, data };
    this.records.set(id, record);
    this.#publish([this.#next(before === undefined ? "created" : "updated", record)]);
    return record;
  }

  #remove(id: string): void {
    const record = this.records.get(id);
    this.records.delete(id);
    if (record !== undefined) this.#publish([this.#next("deleted", record)]);
  }

  #next(type: string, record: Stored): Json {
    const { epoch } = this.#feed;
    this.#feed.head += 1;
    const event = eventJson("orders", epoch, this.#feed.head, type);
    return { ...event, subject: record.id, data: record };
  }

  #publish(events: readonly Json[]): void {
    const [first] = events;
    if (first === undefined) return;
    if (this.isHeld) {
      this.#held.push(...events);
      this.#feed.head -= events.length;
      return;
    }
    // Those that waited have their places from before.
    const start = Number(first.feedseq);
    this.#feed.head = Math.max(this.#feed.head, start + events.length - 1);
    const placed = events.map((event, index) => ({ ...event, feedseq: String(start + index) }));
    for (const [index, event] of placed.entries()) this.#events.set(start + index, event);
    const payload = textOf(placed as Parameters<typeof textOf>[0]);
    this.world.xmpp.publish("orders", this.#feed.epoch, start, events.length, { payload });
  }

  get #feed(): { epoch: string; head: number } {
    return this.world.rest.feeds.get("orders") as { epoch: string; head: number };
  }
}

const answer = (body: unknown): Response => new Response(stringifyExactJson(body));

const problem = (status: number, detail: string, headers: Record<string, string> = {}): Response =>
  Response.json({ status, detail }, { status, headers });
