/**
 * What REST lists of a feed that shows a table, or of what matches a filter: the rows to begin with, and
 * those further down on demand, given out as events. It knows which later events they have already.
 */

import { ApiError } from "../model/errors";
import type { FeedEvent } from "../model/event";
import type { Gap, Position } from "../model/positions";
import type { RowsPage } from "../protocol/answers";
import { Listing, PLACE_STEP } from "./listing";
import type { FeedPort } from "./ports";
import { LaterRows, RowList } from "./row-list";

/** So long a page of rows waits for the events that it has already. */
const PAUSE_MS = 100;
const MOST_PAUSES = 50;

export class ListedRows {
  /** null: nothing was listed. */
  #listing: Listing | null = null;
  /** The list to begin with, while it is read. */
  #list: RowList | null = null;
  #later: LaterRows | null = null;
  #contained: readonly Gap[] = [];
  /** The list that it began with is not all that there is. */
  isCut = false;

  constructor(
    private readonly feed: string,
    private readonly rest: FeedPort,
  ) {}

  get isThere(): boolean {
    return this.#listing !== null;
  }

  /** Events cannot bring what was listed up to date: it is to be listed anew. */
  get isTorn(): boolean {
    return this.#listing?.isTorn ?? false;
  }

  tear(sequence: number): void {
    this.#listing ??= new Listing(sequence);
    this.#listing.isTorn = true;
  }

  /** Read the rows to begin with. Rejects with ApiError; what was read until then stays. */
  async read(epoch: string, most: number): Promise<RowList> {
    if (this.#list?.epoch !== epoch) this.#list = new RowList(epoch, most);
    const list = this.#list;
    try {
      await list.read(this.rest);
      return list;
    } catch (error) {
      // Where it stopped nobody may know any more.
      if (error instanceof ApiError && error.isFinal) this.#list = null;
      throw error;
    }
  }

  /** Begin with these rows. Returns them as events, the newest last. */
  begin({ pages, isCut }: RowList): readonly FeedEvent[] {
    const [first] = pages as [RowsPage];
    this.#contained = first.contains;
    const later = new LaterRows(pages);
    this.#later = later.isPast(first.sequence) ? null : later;
    this.isCut = isCut;
    const listing = new Listing(first.sequence);
    this.#listing = listing;
    return pages
      .map((page) => this.#makeListed(page, listing))
      .reverse()
      .flat();
  }

  /** Go on where somebody began with a list that has these later events. */
  takeContained(contained: readonly Gap[]): void {
    this.#contained = contained;
  }

  /** Which events behind `sequence` the list has. */
  containedBehind(sequence: number): readonly Gap[] {
    return this.#contained.filter(({ to }) => to > sequence);
  }

  /**
   * Up to `limit` rows below the place `before`, and perhaps some that stand above it, the newest last;
   * null where nothing is listed. What they are newer than was given out before: `position` says up to
   * where that is. Rejects with ApiError.
   */
  async listFurther(
    before: number,
    limit: number,
    position: () => Position | null,
  ): Promise<readonly FeedEvent[] | null> {
    const listing = this.#listing;
    if (listing === null) return null;
    if (listing.isTorn) throw new ApiError(0, "The feed's table was not asked yet.");
    listing.goBackTo(before);
    if (listing.isAtEnd || limit < 1) return [];
    const page = await this.rest.rows(listing.cursor, limit);
    const upTo = Math.max(page.sequence, ...page.contains.map(({ to }) => to));
    for (let pauses = 0; (position()?.sequence ?? 0) < upTo; pauses += 1) {
      if (pauses === MOST_PAUSES || this.#listing !== listing) break;
      await this.rest.pause(PAUSE_MS);
    }
    const at = position();
    if (this.#listing !== listing || page.epoch !== at?.epoch) return [];
    if (at.sequence < upTo) throw new ApiError(0, "The feed's newest events did not come yet.");
    return this.#makeListed(page, listing);
  }

  /** Whether some of what may come is known from the list. */
  get hasLater(): boolean {
    return this.#contained.length > 0 || this.#later !== null;
  }

  /** Whether the list has what this event says. */
  has(event: FeedEvent): boolean {
    const { sequence } = event;
    const isContained = this.#contained.some(({ from, to }) => from <= sequence && sequence <= to);
    return isContained || (this.#later?.has(event) ?? false);
  }

  /** Rows were read later than the first page was: events that come are told apart from theirs. */
  get hasLaterRows(): boolean {
    return this.#later !== null;
  }

  /** Every event up to this one was given out. */
  pass(sequence: number): void {
    if (this.#later?.isPast(sequence)) this.#later = null;
  }

  /** Nothing is listed any more. */
  clear(): void {
    this.#listing = null;
    this.#list = null;
    this.#later = null;
    this.#contained = [];
    this.isCut = false;
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
}
