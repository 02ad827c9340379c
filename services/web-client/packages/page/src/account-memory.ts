/**
 * What an account remembers of feeds, on all of its devices: the server keeps it, and tells all sessions
 * what one of them changes. In this browser it is in memory only.
 *
 * Until the server has said what it has, and for feeds that it has nothing of, a feed begins where it is
 * now; what the server says then takes the place of such an assumption, never of what was seen here.
 */

import { changeMark, dropOldest, type FeedMemory, furthest } from "./feed-memory";
import {
  type Client,
  type FeedMarks,
  MAX_CHANGES,
  type Mark,
  type MarksChange,
  type Position,
} from "./library";

/** So long what changed is gathered before the server is told: of marks, of what was seen. */
const MARKED_MS = 100;
const SEEN_MS = 1_000;
/** And not more often than this, however much is read. */
const PACE_MS = 5_000;
const RETRY_MS = 10_000;
/**
 * The server keeps so many feeds, those changed last. Where more are only listed, it is not told where
 * they begin: that would take the place of what was read.
 */
const MOST_KEPT = 1_000;

interface Known {
  readonly seen: Position | null;
  /** Nobody has seen it: it only began there. */
  readonly isAssumed: boolean;
  readonly marks: Set<Mark>;
}

const NOTHING: Known = { seen: null, isAssumed: true, marks: new Set() };

export class AccountMemory implements FeedMemory {
  /** The one noted last stands last. */
  readonly #known = new Map<string, Known>();
  /** What the server was not told yet, and what it is being told. */
  readonly #untold = new Map<string, MarksChange>();
  #telling: readonly MarksChange[] = [];
  /** The server has something of these. */
  readonly #kept = new Set<string>();
  readonly #withMark = new Map<Mark, readonly string[]>();
  #isLoaded = false;
  #toldAt = Number.NEGATIVE_INFINITY;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #dueAt = Number.POSITIVE_INFINITY;

