/**
 * Tells the reader of what comes into the feeds that he asked to be told of, by a notification, a sound
 * or both: while nobody looks at the feed, from one tab of the browser, and not too often. What is
 * caught up with after an absence is told of in one word. No DOM.
 */

import type { Client, FeedEvent, FeedInfo, Position, Subscription } from "./library";

/** So long what arrives is gathered, and then told of at most so often, in milliseconds. */
const GATHER_MS = 300;
const PACE_MS = 3_000;
/** So long the feeds that come back from an absence wait for each other. */
const RETURN_MS = 2_000;
/** Who missed more than this is not told how many. */
const CATCH_UP_LIMIT = 10_000;

const KINDS = ["notify", "sound"] as const;
export type AlertKind = (typeof KINDS)[number];

export interface Alert {
  readonly info: FeedInfo;
  /** How many arrived since the reader looked, or was told and answered. */
  readonly count: number;
  readonly newest: FeedEvent;
}

/** How the reader is told. */
export interface AlertEdge {
  /** Who reads in this tab; "" is a guest. */
  setReader(name: string): void;
  /** Which feed is looked at in this tab. */
  look(slug: string | null): void;
  /** Only one tab of the browser tells so, of those that can. */
  leads(kind: AlertKind): boolean;
  /** In another tab. */
  isLookedAtElsewhere(slug: string): Promise<boolean>;
  /** `onAnswer`: the reader has taken note of it. */
  notify(alert: Alert, onAnswer: () => void): void;
  notifyMissed(count: number, feeds: number): void;
  sound(): void;
  /** Take back what is shown of this feed; null: of all. */
  clear(slug: string | null): void;
}

/** Tells nobody. */
export const SILENT: AlertEdge = {
  leads: () => false,
  setReader: () => {},
  look: () => {},
  isLookedAtElsewhere: async () => false,
  notify: () => {},
  notifyMissed: () => {},
  sound: () => {},
  clear: () => {},
};

export interface AlertSurroundings {
  client(): Client;
  /** The feeds that are open to the reader, were asked for, and are not muted. */
  wanted(): readonly FeedInfo[];
  wants(slug: string, kind: AlertKind): boolean;
  /** How far it has come, where it is followed: what comes after that is news. */
  positionOf(slug: string): Position | null;
  /** In this tab. */
  isLookedAt(slug: string): boolean;
}

interface Listened {
  info: FeedInfo;
  readonly subscription: Subscription;
  /** It was live, after which there may be an absence. */
  wasLive: boolean;
  count: number;
  missed: number;
  newest: FeedEvent | null;
  toldAt: number;
  timer: ReturnType<typeof setTimeout> | undefined;
}

export class FeedAlerts {
  readonly #listened = new Map<string, Listened>();
  #returning: ReturnType<typeof setTimeout> | undefined;

  constructor(
    private readonly surroundings: AlertSurroundings,
    private readonly edge: AlertEdge,
  ) {}

