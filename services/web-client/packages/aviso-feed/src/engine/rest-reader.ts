/**
 * Reads a feed over REST: where it is now, and what is missing of it, page by page. How many events are
 * asked for at once follows what the line carries, and while it is quick the next page is asked for ahead.
 */

import { ApiError } from "../model/errors";
import { type BatchPage, MAX_EVENTS, type Range } from "../protocol/answers";
import { PageSize } from "./page-size";
import type { FeedPort } from "./ports";

/** A page that takes less than this leaves the line free for another. */
const QUICK_MS = 1_000;

export type RestAnswer =
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

/** A page that was asked for: what follows `after`. */
export type Ahead = { readonly after: number; readonly page: Promise<BatchPage> };

export class RestReader {
  readonly #size = new PageSize({ first: 250, most: MAX_EVENTS });
  #isQuick = false;

  constructor(private readonly rest: FeedPort) {}

  /** Where the feed is now, or why nobody could say. */
  async about(): Promise<RestAnswer> {
    try {
      const { epoch, head, table } = await this.rest.feed();
      return { epoch, head, isTable: table != null, error: null };
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      return { epoch: null, head: 0, isTable: false, error };
    }
  }

  /** Ask for what follows `after`, up to `to` at most. */
  ask(after: number, to: number): Ahead {
    const limit = Math.min(this.#size.size, to - after);
    return { after, page: this.#read({ after, limit }) };
  }

  /**
   * Ask for what follows a page while that is given out. Not over a line that is slow, where live
   * messages would stand behind both.
   */
  askAhead({ batch }: BatchPage, to: number): Ahead | null {
    if (batch === null || batch.last >= to || !this.#isQuick) return null;
    const ahead = this.ask(batch.last, to);
    // Whoever takes it is told; perhaps nobody does.
    ahead.page.catch(() => {});
    return ahead;
  }

  async #read(range: Range): Promise<BatchPage> {
    const askedAt = this.rest.now();
    try {
      const page = await this.rest.events(range);
      const count = page.batch?.items.length ?? 0;
      const ms = this.rest.now() - askedAt;
      this.#isQuick = ms < QUICK_MS;
      this.#size.learn({ count, bytes: 0, ms });
      return page;
    } catch (error) {
      // Refused is not the same as too much.
      if (error instanceof ApiError && error.status === 0) this.#size.shrink();
      throw error;
    }
  }
}