  /** `onTold`: these were changed elsewhere, or are known only now. */
  constructor(
    private readonly client: Client,
    private readonly onTold: (slugs: readonly string[]) => void,
  ) {
    client.on("marks", (marks) => this.#take(marks));
    client.on("state", () => this.#onState());
    this.#onState();
  }

  seenOf(slug: string): Position | null {
    return this.#known.get(slug)?.seen ?? null;
  }

  noteSeen(slug: string, position: Position): void {
    const { seen, isAssumed, marks } = this.#known.get(slug) ?? NOTHING;
    const isNews = seen?.epoch !== position.epoch || seen.sequence < position.sequence;
    if (!isNews && !isAssumed) return;
    const furthestSeen = isNews ? position : (seen as Position);
    this.#put(slug, { seen: furthestSeen, isAssumed: false, marks });
    this.#change({ feed: slug, seen: furthestSeen }, SEEN_MS);
  }

  begin(slug: string, position: Position): void {
    const { seen, marks } = this.#known.get(slug) ?? NOTHING;
    if (seen?.epoch === position.epoch) return;
    this.#put(slug, { seen: position, isAssumed: true, marks });
    if (!this.#kept.has(slug) && this.#kept.size >= MOST_KEPT) return;
    this.#change({ feed: slug, seen: position, begins: true }, SEEN_MS);
  }

  has(slug: string, mark: Mark): boolean {
    return this.#known.get(slug)?.marks.has(mark) ?? false;
  }

  withMark(mark: Mark): readonly string[] {
    const cached = this.#withMark.get(mark);
    if (cached !== undefined) return cached;
    const slugs = [...this.#known.keys()].filter((slug) => this.has(slug, mark)).sort();
    this.#withMark.set(mark, slugs);
    return slugs;
  }

  mark(slug: string, mark: Mark, isSet: boolean): void {
    const known = this.#known.get(slug) ?? NOTHING;
    const marks = new Set(known.marks);
    if (!changeMark(marks, mark, isSet)) return;
    this.#put(slug, { ...known, marks });
    this.#change({ feed: slug, [isSet ? "set" : "unset"]: [mark] }, MARKED_MS);
  }

  save(): void {
    if (this.#untold.size > 0) void this.#tell();
  }

  #put(slug: string, known: Known): void {
    if (this.#known.get(slug)?.marks !== known.marks) this.#withMark.clear();
    this.#known.delete(slug);
    this.#known.set(slug, known);
    dropOldest(this.#known, ({ marks }) => marks.size > 0);
  }

  #change(change: MarksChange, delayMs: number): void {
    const { feed } = change;
    this.#kept.add(feed);
    this.#untold.set(feed, merged(this.#untold.get(feed), change));
    const isSeen = delayMs === SEEN_MS;
    this.#plan(isSeen ? Math.max(delayMs, this.#toldAt + PACE_MS - Date.now()) : delayMs);
  }

  #plan(delayMs: number): void {
    const dueAt = Date.now() + delayMs;
    if (dueAt >= this.#dueAt) return;
    clearTimeout(this.#timer);
    this.#dueAt = dueAt;
    this.#timer = setTimeout(() => {
      this.#dueAt = Number.POSITIVE_INFINITY;
      void (this.#isLoaded ? this.#tell() : this.#load());
    }, delayMs);
  }

  #onState(): void {
    const isOnline = this.client.state.kind === "online";
    // What others changed meanwhile was told to nobody here.
    this.#isLoaded = false;
    if (isOnline) void this.#load();
  }

  async #load(): Promise<void> {
    try {
      this.#take(await this.client.marks());
      this.#isLoaded = true;
      if (this.#untold.size > 0) await this.#tell();
    } catch {
      if (this.client.state.kind === "online") this.#plan(RETRY_MS);
    }
  }

  async #tell(): Promise<void> {
    if (!this.#isLoaded || this.#telling.length > 0) return;
    this.#toldAt = Date.now();
    const told = [...this.#untold.values()].slice(0, MAX_CHANGES);
    this.#telling = told;
    for (const { feed } of told) this.#untold.delete(feed);
    let delayMs = 0;
    try {
      await this.client.changeMarks(told);
    } catch (error) {
      delayMs = RETRY_MS;
      // What can't be read now will not be later.
      const isLost = (error as { condition?: string }).condition === "bad-request";
      for (const change of isLost ? [] : told) this.#putBack(change);
    } finally {
      this.#telling = [];
    }
    if (this.#untold.size > 0) this.#plan(delayMs);
  }

  #putBack(change: MarksChange): void {
    const { feed } = change;
    const later = this.#untold.get(feed);
    this.#untold.set(feed, later === undefined ? change : merged(change, later));
  }

  /** The server has these; what it was not told yet counts more. */
  #take(told: readonly FeedMarks[]): void {
    for (const { feed, seen, marks } of told) {
      const known = this.#known.get(feed) ?? NOTHING;
      const now = this.#seenOf(feed, known, seen);
      const { set = [], unset = [] } = this.#owedOf(feed) ?? {};
      this.#kept.add(feed);
      const left = [...marks, ...set].filter((mark) => !unset.includes(mark));
      this.#put(feed, { ...now, marks: new Set(left) });
    }
    this.onTold(told.map(({ feed }) => feed));
  }

  /** What the server may not know yet. */
  #owedOf(feed: string): MarksChange | undefined {
    const telling = this.#telling.find((change) => change.feed === feed);
    const untold = this.#untold.get(feed);
    return untold === undefined ? telling : merged(telling, untold);
  }

  #seenOf(feed: string, known: Known, told: Position | null): Omit<Known, "marks"> {
    const { seen, isAssumed } = known;
    if (told === null) return { seen, isAssumed };
    if (seen === null) return { seen: told, isAssumed: false };
    const untold = this.#untold.get(feed);
    if (seen.epoch !== told.epoch) {
      return this.#owedOf(feed)?.seen === undefined
        ? { seen: told, isAssumed: false }
        : { seen, isAssumed };
    }
    if (!isAssumed) return { seen: furthest(seen, told), isAssumed };
    if (untold !== undefined) this.#dropBeginning(untold);
    return { seen: told, isAssumed: false };
  }

  #dropBeginning({ seen: _, begins: __, ...rest }: MarksChange): void {
    if (rest.set === undefined && rest.unset === undefined) this.#untold.delete(rest.feed);
    else this.#untold.set(rest.feed, rest);
  }
}

/** One change out of two of a feed, the later one last. */
function merged(before: MarksChange | undefined, after: MarksChange): MarksChange {
  if (before === undefined) return after;
  const place = after.seen === undefined ? before : after;
  const both = (one: MarksChange["set"] = [], other: MarksChange["set"] = []) => [
    ...new Set([...one, ...other]),
  ];
  const set = both(before.set, after.set).filter((mark) => !after.unset?.includes(mark));
  const unset = both(before.unset, after.unset).filter((mark) => !after.set?.includes(mark));
  return {
    feed: after.feed,
    ...(place.seen && { seen: place.seen }),
    ...(place.begins && { begins: true }),
    ...(set.length > 0 && { set }),
    ...(unset.length > 0 && { unset }),
  };
}
