/**
 * Reads a feed's batches in a room's archive: the newest, what is after a message, or backwards from
 * the end. Each is handed on as it comes; how many are asked for at once follows what the line carries.
 *
 * No question is about the whole archive, where another will do: ejabberd counts what lies in the time
 * that is asked for. So what has no known beginning is looked for in the last hour, then the last day,
 * and only then in all of it.
 */

import type { Batch } from "../model/positions";
import type { ArchiveRange } from "../protocol/archive-query";
import { RequestError } from "../protocol/iq";
import type { PageSize } from "./page-size";
import type { ArchivePage, ArchivePort } from "./ports";

export type Archived = { readonly batch: Batch; readonly stanzaId: string };

export type Newest = Archived | "unreadable" | null;

/** What is missing: at most so many messages, and none of them later than `end`. */
export type Wanted = { readonly most: number; readonly end: bigint | null };

const SECOND = 1_000_000n;
const HOUR = 3600n * SECOND;
const DAY = 24n * HOUR;
/** Two servers' clocks may differ by so much. */
const MARGIN = 60n * SECOND;

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
const NOTHING: ArchivePage = { first: null, last: null, isComplete: true };

export class ArchiveReader {
  constructor(
    private readonly port: ArchivePort,
    private readonly size: PageSize,
    /** Something is there that a later version of this library would understand. */
    private readonly onNewer: () => void,
  ) {}

  /**
   * The newest batch; null where there is none, and `unreadable` where the newest message is none
   * that can be read.
   *
   * `anchor`: only what came after this id. `since`: what is looked for happened at this time or
   * later, in microseconds since 1970, by the clock of whoever wrote it.
   */
  async newest(anchor: string | null, since: bigint | null): Promise<Newest> {
    for (const start of this.#starts(anchor, since)) {
      let found: Archived | null = null;
      const page = await this.#read({ start }, 1, (archived) => {
        found = archived;
      });
      if (page.last !== null) return found ?? "unreadable";
    }
    return null;
  }

  #starts(anchor: string | null, since: bigint | null): bigint[] {
    if (anchor !== null) return [BigInt(anchor) + 1n];
    const now = this.#now();
    const nearest = since === null ? now - HOUR : since - MARGIN;
    return [nearest, (since ?? now) - DAY, 0n];
  }

  /** Forwards from `anchor` as long as something is `wanted`, or to the end. */
  async after(
    anchor: string,
    wanted: () => Wanted | null,
    take: (archived: Archived) => void,
  ): Promise<void> {
    let after = anchor;
    for (let next = wanted(); next !== null; next = wanted()) {
      const { most, end } = next;
      const range = { start: BigInt(after), after, ...(end !== null && { end }) };
      const page = await this.#read(range, Math.min(most, this.size.size), take);
      if (page.isComplete || page.last === null) return;
      after = page.last;
    }
  }

  /**
   * Backwards from `end` (null: from the newest), page by page, each oldest first: whoever asks says
   * when it is enough. `take` has each batch earlier, as it comes; no page has more than `most` messages.
   */
  async *backwards(
    end: bigint | null,
    most: number,
    take: (archived: Archived) => void = () => {},
  ): AsyncGenerator<readonly Archived[]> {
    let start = (end ?? this.#now()) - HOUR;
    let span = HOUR;
    let until = end;
    for (;;) {
      const found: Archived[] = [];
      const range = { start, ...(until !== null && { end: until }) };
      const max = Math.max(1, Math.min(most, this.size.size));
      const page = await this.#read(range, max, (archived) => {
        found.push(archived);
        take(archived);
      });
      yield found;
      if (page.isComplete || page.first === null) {
        if (start <= 0n) return;
        until = start - 1n;
        span *= 24n;
      } else until = BigInt(page.first) - 1n;
      // A room's whole past is reached in five steps.
      start = span > 1000n * DAY ? 0n : until - span;
    }
  }

  async #read(
    range: ArchiveRange,
    max: number,
    take: (archived: Archived) => void,
  ): Promise<ArchivePage> {
    let count = 0;
    let bytes = 0;
    let firstAt = 0;
    let lastAt = 0;
    try {
      const page = await this.port.page(range, max, ({ read, stanzaId, size }) => {
        lastAt = this.port.now();
        if (count === 0) firstAt = lastAt;
        count += 1;
        bytes += size;
        if (read.kind === "other-version" && read.isNewer) this.onNewer();
        if (read.kind !== "batch") return;
        if (read.unknownTypes.length > 0) this.onNewer();
        take({ batch: read.batch, stanzaId });
      });
      // The first one may have waited for a server or for live messages; the others show the line.
      const ms = count > 1 ? ((lastAt - firstAt) * count) / (count - 1) : 0;
      this.size.learn({ count, bytes, ms });
      return page;
    } catch (error) {
      // A room that has no archive for us is like an empty one; not to be answered is an error.
      if (error instanceof RequestError && NO_ARCHIVE.has(error.condition)) return NOTHING;
      this.size.shrink();
      throw error;
    }
  }

  #now(): bigint {
    return BigInt(Math.round(this.port.wall())) * 1000n;
  }
}
