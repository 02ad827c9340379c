/**
 * A table's rows: entries, sorted. What is sorted by the address says. While records arrive only those
 * that came or changed are put in their places: to build and sort thousands anew, several times a
 * second, would keep the browser busy for longer each time than it may be. Pure.
 */

import { type Json, memberOf } from "./json";
import type { RecordEntry } from "./library";
import type { Sorting } from "./route";
import { type Compare, valueOrder } from "./value-order";

interface Row {
  readonly entry: RecordEntry;
  /** Undefined: not there, or null. */
  readonly value: Json | undefined;
  /** Where it stands unsorted; of equal values the first of these comes first. */
  index: number;
}

export class TableModel {
  #rows: readonly RecordEntry[] = [];
  #sorted: Row[] = [];
  readonly #known = new Map<string, Row>();
  #sortedBy: string | null = null;
  #compare: Compare = () => 0;

  get rows(): readonly RecordEntry[] {
    return this.#rows;
  }

  /** Take what is to be shown. What stays the same keeps its place among the sorted. */
  update(entries: readonly RecordEntry[], sorting: Sorting | null, locale: string): void {
    const sortedBy =
      sorting === null ? null : `${locale} ${sorting.isDescending} ${sorting.column}`;
    if (sortedBy !== this.#sortedBy) {
      this.#sorted = [];
      this.#known.clear();
      this.#compare = valueOrder(locale);
    }
    this.#sortedBy = sortedBy;
    this.#rows = sorting === null ? entries : this.#sort(entries, sorting);
  }

  #sort(entries: readonly RecordEntry[], sorting: Sorting): RecordEntry[] {
    const fresh: Row[] = [];
    const there = new Set<Row>();
    entries.forEach((entry, index) => {
      const known = this.#known.get(entry.key);
      if (known?.entry === entry) {
        known.index = index;
        there.add(known);
      } else fresh.push({ entry, value: fieldOf(entry, sorting.column), index });
    });
    const order = (one: Row, other: Row) => this.#order(one, other, sorting.isDescending);
    const kept = this.#sorted.filter((row) => there.has(row));
    this.#sorted = merged(kept, fresh.sort(order), order);
    if (there.size < this.#known.size) {
      for (const [key, row] of this.#known) if (!there.has(row)) this.#known.delete(key);
    }
    for (const row of fresh) this.#known.set(row.entry.key, row);
    return this.#sorted.map(({ entry }) => entry);
  }

  /** What is not there is last, whichever way is sorted. */
  #order(one: Row, other: Row, isDescending: boolean): number {
    const isOneThere = one.value !== undefined;
    const isOtherThere = other.value !== undefined;
    if (isOneThere !== isOtherThere) return isOneThere ? -1 : 1;
    const order = isOneThere ? this.#compare(one.value as Json, other.value as Json) : 0;
    return (isDescending ? -order : order) || one.index - other.index;
  }
}

function fieldOf({ record }: RecordEntry, name: string): Json | undefined {
  return record === null ? undefined : (memberOf(record.data, name) ?? undefined);
}

/** Both in order; so is the result. Few are compared where `fresh` are few. */
function merged(
  kept: readonly Row[],
  fresh: readonly Row[],
  order: (one: Row, other: Row) => number,
): Row[] {
  const rows: Row[] = [];
  let from = 0;
  for (const row of fresh) {
    let [low, high] = [from, kept.length];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (order(kept[middle] as Row, row) < 0) low = middle + 1;
      else high = middle;
    }
    for (; from < low; from += 1) rows.push(kept[from] as Row);
    rows.push(row);
  }
  for (; from < kept.length; from += 1) rows.push(kept[from] as Row);
  return rows;
}
