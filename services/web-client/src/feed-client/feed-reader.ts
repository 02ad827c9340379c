/**
 * Reads one feed from wherever its events can be had: live messages, the room's archive, REST.
 * Knows nothing of connections and timers; `catchUp` is called again after every gap.
 *
 * Three things are kept true:
 * - Only the follower decides what is given out; whatever a source says, it goes through it.
 * - The feed's epoch is what REST says. Where REST can't be asked, it is what the room said last.
 * - `after` is asked of the archive only with an id that the room gave to a message whose events
 *   were all given out: what is missing then always lies behind it.
 */

import { type Batch, Follower } from "./positions";
import { ApiError, type BatchPage, MAX_EVENTS, type Range } from "./rest";
import type { ArchivePage, ArchiveRange } from "./room";
import { readStanza } from "./stanzas";
import type { ArchiveResult } from "./trust";
import type { FeedEvent, FeedInfo, Position, ProblemDetail } from "./types";
import { RequestError } from "./wire";

export type ReaderOutput = {
  /** In order, without hole, once. */
  events(events: readonly FeedEvent[], source: "live" | "archive" | "rest"): void;
  /** The position moved on over places that have nothing to give out. */
  moved(position: Position): void;
  /** What was given out so far belongs to another life of the feed, which begins after `position`. */
  reset(position: Position): void;
  problem(problem: ProblemDetail): void;
};

export type RestPort = {
  feed(): Promise<Pick<FeedInfo, "epoch" | "head">>;
  events(range: Range): Promise<BatchPage>;
};

export type ArchivePort = { page(range: ArchiveRange, max?: number): Promise<ArchivePage> };

/** More live batches than this are not kept while the epoch is unknown: the archive has them. */
const MAX_WAITING = 1000;

const TOO_OLD =
  "This page is too old for some of the feed's events. Reload it to get the current version.";

/** A batch that has to wait until it is known which epoch is the feed's. */
type Waiting = { readonly batch: Batch; readonly stanzaId: string | null };

type Newest = { readonly batch: Batch; readonly stanzaId: string };

export class FeedReader {
  readonly #follower = new Follower();
  /** The newest stanza-id up to which nothing is missing. */
  #anchor: string | null = null;
  #waiting: Waiting[] = [];
  /** A message came that could not be read: what it held is to be asked for. */
  #isUnsure = false;
  /** The last position that whoever listens was told. */
  #told: Position | null;
  /** REST named the epoch that we follow. */
  #isConfirmed = false;

  constructor(
    private readonly feed: string,
    private readonly history: number,
    position: Position | null,
    private readonly rest: RestPort,
    private readonly output: ReaderOutput,
  ) {
    if (position !== null) this.#follower.begin(position);
    this.#told = position;
  }

  get position(): Position | null {
    return this.#follower.position;
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
    this.#anchor = null;
    this.#waiting = [];
    this.#isUnsure = false;
    this.#isConfirmed = false;
    this.#told = null;
  }

