/**
 * How far the rows of a feed's table were listed, downwards, and where each page of them began: whoever
 * let go of the lowest rows can go on below those that he kept.
 */

/** Between the places of two rows: a million of them stand between two sequences. */
export const PLACE_STEP = 2 ** -20;

/** Where a page begins: the place of its first row, and what REST is shown to get it. */
type Start = { readonly place: number; readonly cursor: string | null };

/** The starts of this many pages are kept; who goes back further begins at the top. */
const MOST_STARTS = 1_000;

export class Listing {
  /** What was listed cannot be brought up to date by events any more. */
  isTorn = false;
  #next: Start;
  #isAtEnd = false;
  /** Falling. */
  #starts: Start[] = [];

  constructor(place: number) {
    this.#next = { place, cursor: null };
  }

  /** The last row was listed. */
  get isAtEnd(): boolean {
    return this.#isAtEnd;
  }

  /** Where the next page begins; null: at the top. */
  get cursor(): string | null {
    return this.#next.cursor;
  }

  /** A page of so many rows came, and the next begins at `cursor` (null: there is none). Returns the place of its first row. */
  take(count: number, cursor: string | null): number {
    const { place } = this.#next;
    if (this.#starts.length < MOST_STARTS) this.#starts.push(this.#next);
    this.#next = { place: place - count * PLACE_STEP, cursor };
    this.#isAtEnd = cursor === null;
    return place;
  }

  /** Rows from `before` on are there, and none below it: the next page is the one that it stands in. */
  goBackTo(before: number): void {
    if (this.#next.place >= before - PLACE_STEP) return;
    const index = this.#starts.findLastIndex(({ place }) => place >= before);
    this.#next = this.#starts[index] ?? { place: before - PLACE_STEP, cursor: null };
    this.#starts = this.#starts.slice(0, Math.max(0, index));
    this.#isAtEnd = false;
  }
}
