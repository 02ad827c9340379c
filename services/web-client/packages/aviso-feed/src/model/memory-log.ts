/** An event log in this page's memory: for pages that come and go within one document, and for tests. */

import type { FeedEvent } from "./event";
import {
  type EventLog,
  isOf,
  join,
  type Kept,
  type LogKey,
  type LogLimit,
  type LogOptions,
  type LogState,
  limitOf,
  type Passage,
  type Whose,
} from "./event-log";
import { stringifyExactJson } from "./exact-json";
import type { Position } from "./positions";
import { bytesOf } from "./size";

type Sized = { readonly event: FeedEvent; readonly bytes: number };
type Feed = {
  readonly key: LogKey;
  position: Position;
  events: Sized[];
  anchor: string | null;
  isListed: boolean;
  at: number;
};

export function memoryLog(options: LogOptions = {}, now = Date.now): EventLog {
  return new MemoryLog(limitOf(options), options.private ?? false, now);
}

class MemoryLog implements EventLog {
  readonly state: LogState = "working";
  /** The one written last stands last. */
  readonly #feeds = new Map<string, Feed>();

  constructor(
    readonly limit: LogLimit,
    readonly keepsPrivate: boolean,
    private readonly now: () => number,
  ) {}

  onState(): () => void {
    return () => {};
  }

  async read(key: LogKey): Promise<Kept | null> {
    const feed = this.#feeds.get(idOf(key));
    if (feed === undefined) return null;
    const { position, anchor, isListed, at } = feed;
    return { position, anchor, isListed, at, events: feed.events.map(({ event }) => event) };
  }

  async append(key: LogKey, passage: Passage): Promise<void> {
    const id = idOf(key);
    const known = this.#feeds.get(id);
    const joined = join(known?.position ?? null, passage);
    if (joined.kind === "known") return;
    const before = joined.kind === "anew" ? undefined : known;
    const events = joined.kind === "anew" ? passage.events : joined.events;
    this.#feeds.delete(id);
    this.#feeds.set(id, {
      key,
      position: passage.to,
      events: this.#newest([...(before?.events ?? []), ...events.map(sized)]),
      anchor: passage.anchor ?? before?.anchor ?? null,
      isListed: (before?.isListed ?? false) || events.some(({ place }) => place !== undefined),
      at: this.now(),
    });
    const [oldest] = this.#feeds.keys();
    if (this.#feeds.size > this.limit.feeds && oldest !== undefined) this.#feeds.delete(oldest);
  }

  async drop(key: LogKey): Promise<void> {
    this.#feeds.delete(idOf(key));
  }

  async wipe(whose: Whose): Promise<void> {
    for (const [id, { key }] of this.#feeds) if (isOf(key, whose)) this.#feeds.delete(id);
  }

  #newest(events: readonly Sized[]): Sized[] {
    let first = Math.max(0, events.length - this.limit.events);
    let bytes = events.slice(first).reduce((sum, each) => sum + each.bytes, 0);
    for (; bytes > this.limit.bytes && first < events.length - 1; first += 1) {
      bytes -= events[first]?.bytes ?? 0;
    }
    return events.slice(first);
  }
}

const idOf = ({ origin, reader, feed }: LogKey): string => JSON.stringify([origin, reader, feed]);

const sized = (event: FeedEvent): Sized => ({ event, bytes: bytesOf(stringifyExactJson(event)) });
