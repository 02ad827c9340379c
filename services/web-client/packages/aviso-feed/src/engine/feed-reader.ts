/**
 * Reads one feed from wherever its events can be had: live messages, the room's archive, REST.
 * Knows nothing of connections and timers; `catchUp` is called again after every gap.
 *
 * Three things are kept true:
 * - Only the follower decides what is given out; whatever a source says, it goes through it.
 * - The feed's epoch is what REST says. Where REST can't be asked, it is what the room said last.
 * - `after` is asked of the archive only with an id that the room gave to a message whose events
 *   were all given out: what is missing then always lies behind it.
 * - Whatever comes goes to the follower when it comes; nothing is thrown away because what was to
 *   follow it did not come.
 */

import { ApiError } from "../model/errors";
import type { FeedEvent } from "../model/event";
import type { Kept } from "../model/event-log";
import { type Batch, Follower, type Gap, type Position } from "../model/positions";
import { type BatchPage, MAX_EVENTS, type Range, type RowsPage } from "../protocol/answers";
import { RequestError } from "../protocol/iq";
import type { ReadStanza } from "../protocol/stanzas";
import { type Archived, ArchiveReader, type Wanted } from "./archive-reader";
import type { ProblemDetail, ResetDetail } from "./emitted";
import type { Filtered } from "./filtered";
import { Listing, PLACE_STEP } from "./listing";
import { PageSize } from "./page-size";
import type { ArchivePort, FeedPort } from "./ports";
import { ARCHIVE_PAGE } from "./room";
import { LaterRows, RowList } from "./row-list";

export type ReaderOutput = {
  /** In order, without hole, once. */
  events(events: readonly FeedEvent[], source: "live" | "archive" | "rest"): void;
  /** The position moved on over places that have nothing to give out. */
  moved(position: Position): void;
  /** What was given out so far belongs to another life of the feed, which begins after `position`. */
  reset(position: ResetDetail): void;
  problem(problem: ProblemDetail): void;
};

export type ReaderLimits = {
  /** With how many of the newest events it begins. */
  readonly history: number;
  /** Further behind than this, it begins with the newest again. */
  readonly catchUpLimit: number;
  /** What is given out; default: everything. */
  readonly filter?: Filtered | undefined;
};

/** A page over REST that takes less than this leaves the line free for another. */
const QUICK_MS = 1_000;

/** More live events than this are not kept while the epoch is unknown: the archive has them. */
const MAX_WAITING = 10_000;

/** Further behind than this, live events are not kept for later either: they are asked for again. */
const MAX_AHEAD = 20_000;

/** The same for the ids of batches that wait for something before them. */
const MAX_HELD = 10_000;

const TOO_OLD =
  "This page is too old for some of the feed's events. Reload it to get the current version.";

/** So long a page of rows waits for the events that it has already. */
const PAUSE_MS = 100;
const MOST_PAUSES = 50;

/** A batch that has to wait until it is known which epoch is the feed's. */
type Waiting = { readonly batch: Batch; readonly stanzaId: string | null };

/** A batch of the archive that was not given out, as something before it is missing. */
type Held = { readonly first: number; readonly last: number; readonly stanzaId: string };

export class FeedReader {
  readonly #follower = new Follower();
  /** The newest stanza-id up to which nothing is missing. */
  #anchor: string | null = null;
  #held: Held[] = [];
  /** When the newest event that was given out happened, in microseconds since 1970. */
  #since: bigint | null = null;
  readonly #archivePage = new PageSize({ first: 16, most: ARCHIVE_PAGE });
  readonly #restPage = new PageSize({ first: 250, most: MAX_EVENTS });
  #isQuick = false;
  #waiting: Waiting[] = [];
  /** A message came that could not be read: what it held is to be asked for. */
  #isUnsure = false;
  /** Something came that a later version of this library would understand. */
  #isOld = false;
  /** The last position that whoever listens was told. */
  #told: Position | null;
  /** Where the feed shows a table, or there is a filter: what of it was listed. */
  #listing: Listing | null = null;
  /** The list to begin with, while it is read. */
  #list: RowList | null = null;
  #laterRows: LaterRows | null = null;
  #isCut = false;
  /** What a list has of later events, which are not given out a second time. */
  #contained: readonly Gap[] = [];
  /** REST named the epoch that we follow. */
  #isConfirmed = false;

