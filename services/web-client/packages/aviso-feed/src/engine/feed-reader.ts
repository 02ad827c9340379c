/**
 * Makes one feed complete, from wherever its events can be had: live messages, the room's archive
 * (archive-reader.ts), REST (rest-reader.ts), and what is listed of a table (listed-rows.ts).
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
import { type Batch, Follower, type Position } from "../model/positions";
import { RequestError } from "../protocol/iq";
import type { ReadStanza } from "../protocol/stanzas";
import { ArchiveAnchor } from "./archive-anchor";
import { type Archived, ArchiveReader, type Wanted } from "./archive-reader";
import type { ProblemDetail, ResetDetail } from "./emitted";
import type { Filtered } from "./filtered";
import { ListedRows } from "./listed-rows";
import { PageSize } from "./page-size";
import type { ArchivePort, FeedPort } from "./ports";
import { type Ahead, type RestAnswer, RestReader } from "./rest-reader";
import { ARCHIVE_PAGE } from "./room";

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

/** More live events than this are not kept while the epoch is unknown: the archive has them. */
const MAX_WAITING = 10_000;

/** Further behind than this, live events are not kept for later either: they are asked for again. */
const MAX_AHEAD = 20_000;

const TOO_OLD =
  "This page is too old for some of the feed's events. Reload it to get the current version.";

/** A batch that has to wait until it is known which epoch is the feed's. */
type Waiting = { readonly batch: Batch; readonly stanzaId: string | null };

export class FeedReader {
  readonly #follower = new Follower();
  readonly #anchor = new ArchiveAnchor();
  readonly #archivePage = new PageSize({ first: 16, most: ARCHIVE_PAGE });
  readonly #rest: RestReader;
  /** Where the feed shows a table, or there is a filter. */
  readonly #listed: ListedRows;
  #waiting: Waiting[] = [];
  /** A message came that could not be read: what it held is to be asked for. */
  #isUnsure = false;
  /** Something came that a later version of this library would understand. */
  #isOld = false;
  /** The last position that whoever listens was told. */
  #told: Position | null;
  /** REST named the epoch that we follow. */
  #isConfirmed = false;

  constructor(
    feed: string,
    private readonly limits: ReaderLimits,
    position: Position | null,
    rest: FeedPort,
    private readonly output: ReaderOutput,
  ) {
    this.#rest = new RestReader(rest);
    this.#listed = new ListedRows(feed, rest);
    if (position === null) {
      this.#told = null;
      return;
    }
    const { contains = [], ...place } = position;
    this.#follower.begin(place);
    this.#listed.takeContained(contains);
    this.#told = place;
  }

  get position(): Position | null {
    return this.#follower.position;
  }

  /** The position, with the later events that a list has: whoever goes on there is told nothing twice. */
  get standing(): Position | null {
    const { position } = this;
    const contains = this.#listed.containedBehind(position?.sequence ?? 0);
    return position === null || contains.length === 0 ? position : { ...position, contains };
  }

  /** The newest id of the archive up to which nothing is missing. */
  get anchor(): string | null {
    return this.#anchor.id;
  }

  /** Go on from what was kept. The list of a table is made anew: events alone do not say what it has. */
  restore({ position, anchor, isListed, events }: Kept): void {
    this.#follower.begin(position);
    this.#told = position;
    this.#anchor.restore(anchor);
    this.#anchor.noteTime(events);
    if (isListed) this.#listed.tear(position.sequence);
  }

  /** The list that it began with is not all that there is. */
  get isCut(): boolean {
    return this.#listed.isCut;
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
    const info = isAsked ? await this.#rest.about() : null;
    const epoch = this.#settleEpoch(info, newest);
    const isBlind = this.#isUnsure || epoch === null || this.#listed.isTorn;
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
    if (epoch !== this.position?.epoch || isAhead || isFar || this.#listed.isTorn) {
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
    const isUnknown = epoch === undefined || isOther || this.#listed.isTorn;
    return this.#isUnsure || this.#waiting.length > 0 || isUnknown;
  }

  async #newest(
    archive: ArchiveReader | null,
  ): Promise<{ newest: Archived | null; failure: RequestError | null }> {
    try {
      const newest = (await archive?.newest(this.#anchor.id, this.#anchor.since)) ?? null;
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
    const list = await this.#listed.read(epoch, this.limits.history);
    this.#beginAnew({ epoch, sequence: list.sequence }, true);
    const events = this.#listed.begin(list);
    this.limits.filter?.begin(events);
    if (events.length > 0) this.output.events(events, "rest");
  }

  /**
   * Up to `limit` rows below the place `before`, and perhaps some that stand above it, as the feed's
   * table has them now, the newest last; null where the feed shows none. What they are newer than was
   * given out before. Rejects with ApiError.
   */
  listFurther(before: number, limit: number): Promise<readonly FeedEvent[] | null> {
    return this.#listed.listFurther(before, limit, () => this.position);
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
      const anchor = this.#anchor.id;
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
    return { most: gap.to - gap.from + 1, end: this.#anchor.endBefore(gap.to + 1) };
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
      ahead = ahead?.after === after ? ahead : this.#rest.ask(after, gap.to);
      const page = await ahead.page;
      ahead = this.#rest.askAhead(page, gap.to);
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

  /** Nobody has these events any more. The feed has to begin anew behind them: no hole is shown. */
  #skipGap(): void {
    const gap = this.#follower.gap;
    const position = this.position;
    if (gap === null || position === null) return;
    this.#report("missing", `Events ${gap.from} to ${gap.to} can no longer be read.`);
    if (this.#listed.isThere || this.limits.filter !== undefined) {
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
    this.#anchor.moveTo(position?.sequence ?? 0);
    if (position === this.#told) return;
    this.#told = position;
    this.#anchor.noteTime(events);
    if (events.some(({ type }) => type === "reset")) this.#listed.isCut = false;
    const fresh = this.#fresh(events);
    this.#listed.pass(position?.sequence ?? 0);
    if (fresh.length > 0) this.output.events(fresh, source);
    else if (position !== null) this.output.moved(position);
  }

  /** Those that say something which is not known from a list, to whoever sees what matches. */
  #fresh(events: readonly FeedEvent[]): readonly FeedEvent[] {
    const { filter } = this.limits;
    if (filter === undefined && !this.#listed.hasLater) return events;
    return events.flatMap((event) => {
      if (this.#listed.has(event)) return [];
      if (event.type === "reset" && this.#listed.hasLaterRows) this.#tear();
      return (filter === undefined ? event : filter.pass(event)) ?? [];
    });
  }

  /** Events cannot bring what was listed up to date: it is to be listed anew. */
  #tear(): void {
    this.#listed.tear(this.position?.sequence ?? 0);
    this.#isUnsure = true;
  }

  #hold(batch: Batch, stanzaId: string | null): void {
    if (stanzaId !== null && batch.epoch === this.position?.epoch) {
      this.#anchor.hold(batch, stanzaId);
    }
  }

  /** Nothing is known of the room's ids any more, nor of what was listed. */
  #loseBearings(): void {
    this.#listed.clear();
    this.#anchor.clear();
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

const isExpected = (error: unknown): boolean =>
  error instanceof ApiError || error instanceof RequestError;

/** The stream died, or the client was stopped. */
const isGone = (error: unknown): boolean =>
  error instanceof RequestError && error.condition === "gone";
