/** The newest rows or records of a feed, by the page, each page with the position that it belongs to. */

import { ApiError } from "../model/errors";
import type { FeedEvent } from "../model/event";
import { sizeOf } from "../model/size";
import { MAX_EVENTS, type RowsPage } from "../protocol/answers";
import type { FeedPort } from "./ports";

/** A filter that little passes makes pages of a few rows each. */
const MOST_PAGES = 100;
const MOST_BYTES = 64 * 1024 * 1024;

export class RowList {
  /** The newest rows first. */
  readonly pages: RowsPage[] = [];
  #count = 0;
  #bytes = 0;

  constructor(
    readonly epoch: string,
    private readonly most: number,
  ) {}

  /** The position that they begin at: the first page's. */
  get sequence(): number {
    return this.pages[0]?.sequence ?? 0;
  }

  /** There are more, or may be: it has as many as it was to have, or as may be. */
  get isCut(): boolean {
    return this.pages.at(-1)?.cursor !== null;
  }

  /** Read on to its end. Rejects with ApiError; what was read until then stays. */
  async read(rest: FeedPort): Promise<void> {
    while (this.isCut && !this.#isFull) {
      const cursor = this.pages.at(-1)?.cursor ?? null;
      const page = await rest.rows(cursor, Math.min(this.most - this.#count, MAX_EVENTS));
      if (page.epoch !== this.epoch) {
        throw new ApiError(0, "The feed began a new epoch meanwhile.");
      }
      this.pages.push(page);
      this.#count += page.rows.length;
      this.#bytes += sizeOf(page.rows);
    }
  }

  get #isFull(): boolean {
    const isMuch = this.pages.length >= MOST_PAGES || this.#bytes >= MOST_BYTES;
    return isMuch || this.#count >= this.most;
  }
}

/** Of rows that were read later than the first page: which events behind that one they have already. */
export class LaterRows {
  readonly #pages = new Map<string, RowsPage>();
  #upTo = 0;

  constructor([first, ...later]: readonly RowsPage[]) {
    for (const page of later) {
      const upTo = Math.max(page.sequence, ...page.contains.map(({ to }) => to));
      if (upTo <= (first?.sequence ?? 0)) continue;
      this.#upTo = Math.max(this.#upTo, upTo);
      for (const { id } of page.rows) this.#pages.set(id, page);
    }
  }

  /** Every event that one of them has was passed. */
  isPast(sequence: number): boolean {
    return sequence >= this.#upTo;
  }

  has({ sequence, subject, record }: FeedEvent): boolean {
    const page = this.#pages.get(subject ?? record?.id ?? "");
    if (page === undefined) return false;
    return (
      sequence <= page.sequence ||
      page.contains.some(({ from, to }) => from <= sequence && sequence <= to)
    );
  }
}
