import { ExactNumber, RecordStore } from "aviso-feed";
import fc from "fast-check";
import { expect, test } from "vitest";
import type { RecordEntry } from "../src/library";
import { TableModel } from "../src/table-model";
import { eventOf } from "./fake-library";

function entriesOf(...values: unknown[]): RecordEntry[] {
  const store = new RecordStore();
  store.apply(values.map((value, i) => eventOf(i + 1, value === undefined ? {} : { a: value })));
  return store.slice(0, store.size);
}

function sorted(entries: RecordEntry[], isDescending: boolean): unknown[] {
  const model = new TableModel();
  model.update(entries, { column: "a", isDescending }, "es");
  return model.rows.map(({ record }) => record?.data.a);
}

test("without an order rows stand as they come", () => {
  const model = new TableModel();
  model.update(entriesOf(1, 3, 2), null, "en");
  expect(model.rows.map(({ record }) => record?.data.a)).toEqual([2, 3, 1]);
});

test("numbers are sorted by their value, also those that a double cannot hold", () => {
  const [one, next] = [
    new ExactNumber("12345678901234567890"),
    new ExactNumber("12345678901234567891"),
  ];
  expect(sorted(entriesOf(next, 10, 9, one), false)).toEqual([9, 10, one, next]);
});

test("texts are sorted by the reader's language, behind numbers", () => {
  expect(sorted(entriesOf("o", "ñ", "n", 1, "a10", "a9"), false)).toEqual([
    1,
    "a9",
    "a10",
    "n",
    "ñ",
    "o",
  ]);
});

test("what is not there is last, whichever way", () => {
  const entries = entriesOf(null, 2, undefined, 1);
  expect(sorted(entries, false).slice(0, 2)).toEqual([1, 2]);
  expect(sorted(entries, true).slice(0, 2)).toEqual([2, 1]);
});

test("a record that changes has a row with what it is now", () => {
  const model = new TableModel();
  const store = new RecordStore();
  store.apply([eventOf(1, { a: 1 }), eventOf(2, { a: 2 })]);
  const sorting = { column: "a", isDescending: false };
  model.update(store.slice(0, 2), sorting, "en");
  store.apply([eventOf(3, { a: 3 }, { type: "updated", number: 1, version: 2 })]);
  model.update(store.slice(0, 2), sorting, "en");
  expect(model.rows.map(({ record }) => record?.data.a)).toEqual([2, 3]);
});

test("whatever comes, changes and goes, the order is as if all were sorted anew", () => {
  const value = fc.constantFrom(1, 2, 10, "a", "b", "ñ", true, null, undefined);
  const step = fc.array(fc.tuple(fc.nat(20), value), { maxLength: 12 });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 8 }), fc.boolean(), (steps, isDescending) => {
      const [model, sorting] = [new TableModel(), { column: "a", isDescending }];
      const store = new RecordStore({ limit: { records: 12 } });
      let sequence = 0;
      for (const changes of steps) {
        store.apply(
          changes.map(([number, a]) => {
            sequence += 1;
            return eventOf(sequence, a === undefined ? {} : { a }, { number, version: sequence });
          }),
        );
        const entries = store.slice(0, store.size);
        model.update(entries, sorting, "es");
        const anew = new TableModel();
        anew.update(entries, sorting, "es");
        expect(model.rows).toEqual(anew.rows);
        expect(new Set(model.rows)).toEqual(new Set(entries));
      }
    }),
  );
});
