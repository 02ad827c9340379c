/**
 * A feed's records as they were after one of its events, by REST out of its log. What happens meanwhile
 * is counted and changes nothing. No DOM; a list or a table listens.
 */

import type { Position } from "./library";
import { PAGE_RECORDS, PagedRecords } from "./paged-records";
import type { Moment, PastPage } from "./record-reading";
import type { ShownRecords } from "./shown-records";
import type { WatchedFeed } from "./watched-feed";

export type ReadPast = (parameters: URLSearchParams) => Promise<PastPage>;

export class PastRecords extends PagedRecords<PastPage> implements ShownRecords {
  readonly newAfter = Number.POSITIVE_INFINITY;
  /** What is shown is of then; null before the first answer. */
  moment: Moment | null = null;

  /** The feed's newest event when somebody began to look back. */
  readonly head: number;
  #at: string;
  /** The next page is the first one of another moment. */
  #isFirst = true;

  /** `at`: a sequence, or a time as RFC 3339 has it. */
  constructor(
    feed: WatchedFeed,
    at: string,
    private readonly read: ReadPast,
  ) {
    super(feed);
    this.#at = at;
    this.head = headOf(feed);
  }

  get at(): string {
    return this.#at;
  }

  get applied(): Position | null {
    if (this.moment === null) return null;
    return { epoch: this.feed.applied?.epoch ?? "", sequence: this.moment.sequence };
  }

  /** How many events came since somebody began to look back. */
  get arrived(): number {
    return Math.max(0, headOf(this.feed) - this.head);
  }

  /** What is shown is not yet of the moment that was asked for. */
  get isMoving(): boolean {
    return this.#isFirst;
  }

  /** The sequence that was asked for; of a time that is still being looked up, where one was before. */
  get place(): number | null {
    if (this.isMoving && /^\d+$/.test(this.#at)) return Number(this.#at);
    return this.moment?.sequence ?? null;
  }

  /** Show another moment. What is shown stays until its answer is there; an older answer is none. */
  goTo(at: string): void {
    if (at === this.#at) return;
    this.#at = at;
    this.turn += 1;
    this.cursor = null;
    this.#isFirst = true;
    this.olderState = "more";
    void this.loadOlder();
  }

  protected override readPage(): Promise<PastPage> {
    return this.read(this.#parameters());
  }

  /** What happens meanwhile is counted. */
  protected override onFeed(): void {
    this.tell(null);
  }

  #parameters(): URLSearchParams {
    // A time may name another event later on: pages stay with the one that it named.
    const at = this.#isFirst ? this.#at : String(this.moment?.sequence);
    const parameters = new URLSearchParams({ at, limit: String(PAGE_RECORDS) });
    if (this.cursor !== null) parameters.set("cursor", this.cursor);
    return parameters;
  }

  protected override add(page: PastPage): void {
    const cleared = this.#isFirst;
    if (cleared) this.records.clear();
    this.#isFirst = false;
    this.moment = page.moment;
    this.goOn(page.cursor, page.records.length);
    const { sequence } = page.moment;
    const position = { epoch: this.feed.applied?.epoch ?? "", sequence };
    for (const record of page.records) {
      this.records.put(this.entryOf(record, `past:${sequence}`, position));
    }
    const added = page.records.map(({ id }) => id);
    this.tell({ added, changed: [], removed: [], cleared });
  }
}

/** The newest event of a feed that the page knows of. */
export const headOf = (feed: WatchedFeed): number =>
  Math.max(feed.info.head, feed.applied?.sequence ?? 0);