  constructor(
    private readonly feed: string,
    private readonly limits: ReaderLimits,
    position: Position | null,
    private readonly rest: FeedPort,
    private readonly output: ReaderOutput,
  ) {
    if (position === null) {
      this.#told = null;
      return;
    }
    const { contains = [], ...place } = position;
    this.#follower.begin(place);
    this.#contained = contains;
    this.#told = place;
  }

  get position(): Position | null {
    return this.#follower.position;
  }

  /** The position, with the later events that a list has: whoever goes on there is told nothing twice. */
  get standing(): Position | null {
    const { position } = this;
    const contains = this.#contained.filter(({ to }) => to > (position?.sequence ?? 0));
    return position === null || contains.length === 0 ? position : { ...position, contains };
  }

  /** The newest id of the archive up to which nothing is missing. */
  get anchor(): string | null {
    return this.#anchor;
  }

  /** Go on from what was kept. The list of a table is made anew: events alone do not say what it has. */
  restore({ position, anchor, isListed, events }: Kept): void {
    this.#follower.begin(position);
    this.#told = position;
    this.#anchor = anchor;
    this.#noteTime(events);
    if (!isListed) return;
    this.#listing = new Listing(position.sequence);
    this.#listing.isTorn = true;
  }

  /** The list that it began with is not all that there is. */
  get isCut(): boolean {
    return this.#isCut;
  }

  /** How many events are known to exist and were not given out. */
  get left(): number {
    return this.#follower.left;
  }

  /** Something is missing, or may be: `catchUp` is due. */
  get isBehind(): boolean {
    return this.#isUnsure || this.#waiting.length > 0 || this.#follower.gap !== null;
  }

  /** Begin with the history again: what was given out so far is shown to nobody any more. */
  forget(): void {
    this.#follower.forget();
    this.#loseBearings();
    this.#waiting = [];
    this.#isUnsure = false;
    this.#isConfirmed = false;
    this.#told = null;
  }

  takeLive(read: ReadStanza, stanzaId: string | null): void {
    const batch = this.#batchOf(read);
    if (batch === null) return;
    if (this.left > MAX_AHEAD && batch.first > (this.#follower.gap?.from ?? 0)) {
      this.#follower.learn(batch.epoch, batch.last);
      return;
    }
    const offered = this.#follower.offer(batch);
    if (offered.kind === "other-epoch") {
      const count = this.#waiting.reduce((sum, each) => sum + each.batch.items.length, 1);
      if (count < MAX_WAITING) this.#waiting.push({ batch, stanzaId });
      return;
    }
    this.#hold(batch, stanzaId);
    this.#give(offered.events, "live");
  }

  /**
   * Make the feed complete as far as can be known now.
   *
   * 1. Ask what exists: the archive's newest message, and REST's head if `asksRest`, if the epoch is
   *    in doubt, or if the archive does not answer.
   * 2. Settle the epoch; begin with the history if there is no position in it.
   * 3. Fill: from the archive behind the anchor, over REST, from the archive's end backwards.
   *
   * Rejects with ApiError or RequestError where trying again may help, also where REST has filled in
   * for an archive that fails; what was read until then stays. `port` null: there is no room yet.
   */
  async catchUp(port: ArchivePort | null, asksRest: boolean): Promise<void> {
    const archive = port && new ArchiveReader(port, this.#archivePage, () => this.#reportOld());
    const { newest, failure } = await this.#newest(archive);
    const before = this.position;
    const isAsked = asksRest || failure !== null || this.#isInDoubt(newest);
    const info = isAsked ? await this.#askRest() : null;
    const epoch = this.#settleEpoch(info, newest);
    const isBlind = this.#isUnsure || epoch === null || this.#listing?.isTorn;
    if (info?.error && !info.error.isFinal && isBlind) throw info.error;
    if (failure !== null && info?.error) throw info.error.isFinal ? failure : info.error;
    this.#isUnsure = false;
    if (epoch === null) return;
    this.#isConfirmed = info?.epoch === epoch || (this.#isConfirmed && epoch === before?.epoch);

    const isAhead = info?.epoch === epoch && before?.epoch === epoch && info.head < before.sequence;
    const head = Math.max(
      info?.epoch === epoch ? info.head : 0,
      newest?.batch.epoch === epoch ? newest.batch.last : 0,
    );
    const isFar = epoch === before?.epoch && head - before.sequence > this.limits.catchUpLimit;
    if (epoch !== this.position?.epoch || isAhead || isFar || this.#listing?.isTorn) {
      await this.#beginEpoch(epoch, info, newest, archive);
    }
    this.#takeWaiting();
    if (info?.epoch === epoch) this.#follower.learn(epoch, info.head);
    if (newest) this.#take(newest.batch, newest.stanzaId, "archive");

    const { gap } = this.#follower;
    const hasArchive = newest?.batch.epoch === epoch && newest.batch.last >= (gap?.from ?? 0);
    await this.#fill(hasArchive ? archive : null);
    if (failure !== null) throw failure;
  }

  #isInDoubt(newest: Archived | null): boolean {
    const epoch = this.position?.epoch;
    const isOther = newest !== null && newest.batch.epoch !== epoch;
    const isTorn = this.#listing?.isTorn ?? false;
    return this.#isUnsure || this.#waiting.length > 0 || epoch === undefined || isOther || isTorn;
  }

  async #askRest(): Promise<RestAnswer> {
    try {
      const { epoch, head, table } = await this.rest.feed();
      return { epoch, head, isTable: table != null, error: null };
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      return { epoch: null, head: 0, isTable: false, error };
    }
  }