  /** Listen to those that are wanted now. */
  update(): void {
    const wanted = new Map(this.surroundings.wanted().map((info) => [info.slug, info]));
    for (const slug of this.#listened.keys()) if (!wanted.has(slug)) this.#end(slug);
    for (const [slug, info] of wanted) {
      const listened = this.#listened.get(slug);
      if (listened === undefined) this.#begin(info);
      else listened.info = info;
    }
  }

  /** Somebody else reads, or over another connection. */
  restart(): void {
    for (const slug of [...this.#listened.keys()]) this.#end(slug);
    clearTimeout(this.#returning);
    this.#returning = undefined;
    this.edge.clear(null);
    this.update();
  }

  /** The reader looks at it. */
  noteLooked(slug: string): void {
    const listened = this.#listened.get(slug);
    if (listened !== undefined) forget(listened);
    this.edge.clear(slug);
  }

  /** The reader has seen it this far, elsewhere. */
  noteSeen(slug: string, { epoch, sequence }: Position): void {
    const newest = this.#listened.get(slug)?.newest;
    if (newest?.epoch === epoch && newest.sequence <= sequence) this.noteLooked(slug);
  }

  #begin(info: FeedInfo): void {
    const { slug, epoch, head } = info;
    const known = this.surroundings.positionOf(slug);
    const subscription = this.surroundings.client().subscribe(slug, {
      position: known ?? { epoch, sequence: head },
      catchUpLimit: CATCH_UP_LIMIT,
    });
    const listened: Listened = {
      info,
      subscription,
      wasLive: false,
      count: 0,
      missed: 0,
      newest: null,
      toldAt: Number.NEGATIVE_INFINITY,
      timer: undefined,
    };
    this.#listened.set(slug, listened);
    subscription.on("events", ({ events, live }) => {
      // The list may be old: what came since is no news.
      if (!listened.wasLive && known === null) return;
      this.#onEvents(listened, events, live || !listened.wasLive);
    });
    subscription.on("reset", ({ skipped }) => {
      if (listened.wasLive && skipped !== undefined) {
        listened.missed += skipped.to - skipped.from + 1;
      }
    });
    subscription.on("state", ({ kind }) => {
      if (kind !== "live") return;
      listened.wasLive = true;
      if (listened.missed > 0) this.#returning ??= setTimeout(() => this.#return(), RETURN_MS);
    });
  }

  #end(slug: string): void {
    const listened = this.#listened.get(slug);
    if (listened === undefined) return;
    this.#listened.delete(slug);
    clearTimeout(listened.timer);
    listened.subscription.close();
    this.edge.clear(slug);
  }

  #onEvents(listened: Listened, events: readonly FeedEvent[], isLive: boolean): void {
    const news = events.filter(({ type, place }) => type !== "reset" && place === undefined);
    if (isLive) void this.#count(listened, news);
    else listened.missed += news.length;
  }

  async #count(listened: Listened, news: readonly FeedEvent[]): Promise<void> {
    const newest = news.at(-1);
    // Asked when it arrives: who leaves the feed at once has seen it.
    if (newest === undefined || (await this.#isLookedAt(listened.info.slug))) return;
    listened.count += news.length;
    listened.newest = newest;
    const wait = Math.max(GATHER_MS, listened.toldAt + PACE_MS - Date.now());
    listened.timer ??= setTimeout(() => void this.#tell(listened), wait);
  }

  async #tell(listened: Listened): Promise<void> {
    listened.timer = undefined;
    const { slug } = listened.info;
    const kinds = KINDS.filter((kind) => this.#tells(slug, kind));
    const isTold = kinds.length > 0 && !(await this.#isLookedAt(slug));
    const { count, newest, info } = listened;
    if (!isTold || newest === null) {
      forget(listened);
      return;
    }
    if (this.#listened.get(slug) !== listened) return;
    listened.toldAt = Date.now();
    if (kinds.includes("sound")) this.edge.sound();
    if (!kinds.includes("notify")) forget(listened);
    else this.edge.notify({ info, count, newest }, () => forget(listened));
  }

  #tells(slug: string, kind: AlertKind): boolean {
    return this.surroundings.wants(slug, kind) && this.edge.leads(kind);
  }

  async #isLookedAt(slug: string): Promise<boolean> {
    return this.surroundings.isLookedAt(slug) || this.edge.isLookedAtElsewhere(slug);
  }

  /** One word for all that was missed. */
  #return(): void {
    this.#returning = undefined;
    let [count, feeds, isHeard] = [0, 0, false];
    for (const [slug, listened] of this.#listened) {
      const { missed } = listened;
      listened.missed = 0;
      if (missed === 0 || this.surroundings.isLookedAt(slug)) continue;
      isHeard ||= this.#tells(slug, "sound");
      if (!this.#tells(slug, "notify")) continue;
      count += missed;
      feeds += 1;
    }
    if (isHeard) this.edge.sound();
    if (count > 0) this.edge.notifyMissed(count, feeds);
  }
}

function forget(listened: Listened): void {
  listened.count = 0;
  listened.newest = null;
}
