/**
 * A twin of the feed client library for the page's tests and for looking at the page without
 * servers: the same interface, driven by hand. Its records are folded by the real RecordStore.
 */

import type { ConnectionEvents, SubscriptionEvents } from "aviso-feed";
import { RecordStore } from "aviso-feed";
import { Emitter } from "../../aviso-feed/src/engine/emitter";
import type {
  Begin,
  Client,
  ConnectionState,
  FeedEvent,
  FeedHead,
  FeedInfo,
  FeedLibrary,
  FeedMarks,
  FeedRecord,
  FeedState,
  FeedsPage,
  FeedsQuery,
  MarksChange,
  Position,
  ResetDetail,
  Subscription,
} from "../src/library";

export class FakeSubscription extends Emitter<SubscriptionEvents> implements Subscription {
  state: FeedState = { kind: "connecting" };
  position: Position | null;
  isOpen = true;
  older: FeedEvent[] = [];

  constructor(
    readonly slug: string,
    position: Position | null,
  ) {
    super();
    this.position = position;
  }

  close(): void {
    this.isOpen = false;
  }

  async loadOlder(before: number, limit: number): Promise<FeedEvent[]> {
    return this.older.filter((event) => event.sequence < before).slice(-limit);
  }

  become(state: FeedState): void {
    this.state = state;
    this.emit("state", state);
  }

  deliver(events: readonly FeedEvent[], live = true): void {
    const last = events.at(-1);
    if (last !== undefined) this.position = { epoch: last.epoch, sequence: last.sequence };
    const position = this.position ?? { epoch: "k3f9", sequence: 0 };
    this.emit("events", { events, live, position });
  }

  moveTo(sequence: number): void {
    this.position = { epoch: "k3f9", sequence };
    this.emit("position", this.position);
  }

  reset(position: ResetDetail): void {
    this.position = position;
    this.emit("reset", position);
  }
}

export class FakeClient extends Emitter<ConnectionEvents> implements Client {
  state: ConnectionState = { kind: "connecting" };
  transport: "websocket" | "bosh" | null = "websocket";
  readonly subscriptions = new Map<string, FakeSubscription>();
  connects = 0;
  isClosed = false;
  token: string | undefined;

  constructor(private readonly onConnect: (client: FakeClient) => void = () => {}) {
    super();
  }

  subscribe(slug: string, { position }: Begin = {}): FakeSubscription {
    const subscription = new FakeSubscription(slug, position ?? null);
    this.subscriptions.set(slug, subscription);
    return subscription;
  }

  async bearer(): Promise<string | undefined> {
    return this.token;
  }

  connect(): void {
    this.connects += 1;
    this.onConnect(this);
  }

  close(): void {
    this.isClosed = true;
  }

  signOut(): void {
    this.close();
    this.emit("signed-out", null);
  }

  /** In another tab. */
  beSignedOut(): void {
    this.emit("signed-out", null);
  }

  /** What the server keeps for the account; an error: it can't be had. */
  kept: FeedMarks[] | Error = [];
  readonly changes: (readonly MarksChange[])[] = [];

  async marks(): Promise<FeedMarks[]> {
    if (this.kept instanceof Error) throw this.kept;
    return this.kept;
  }

  async changeMarks(changes: readonly MarksChange[]): Promise<void> {
    if (this.kept instanceof Error) throw this.kept;
    this.changes.push(changes);
  }

  tellMarks(...marks: FeedMarks[]): void {
    this.emit("marks", marks);
  }

  hint(feed: string, change: "granted" | "revoked"): void {
    this.emit("reader", { feed, change });
  }

  become(state: ConnectionState): void {
    this.state = state;
    this.emit("state", state);
  }
}

export class FakeLibrary implements FeedLibrary {
  readonly clocks = { now: () => Date.now(), ahead: () => ({ from: -100, to: 100 }) };
  readonly clients: FakeClient[] = [];
  infos: FeedInfo[] = [];
  isReachable = true;
  onConnect: (client: FakeClient) => void = () => {};
  registered: string[] = [];
  registerError: unknown = null;

  createClient(): FakeClient {
    const client = new FakeClient((connecting) => this.onConnect(connecting));
    this.clients.push(client);
    return client;
  }

  createStore(): RecordStore {
    return new RecordStore();
  }

  /** The bearer of each request. */
  readonly asked: (string | undefined)[] = [];
  readonly queries: FeedsQuery[] = [];
  readonly headsAsked: string[][] = [];
  failure: unknown = new Error("not reached");

  async aboutServer() {
    return { registration: "open", publicOrigin: "http://localhost:8080" };
  }

  async listFeeds(query: FeedsQuery, token?: string): Promise<FeedsPage> {
    this.asked.push(token);
    this.queries.push(query);
    if (!this.isReachable) throw this.failure;
    const { after = null, words = "", limit = 100 } = query;
    const isFound = ({ slug, title }: FeedInfo) => {
      const names = `${slug} ${title}`.toLowerCase().split(/\W+/);
      const begins = (word: string) => names.some((name) => name.startsWith(word));
      return words === "" || words.split(" ").every(begins);
    };
    const found = this.infos
      .filter((info) => isFound(info) && (after === null || info.slug > after))
      .sort((one, other) => (one.slug < other.slug ? -1 : 1));
    return { feeds: found.slice(0, limit), hasMore: found.length > limit };
  }

  async findFeed(slug: string): Promise<FeedInfo | null> {
    if (!this.isReachable) throw this.failure;
    return this.infos.find((info) => info.slug === slug) ?? null;
  }

  async fetchHeads(slugs: readonly string[]): Promise<FeedHead[]> {
    this.headsAsked.push([...slugs]);
    if (!this.isReachable) throw this.failure;
    return this.infos
      .filter(({ slug }) => slugs.includes(slug))
      .map(({ slug, epoch, head }) => ({ slug, epoch, head }));
  }

  /** As if so many events had been written. */
  write(slug: string, count: number): void {
    this.infos = this.infos.map((info) =>
      info.slug === slug ? { ...info, head: info.head + count } : info,
    );
  }

  async register(username: string): Promise<void> {
    if (this.registerError !== null) throw this.registerError;
    this.registered.push(username);
  }
}

export function feedInfo(slug: string, change: Partial<FeedInfo> = {}): FeedInfo {
  return {
    slug,
    title: slug,
    visibility: "public",
    schema: null,
    room: `${slug}@feeds.localhost`,
    epoch: "k3f9",
    head: 0,
    created_at: "2026-11-24T09:00:00Z",
    ...change,
  };
}

export function recordOf(
  number: number,
  data: Readonly<Record<string, unknown>>,
  version = 1,
): FeedRecord {
  const id = `${number.toString(16).padStart(8, "0")}-0000-4000-8000-000000000000`;
  const time = "2026-11-24T09:30:00.000000Z";
  return { id, version, created_at: time, updated_at: time, data };
}

/** An event about record `number`; a created one unless said otherwise. */
export function eventOf(
  sequence: number,
  data: Readonly<Record<string, unknown>> = { item: "tea" },
  change: Partial<FeedEvent> & { number?: number; version?: number } = {},
): FeedEvent {
  const { number = sequence, version = 1, ...rest } = change;
  const record = recordOf(number, data, version);
  return {
    id: `event-${sequence}`,
    type: "created",
    feed: "orders",
    epoch: "k3f9",
    sequence,
    time: record.updated_at ?? "",
    subject: record.id,
    record,
    ...rest,
  };
}