  takeLive(message: Element, stanzaId: string | null): void {
    const batch = this.#read(message);
    if (batch === null) return;
    const offered = this.#follower.offer(batch);
    if (offered.kind === "other-epoch") {
      if (this.#waiting.length < MAX_WAITING) this.#waiting.push({ batch, stanzaId });
      return;
    }
    this.#moveAnchor(batch, stanzaId);
    this.#give(offered.events, "live");
  }

  /**
   * Make the feed complete as far as can be known now.
   *
   * 1. Ask what exists: the archive's newest message, and REST's head if `asksRest` or if the
   *    epoch is in doubt.
   * 2. Settle the epoch; begin with the history if there is no position in it.
   * 3. Fill from the archive, then over REST.
   *
   * Rejects with ApiError or RequestError where trying again may help; what was read until then
   * stays. `archive` null: there is no room yet.
   */
  async catchUp(archive: ArchivePort | null, asksRest: boolean): Promise<void> {
    const newest = archive && (await this.#newest(archive));
    const before = this.position;
    const info = asksRest || this.#isInDoubt(newest) ? await this.#askRest() : null;
    const epoch = this.#settleEpoch(info, newest);
    if (info?.error && !info.error.isFinal && (this.#isUnsure || epoch === null)) throw info.error;
    this.#isUnsure = false;
    if (epoch === null) return;
    this.#isConfirmed = info?.epoch === epoch || (this.#isConfirmed && epoch === before?.epoch);

    const isAhead = info?.epoch === epoch && before?.epoch === epoch && info.head < before.sequence;
    if (epoch !== this.position?.epoch || isAhead) {
      await this.#beginEpoch(epoch, info, newest, archive);
    }
    this.#takeWaiting();
    if (info?.epoch === epoch) this.#follower.learn(epoch, info.head);
    if (newest) this.#follower.learn(newest.batch.epoch, newest.batch.last);
    if (newest) this.#moveAnchor(newest.batch, newest.stanzaId);

    if (archive && newest && this.#isBelow(newest.batch)) await this.#fillFromArchive(archive);
    while (this.#follower.gap !== null) await this.#fillOverRest(archive !== null);
  }

  #isInDoubt(newest: Newest | null): boolean {
    const epoch = this.position?.epoch;
    const isOther = newest !== null && newest.batch.epoch !== epoch;
    return this.#isUnsure || this.#waiting.length > 0 || epoch === undefined || isOther;
  }

  async #askRest(): Promise<RestAnswer> {
    try {
      const { epoch, head } = await this.rest.feed();
      return { epoch, head, error: null };
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      return { epoch: null, head: 0, error };
    }
  }

  async #newest(archive: ArchivePort): Promise<Newest | null> {
    const { results } = await readArchive(archive, { before: null }, 1);
    const result = results.at(-1);
    const read = result && readStanza(result.message, this.feed);
    return read?.kind === "batch" ? { batch: read.batch, stanzaId: result?.stanzaId ?? "" } : null;
  }

  /**
   * An archive may still end in an epoch that is over, so its word counts only against an epoch
   * that REST never named.
   */
  #settleEpoch(info: RestAnswer | null, newest: Newest | null): string | null {
    const ours = this.position?.epoch ?? null;
    const lastWord = this.#waiting.at(-1)?.batch.epoch;
    const isKept = info === null || this.#isConfirmed;
    return info?.epoch ?? lastWord ?? (isKept ? ours : null) ?? newest?.batch.epoch ?? ours;
  }

  /** From here on the feed is `epoch`'s: its newest events first, as at a first start. */
  async #beginEpoch(
    epoch: string,
    info: RestAnswer | null,
    newest: Newest | null,
    archive: ArchivePort | null,
  ): Promise<void> {
    if (info?.epoch === epoch) {
      this.#beginAnew({ epoch, sequence: Math.max(0, info.head - this.history) });
      return;
    }
    const found = archive === null ? [] : await this.#readHistory(archive, epoch);
    const batches = [...found, ...this.#waiting, ...(newest ? [newest] : [])]
      .map(({ batch }) => batch)
      .filter((batch) => batch.epoch === epoch);
    const lowest = Math.min(...batches.map((batch) => batch.first));
    const highest = Math.max(...batches.map((batch) => batch.last));
    this.#beginAnew({ epoch, sequence: Math.max(lowest - 1, highest - this.history) });
    for (const { batch, stanzaId } of found) this.#take(batch, stanzaId, "archive");
  }

  #beginAnew(position: Position): void {
    const isFirst = this.position === null;
    this.#follower.forget();
    this.#anchor = null;
    if (!isFirst) this.output.reset(position);
    this.#follower.begin(position);
    this.#told = position;
  }

  /** The archive's newest messages of the epoch, about `history` events, in order. */
  async #readHistory(archive: ArchivePort, epoch: string): Promise<Waiting[]> {
    const found: Waiting[] = [];
    let count = 0;
    let before: string | null = null;
    do {
      const page: ArchivePage = await readArchive(archive, { before });
      const batches = this.#readPage(page);
      const ours = batches.filter(({ batch }) => batch.epoch === epoch);
      found.unshift(...ours);
      count += ours.reduce((sum, { batch }) => sum + batch.items.length, 0);
      if (ours.length < batches.length || count >= this.history) break;
      before = page.first;
    } while (before !== null);
    return found;
  }

