/**
 * A table's rows: entries in the order that the address says. While records arrive only those that came,
 * changed or went are looked at and put in their places: to look at thousands anew, several times a
 * second, would keep the browser busy for longer each time than it may be. Pure.
 */

import { type Json, memberOf } from "./json";
import type { RecordEntry } from "./library";
import type { Sorting } from "./route";
import type { ShownRecords } from "./shown-records";
import { valueOrder } from "./value-order";

type Source = ShownRecords["records"];

interface Row {
  readonly entry: RecordEntry;
  /** What is sorted by. Undefined: not there, or null. */
  readonly value: Json | undefined;
}

type Order = (one: Row, other: Row) => number;

/** More than so many are not put in their places one by one. */
const FEW = 200;

export class TableModel {
  /** From the last to the first: what is new is appended, unless somebody sorts. */
  #rows: Row[] = [];
  readonly #known = new Map<string, Row>();
  #sorting: Sorting | null = null;
  #order: Order = byPlace;

  get size(): number {
    return this.#rows.length;
  }

  /** In the order of the table. */
  get entries(): RecordEntry[] {
    return this.#rows.map(({ entry }) => entry).reverse();
  }

  /** 0 is the first. */
  at(index: number): RecordEntry | undefined {
    return this.#rows[this.#rows.length - 1 - index]?.entry;
  }

  /** -1: it has no row. */
  indexOf(key: string): number {
    const row = this.#known.get(key);
    return row === undefined ? -1 : this.#rows.length - 1 - this.#indexOf(row);
  }

  /** Take all that there are, anew. */
  fill(source: Source, sorting: Sorting | null, locale: string): void {
    this.#sorting = sorting;
    this.#order = sorting === null ? byPlace : orderBy(sorting, locale);
    this.#known.clear();
    this.#rows = source
      .slice(0, source.size)
      .filter(({ record }) => record !== null)
      .map((entry) => this.#makeRow(entry))
      .reverse()
      .sort(this.#order);
  }

  /** Take what came, changed or went: these keys. */
  update(source: Source, keys: Iterable<string>): void {
    const gone: Row[] = [];
    const fresh: RecordEntry[] = [];
    for (const key of keys) {
      const known = this.#known.get(key);
      const entry = source.get(key);
      if (known?.entry === entry) continue;
      if (known !== undefined) gone.push(known);
      if (entry !== undefined && entry.record !== null) fresh.push(entry);
    }
    this.#take(gone);
    this.#put(fresh.map((entry) => this.#makeRow(entry)));
  }

  #makeRow(entry: RecordEntry): Row {
    const { record } = entry;
    const column = this.#sorting?.column;
    const value = column === undefined ? undefined : memberOf(record?.data ?? {}, column);
    const row: Row = { entry, value: value ?? undefined };
    this.#known.set(entry.key, row);
    return row;
  }

  #take(gone: readonly Row[]): void {
    const isFew = gone.length <= FEW;
    if (isFew) for (const row of gone) this.#rows.splice(this.#indexOf(row), 1);
    for (const { entry } of gone) this.#known.delete(entry.key);
    if (!isFew) this.#rows = this.#rows.filter((row) => this.#known.get(row.entry.key) === row);
  }

  #put(fresh: readonly Row[]): void {
    if (fresh.length > FEW) this.#rows = this.#rows.concat(fresh).sort(this.#order);
    else for (const row of fresh) this.#rows.splice(this.#indexFor(row), 0, row);
  }

  /** Numbers beyond a double's reach may contradict each other's order: then it is looked for. */
  #indexOf(row: Row): number {
    const index = this.#indexFor(row);
    return this.#rows[index] === row ? index : this.#rows.indexOf(row);
  }

  /** The first whose place is not before this one's. */
  #indexFor(row: Row): number {
    let [low, high] = [0, this.#rows.length];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#order(this.#rows[middle] as Row, row) < 0) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

/** The oldest first, as rows are kept from the last to the first. */
const byPlace: Order = ({ entry: one }, { entry: other }) => {
  if (one.sequence !== other.sequence) return one.sequence - other.sequence;
  if (one.key === other.key) return 0;
  return one.key < other.key ? -1 : 1;
};

/** From the last to the first. What is not there is last, whichever way is sorted; of equals the oldest. */
function orderBy({ isDescending }: Sorting, locale: string): Order {
  const compare = valueOrder(locale);
  return (one, other) => {
    const isOneThere = one.value !== undefined;
    const isOtherThere = other.value !== undefined;
    if (isOneThere !== isOtherThere) return isOneThere ? 1 : -1;
    const order = isOneThere ? compare(one.value as Json, other.value as Json) : 0;
    return (isDescending ? order : -order) || byPlace(one, other);
  };
}