  async #newest(
    archive: ArchiveReader | null,
  ): Promise<{ newest: Archived | null; failure: RequestError | null }> {
    try {
      const newest = (await archive?.newest(this.#anchor, this.#since)) ?? null;
      if (newest !== "unreadable") return { newest, failure: null };
      // Whatever it held exists: REST will say.
      this.#isUnsure = true;
      return { newest: null, failure: null };
    } catch (error) {
      // REST is another way; where the stream is gone, its end is dealt with elsewhere.
      if (!(error instanceof RequestError) || error.condition === "gone") throw error;
      return { newest: null, failure: error };
    }
  }

  /**
   * An archive may still end in an epoch that is over, so its word counts only against an epoch
   * that REST never named.
   */
  #settleEpoch(info: RestAnswer | null, newest: Archived | null): string | null {
    const ours = this.position?.epoch ?? null;
    const lastWord = this.#waiting.at(-1)?.batch.epoch;
    const isKept = info === null || this.#isConfirmed;
    return info?.epoch ?? lastWord ?? (isKept ? ours : null) ?? newest?.batch.epoch ?? ours;
  }

  /** From here on the feed is `epoch`'s: its newest events first, as at a first start. */
  async #beginEpoch(
    epoch: string,
    info: RestAnswer | null,
    newest: Archived | null,
    archive: ArchiveReader | null,
  ): Promise<void> {
    const { filter } = this.limits;
    const isListed = filter !== undefined || info?.isTable;
    if (info?.epoch === epoch && isListed && this.limits.history > 0) {
      await this.#beginWithList(epoch);
      return;
    }
    if (filter !== undefined && info?.epoch !== epoch) {
      // Only REST can say what matches.
      throw info?.error ?? new ApiError(0, "What matches the filter was not asked yet.");
    }
    filter?.begin([]);
    if (info?.epoch === epoch) {
      this.#beginAnew({ epoch, sequence: Math.max(0, info.head - this.limits.history) });
      return;
    }
    const found = archive === null ? [] : await this.#readHistory(archive, epoch);
    const batches = [...found, ...this.#waiting, ...(newest ? [newest] : [])]
      .map(({ batch }) => batch)
      .filter((batch) => batch.epoch === epoch);
    const lowest = Math.min(...batches.map((batch) => batch.first));
    const highest = Math.max(...batches.map((batch) => batch.last));
    this.#beginAnew({ epoch, sequence: Math.max(lowest - 1, highest - this.limits.history) });
    for (const { batch, stanzaId } of found) this.#take(batch, stanzaId, "archive");
  }

  /** What REST lists now, and the events from there on: its past need not have been told. */
  async #beginWithList(epoch: string): Promise<void> {
    if (this.#list?.epoch !== epoch) this.#list = new RowList(epoch, this.limits.history);
    const list = this.#list;
    try {
      await list.read(this.rest);
    } catch (error) {
      // Where it stopped nobody may know any more.
      if (error instanceof ApiError && error.isFinal) this.#list = null;
      throw error;
    }
    const { pages, isCut } = list;
    const [first] = pages as [RowsPage];
    this.#beginAnew({ epoch, sequence: first.sequence }, true);
    this.#contained = first.contains;
    const later = new LaterRows(pages);
    this.#laterRows = later.isPast(first.sequence) ? null : later;
    this.#isCut = isCut;
    const listing = new Listing(first.sequence);
    this.#listing = listing;
    const listed = pages.map((page) => this.#makeListed(page, listing)).reverse();
    this.limits.filter?.begin(listed.flat());
    if (listed.flat().length > 0) this.output.events(listed.flat(), "rest");
  }

  /**
   * Up to `limit` rows below the place `before`, and perhaps some that stand above it, as the feed's
   * table has them now, the newest last; null where the feed shows none. What they are newer than was
   * given out before. Rejects with ApiError.
   */
  async listFurther(before: number, limit: number): Promise<readonly FeedEvent[] | null> {
    const listing = this.#listing;
    if (listing === null) return null;
    if (listing.isTorn) throw new ApiError(0, "The feed's table was not asked yet.");
    listing.goBackTo(before);
    if (listing.isAtEnd || limit < 1) return [];
    const page = await this.rest.rows(listing.cursor, limit);
    const upTo = Math.max(page.sequence, ...page.contains.map(({ to }) => to));
    for (let pauses = 0; (this.position?.sequence ?? 0) < upTo; pauses += 1) {
      if (pauses === MOST_PAUSES || this.#listing !== listing) break;
      await this.rest.pause(PAUSE_MS);
    }
    if (this.#listing !== listing || page.epoch !== this.position?.epoch) return [];
    if (this.position.sequence < upTo) {
      throw new ApiError(0, "The feed's newest events did not come yet.");
    }
    return this.#makeListed(page, listing);
  }

  /** In the order of their places, each below all before. */
  #makeListed({ epoch, sequence, rows, cursor }: RowsPage, listing: Listing): FeedEvent[] {
    const time = new Date(this.rest.wall()).toISOString();
    const first = listing.take(rows.length, cursor);
    const events = rows.map((row, index): FeedEvent => {
      const place = first - index * PLACE_STEP;
      const id = `listed:${place}`;
      const shared = { id, feed: this.feed, epoch, sequence, time, subject: row.id, place };
      if (!("cause" in row)) return { ...shared, type: "listed", record: row };
      const unavailable = { event_id: null, type: null, cause: row.cause };
      return { ...shared, type: "unavailable", unavailable };
    });
    return events.reverse();
  }

  /** `isWhole`: what stands at the position is given out too, so that nothing is skipped. */
  #beginAnew(position: Position, isWhole = false): void {
    const before = this.position;
    const skipped = { from: (before?.sequence ?? 0) + 1, to: position.sequence };
    const isPassed = before?.epoch === position.epoch && skipped.to >= skipped.from;
    const isSkip = isPassed && !isWhole;
    this.#follower.forget();
    this.#loseBearings();
    if (before !== null) this.output.reset({ ...position, ...(isSkip && { skipped }) });
    this.#follower.begin(position);
    this.#told = position;
  }

  /** The archive's newest messages of the epoch, about `history` events or what can be had, in order. */
  async #readHistory(archive: ArchiveReader, epoch: string): Promise<Archived[]> {
    const found: Archived[] = [];
    let count = 0;
    try {
      for await (const batches of archive.backwards(null, this.limits.history)) {
        const ours = batches.filter(({ batch }) => batch.epoch === epoch);
        found.unshift(...ours);
        count += ours.reduce((sum, { batch }) => sum + batch.items.length, 0);
        if (ours.length < batches.length || count >= this.limits.history) break;
      }
    } catch (error) {
      if (!isExpected(error) || isGone(error) || found.length === 0) throw error;
    }
    return found;
  }

  /** What came in another epoch than the feed's is of the past and is dropped. */
  #takeWaiting(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const { batch, stanzaId } of waiting) this.#take(batch, stanzaId, "archive");
  }

  /**
   * Fill hole after hole: first from the archive behind the anchor, then over REST, which gives what
   * is missing from its beginning on; only then from the archive's end backwards, where nothing can
   * be given out before the last page is there.
   *
   * Only REST's word that it has these events no more makes them missing: an error says nothing.
   */
  async #fill(archive: ArchiveReader | null): Promise<void> {
    while (this.#follower.gap !== null) {
      const { position } = this;
      const anchor = this.#anchor;
      const failures: unknown[] = [];
      const attempt = async (source: () => Promise<void>): Promise<void> => {
        if (this.#follower.gap === null) return;
        try {
          await source();
        } catch (error) {
          if (!isExpected(error) || isGone(error) || this.#isUnsure) throw error;
          failures.push(error);
        }
      };
      if (anchor !== null && archive !== null) {
        await attempt(() =>
          archive.after(
            anchor,
            () => this.#wanted(),
            (each) => this.#takeOne(each),
          ),
        );
      }
      await attempt(() => this.#fillOverRest());
      if (anchor === null && archive !== null) await attempt(() => this.#fillBackwards(archive));
      if (this.position !== position) continue;
      if (failures.length > 0) throw failures.at(-1);
      this.#skipGap();
    }
  }

  /** A message has one event or more. */
  #wanted(): Wanted | null {
    const { gap } = this.#follower;
    if (gap === null) return null;
    const above = this.#held.find(({ first }) => first === gap.to + 1);
    const end = above === undefined ? null : BigInt(above.stanzaId) - 1n;
    return { most: gap.to - gap.from + 1, end };
  }

  async #fillBackwards(archive: ArchiveReader): Promise<void> {
    const wanted = this.#follower.gap?.from;
    const epoch = this.position?.epoch;
    if (wanted === undefined) return;
    const { most, end } = this.#wanted() ?? { most: 1, end: null };
    for await (const batches of archive.backwards(end, most, (each) => this.#takeOne(each))) {
      const isReached = batches.some(({ batch }) => batch.epoch !== epoch || batch.first <= wanted);
      if (isReached || this.#follower.gap?.from !== wanted) return;
    }
  }

  /** Returns when the hole is filled, or when REST says that it has none of it any more. */
  async #fillOverRest(): Promise<void> {
    let ahead: Ahead | null = null;
    for (let { gap } = this.#follower; gap !== null; gap = this.#follower.gap) {
      const after = gap.from - 1;
      ahead = ahead?.after === after ? ahead : this.#ask(after, gap.to);
      const page = await ahead.page;
      ahead = this.#readAhead(page, gap.to);
      const position = this.position;
      if (page.epoch !== position?.epoch) {
        this.#isUnsure = true;
        throw new ApiError(0, "The feed began a new epoch meanwhile.");
      }
      if (page.unknownTypes.length > 0) this.#reportOld();
      if (page.unreadable > 0) this.#report("malformed", "The server sent an event that is none.");
      if (page.batch !== null) this.#take(page.batch, null, "rest");
      if (this.position !== position || this.#follower.gap?.from !== gap.from) continue;
      if (page.batch === null || page.head < gap.from) {
        throw new ApiError(0, "The feed's newest events cannot be read yet.");
      }
      return;
    }
  }

  #ask(after: number, to: number): Ahead {
    const limit = Math.min(this.#restPage.size, to - after);
    return { after, page: this.#readOverRest({ after, limit }) };
  }

  /**
   * Ask for what follows a page while that is given out. Not over a line that is slow, where live
   * messages would stand behind both.
   */
  #readAhead({ batch }: BatchPage, to: number): Ahead | null {
    if (batch === null || batch.last >= to || !this.#isQuick) return null;
    const ahead = this.#ask(batch.last, to);
    // Whoever takes it is told; perhaps nobody does.
    ahead.page.catch(() => {});
    return ahead;
  }

  async #readOverRest(range: Range): Promise<BatchPage> {
    const askedAt = this.rest.now();
    try {
      const page = await this.rest.events(range);
      const count = page.batch?.items.length ?? 0;
      const ms = this.rest.now() - askedAt;
      this.#isQuick = ms < QUICK_MS;
      this.#restPage.learn({ count, bytes: 0, ms });
      return page;
    } catch (error) {
      // Refused is not the same as too much.
      if (error instanceof ApiError && error.status === 0) this.#restPage.shrink();
      throw error;
    }
  }

  /** Nobody has these events any more. The feed has to begin anew behind them: no hole is shown. */
  #skipGap(): void {
    const gap = this.#follower.gap;
    const position = this.position;
    if (gap === null || position === null) return;
    this.#report("missing", `Events ${gap.from} to ${gap.to} can no longer be read.`);
    if (this.#listing !== null || this.limits.filter !== undefined) {
      // The list itself has what they said.
      this.#tear();
      throw new ApiError(0, "The feed begins anew with what its table says.");
    }
    const next = { epoch: position.epoch, sequence: gap.to };
    this.output.reset(next);
    this.#told = next;
    this.#give(this.#follower.begin(next), "archive");
  }

  #takeOne({ batch, stanzaId }: Archived): void {
    this.#take(batch, stanzaId, "archive");
  }

  #take(batch: Batch, stanzaId: string | null, source: "archive" | "rest"): void {
    const offered = this.#follower.offer(batch);
    if (offered.kind === "other-epoch") return;
    this.#hold(batch, stanzaId);
    this.#give(offered.events, source);
  }

  #give(events: readonly FeedEvent[], source: "live" | "archive" | "rest"): void {
    const position = this.position;
    this.#moveAnchor();
    if (position === this.#told) return;
    this.#told = position;
    this.#noteTime(events);
    if (events.some(({ type }) => type === "reset")) this.#isCut = false;
    const fresh = this.#fresh(events);
    if (this.#laterRows?.isPast(position?.sequence ?? 0)) this.#laterRows = null;
    if (fresh.length > 0) this.output.events(fresh, source);
    else if (position !== null) this.output.moved(position);
  }

  #noteTime(events: readonly FeedEvent[]): void {
    const time = Date.parse(events.at(-1)?.time ?? "");
    if (!Number.isNaN(time)) this.#since = BigInt(time) * 1000n;
  }

  /** Those that say something which is not known from a list, to whoever sees what matches. */
  #fresh(events: readonly FeedEvent[]): readonly FeedEvent[] {
    const { filter } = this.limits;
    const hasList = this.#contained.length > 0 || this.#laterRows !== null;
    if (filter === undefined && !hasList) return events;
    return events.flatMap((event) => {
      if (this.#has(event)) return [];
      if (event.type === "reset" && this.#laterRows !== null) this.#tear();
      return (filter === undefined ? event : filter.pass(event)) ?? [];
    });
  }

  /** Whether the list that we began with has what this event says. */
  #has(event: FeedEvent): boolean {
    const { sequence } = event;
    const isContained = this.#contained.some(({ from, to }) => from <= sequence && sequence <= to);
    return isContained || (this.#laterRows?.has(event) ?? false);
  }

  /** Events cannot bring what was listed up to date: it is to be listed anew. */
  #tear(): void {
    this.#listing ??= new Listing(this.position?.sequence ?? 0);
    this.#listing.isTorn = true;
    this.#isUnsure = true;
  }

  #hold({ epoch, first, last }: Batch, stanzaId: string | null): void {
    if (stanzaId === null || epoch !== this.position?.epoch) return;
    // More than is kept is found in the archive again.
    if (this.#held.length < MAX_HELD) this.#held.push({ first, last, stanzaId });
  }

  /** Up to the newest message whose events were all given out. */
  #moveAnchor(): void {
    const sequence = this.position?.sequence ?? 0;
    if (this.#held.length === 0) return;
    for (const { last, stanzaId } of this.#held) {
      const isNewer = this.#anchor === null || BigInt(stanzaId) > BigInt(this.#anchor);
      if (last <= sequence && isNewer) this.#anchor = stanzaId;
    }
    this.#held = this.#held.filter(({ last }) => last > sequence);
  }

  /** Nothing is known of the room's ids any more. */
  #loseBearings(): void {
    this.#listing = null;
    this.#list = null;
    this.#laterRows = null;
    this.#isCut = false;
    this.#contained = [];
    this.#anchor = null;
    this.#held = [];
    this.#since = null;
  }

  #batchOf(read: ReadStanza): Batch | null {
    if (read.kind === "other") return null;
    if (read.kind === "batch") {
      if (read.unknownTypes.length > 0) this.#reportOld();
      return read.batch;
    }
    // Whatever it held exists: the archive or REST will say.
    this.#isUnsure = true;
    if (read.kind === "malformed") {
      this.#report("malformed", `A message of the feed could not be read: ${read.reason}.`);
    } else if (read.isNewer) this.#reportOld();
    return null;
  }

  /** Once: it stays as old as it is. */
  #reportOld(): void {
    if (!this.#isOld) this.#report("page-too-old", TOO_OLD);
    this.#isOld = true;
  }

  #report(code: ProblemDetail["code"], message: string): void {
    this.output.problem({ code, message });
  }
}

/** A page over REST that was asked for: what follows `after`. */
type Ahead = { readonly after: number; readonly page: Promise<BatchPage> };

type RestAnswer =
  | {
      readonly epoch: string;
      readonly head: number;
      readonly isTable: boolean;
      readonly error: null;
    }
  | {
      readonly epoch: null;
      readonly head: 0;
      readonly isTable: false;
      readonly error: ApiError;
    };

const isExpected = (error: unknown): boolean =>
  error instanceof ApiError || error instanceof RequestError;

/** The stream died, or the client was stopped. */
const isGone = (error: unknown): boolean =>
  error instanceof RequestError && error.condition === "gone";