  /** What came in another epoch than the feed's is of the past and is dropped. */
  #takeWaiting(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const { batch, stanzaId } of waiting) this.#take(batch, stanzaId, "archive");
  }

  /** Forwards from the anchor; without one, backwards from the end down to our position. */
  async #fillFromArchive(archive: ArchivePort): Promise<void> {
    if (this.#anchor !== null) {
      let after: string | null = this.#anchor;
      while (after !== null && this.#follower.gap !== null) {
        const page: ArchivePage = await readArchive(archive, { after });
        this.#takePage(page);
        after = page.last;
      }
      return;
    }
    let before: string | null = null;
    do {
      const wanted = this.#follower.gap?.from;
      if (wanted === undefined) return;
      const page: ArchivePage = await readArchive(archive, { before });
      const epoch = this.position?.epoch;
      const batches = this.#takePage(page);
      const isReached = batches.some(({ batch }) => batch.epoch !== epoch || batch.first <= wanted);
      before = isReached ? null : page.first;
    } while (before !== null);
  }

  /** `isLast`: what REST does not have either, nobody has. */
  async #fillOverRest(isLast: boolean): Promise<void> {
    const gap = this.#follower.gap;
    if (gap === null) return;
    const limit = Math.min(MAX_EVENTS, gap.to - gap.from + 1);
    let page: BatchPage;
    try {
      page = await this.rest.events({ after: gap.from - 1, limit });
    } catch (error) {
      if (!isLast || !(error instanceof ApiError) || !error.isFinal) throw error;
      this.#skipGap();
      return;
    }
    const position = this.position;
    if (page.epoch !== position?.epoch) {
      this.#isUnsure = true;
      throw new ApiError(0, "The feed began a new epoch meanwhile.");
    }
    this.#reportTypes(page.unknownTypes);
    if (page.unreadable > 0) this.#report("malformed", "The server sent an event that is none.");
    if (page.batch !== null) this.#take(page.batch, null, "rest");
    if (this.position !== position || this.#follower.gap?.from !== gap.from) return;
    if (page.batch === null || page.head < gap.from) {
      throw new ApiError(0, "The feed's newest events cannot be read yet.");
    }
    this.#skipGap();
  }

  /** Nobody has these events any more. The feed has to begin anew behind them: no hole is shown. */
  #skipGap(): void {
    const gap = this.#follower.gap;
    const position = this.position;
    if (gap === null || position === null) return;
    this.#report("missing", `Events ${gap.from} to ${gap.to} can no longer be read.`);
    const next = { epoch: position.epoch, sequence: gap.to };
    this.output.reset(next);
    this.#told = next;
    this.#give(this.#follower.begin(next), "archive");
  }

  #takePage(page: ArchivePage): Waiting[] {
    const batches = this.#readPage(page);
    for (const { batch, stanzaId } of batches) this.#take(batch, stanzaId, "archive");
    return batches;
  }

  #readPage(page: ArchivePage): Waiting[] {
    return page.results.flatMap(({ message, stanzaId }: ArchiveResult) => {
      const read = readStanza(message, this.feed);
      return read.kind === "batch" ? { batch: read.batch, stanzaId } : [];
    });
  }

  #take(batch: Batch, stanzaId: string | null, source: "archive" | "rest"): void {
    const offered = this.#follower.offer(batch);
    if (offered.kind === "other-epoch") return;
    this.#moveAnchor(batch, stanzaId);
    this.#give(offered.events, source);
  }

  #give(events: readonly FeedEvent[], source: "live" | "archive" | "rest"): void {
    const position = this.position;
    if (position === this.#told) return;
    this.#told = position;
    if (events.length > 0) this.output.events(events, source);
    else if (position !== null) this.output.moved(position);
  }

  #moveAnchor(batch: Batch, stanzaId: string | null): void {
    if (stanzaId === null || this.#isBelow(batch) || batch.epoch !== this.position?.epoch) return;
    if (this.#anchor === null || BigInt(stanzaId) > BigInt(this.#anchor)) this.#anchor = stanzaId;
  }

  /** Our position is below what the batch holds. */
  #isBelow(batch: Batch): boolean {
    const position = this.position;
    return position !== null && position.epoch === batch.epoch && position.sequence < batch.last;
  }

  #read(message: Element): Batch | null {
    const read = readStanza(message, this.feed);
    if (read.kind === "other") return null;
    if (read.kind === "malformed") {
      // Whatever it held exists: the archive or REST will say.
      this.#isUnsure = true;
      this.#report("malformed", `A message of the feed could not be read: ${read.reason}.`);
      return null;
    }
    this.#reportTypes(read.unknownTypes);
    return read.batch;
  }

  #reportTypes(unknownTypes: readonly string[]): void {
    if (unknownTypes.length > 0) this.#report("page-too-old", TOO_OLD);
  }

  #report(code: ProblemDetail["code"], message: string): void {
    this.output.problem({ code, message });
  }
}

type RestAnswer =
  | { readonly epoch: string; readonly head: number; readonly error: null }
  | { readonly epoch: null; readonly head: 0; readonly error: ApiError };

const NOTHING: ArchivePage = { results: [], first: null, last: null };

/** The room means these: there is no archive, or none for us. Anything else may pass. */
const NO_ARCHIVE = new Set([
  "feature-not-implemented",
  "forbidden",
  "item-not-found",
  "not-allowed",
  "not-authorized",
  "registration-required",
  "service-unavailable",
]);

/** A room that has no archive for us is like an empty one; not to be answered is an error. */
async function readArchive(
  archive: ArchivePort,
  range: ArchiveRange,
  max?: number,
): Promise<ArchivePage> {
  try {
    return await archive.page(range, max);
  } catch (error) {
    if (error instanceof RequestError && NO_ARCHIVE.has(error.condition)) return NOTHING;
    throw error;
  }
}
