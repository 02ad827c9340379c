/**
 * A table's rows: entries, sorted. The one place that talks to @tanstack/table-core. A table keeps no
 * state of its own: what is sorted by, and which columns there are, the address says.
 */

import {
  type ColumnDef,
  constructTable,
  createSortedRowModel,
  type Row,
  rowSortingFeature,
  type Table,
  tableFeatures,
} from "@tanstack/table-core";
import { storeReactivityBindings } from "@tanstack/table-core/store-reactivity-bindings";
import { type Json, memberOf } from "./json";
import type { RecordEntry } from "./library";
import type { Sorting } from "./route";
import { valueOrder } from "./value-order";

const features = tableFeatures({
  coreReactivityFeature: storeReactivityBindings(),
  rowSortingFeature,
  sortedRowModel: createSortedRowModel(),
});
type Features = typeof features;
type Columns = ColumnDef<Features, RecordEntry>[];

export class TableModel {
  readonly #table: Table<Features, RecordEntry>;
  #columns: Columns = [];
  #names: string | null = null;

  constructor() {
    this.#table = constructTable<Features, RecordEntry>({
      features,
      data: [],
      columns: [],
      getRowId: (entry) => entry.key,
    });
  }

  /** Take what is to be shown. `entries` and what stays the same in the rest cost nothing anew. */
  update(entries: readonly RecordEntry[], sorting: Sorting | null, locale: string): void {
    const name = sorting?.column ?? "";
    const known = `${locale} ${name}`;
    if (known !== this.#names) this.#columns = sorting === null ? [] : [columnOf(name, locale)];
    this.#names = known;
    this.#table.setOptions((before) => ({
      ...before,
      data: entries,
      columns: this.#columns,
      state: { sorting: sorting === null ? [] : [{ id: name, desc: sorting.isDescending }] },
    }));
  }

  get rows(): readonly Row<Features, RecordEntry>[] {
    return this.#table.getRowModel().rows;
  }
}

function columnOf(name: string, locale: string): Columns[number] {
  const compare = valueOrder(locale);
  return {
    id: name,
    accessorFn: (entry) => fieldOf(entry, name),
    // What is not there is last, whichever way is sorted.
    sortUndefined: "last",
    sortFn: (one, other, id) => compare(one.getValue<Json>(id), other.getValue<Json>(id)),
  };
}

/** A field's value; what is null is sorted as if it were not there. */
function fieldOf({ record }: RecordEntry, name: string): Json | undefined {
  return record === null ? undefined : (memberOf(record.data, name) ?? undefined);
}
