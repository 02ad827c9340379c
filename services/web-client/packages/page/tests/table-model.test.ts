import { ExactNumber, RecordStore } from "aviso-feed";
import fc from "fast-check";
import { expect, test } from "vitest";
import { TableModel } from "../src/table-model";
import { eventOf } from "./fake-library";

function storeOf(...values: unknown[]): RecordStore {
  const store = new RecordStore();
  store.apply(values.map((value, i) => eventOf(i + 1, value === undefined ? {} : { a: value })));
  return store;
}

const valuesOf = (model: TableModel): unknown[] =>
  model.entries.map(({ record }) => record?.data.a);

function sorted(store: RecordStore, isDescending: boolean): unknown[] {
  const model = new TableModel();
  model.fill(store, { column: "a", isDescending }, "es");
  return valuesOf(model);
}

test("without an order rows stand as they come", () => {
  const model = new TableModel();
  model.fill(storeOf(1, 3, 2), null, "en");
  expect(valuesOf(model)).toEqual([2, 3, 1]);
});

test("numbers are sorted by their value, also those that a double cannot hold", () => {
  const [one, next] = [
    new ExactNumber("12345678901234567890"),
    new ExactNumber("12345678901234567891"),
  ];
  expect(sorted(storeOf(next, 10, 9, one), false)).toEqual([9, 10, one, next]);
});

test("texts are sorted by the reader's language, behind numbers", () => {
  expect(sorted(storeOf("o", "ñ", "n", 1, "a10", "a9"), false)).toEqual([
    1,
    "a9",
    "a10",
    "n",
    "ñ",
    "o",
  ]);
});

test("what is not there is last, whichever way", () => {
  const store = storeOf(null, 2, undefined, 1);
  expect(sorted(store, false).slice(0, 2)).toEqual([1, 2]);
  expect(sorted(store, true).slice(0, 2)).toEqual([2, 1]);
});

test("of equals the newest comes first, whichever way", () => {
  for (const isDescending of [false, true]) {
    const model = new TableModel();
    model.fill(storeOf("b", "a", "b"), { column: "a", isDescending }, "en");
    const places = model.entries.map(({ sequence }) => sequence);
    expect(places).toEqual(isDescending ? [3, 1, 2] : [2, 3, 1]);
  }
});

test("a record that changes has a row with what it is now", () => {
  const model = new TableModel();
  const store = storeOf(1, 2);
  model.fill(store, { column: "a", isDescending: false }, "en");
  const { changed } = store.apply([
    eventOf(3, { a: 3 }, { type: "updated", number: 1, version: 2 }),
  ]);
  model.update(store, changed);
  expect(valuesOf(model)).toEqual([2, 3]);
});

test("what could not be delivered has no row", () => {
  const store = storeOf(1, 2);
  const model = new TableModel();
  model.fill(store, null, "en");
  const { record, ...event } = eventOf(3);
  const { added } = store.apply([{ ...event, type: "unavailable" }]);
  model.update(store, added);
  expect(valuesOf(model)).toEqual([2, 1]);
  model.fill(store, null, "en");
  expect(valuesOf(model)).toEqual([2, 1]);
});

test("numbers whose order contradicts itself are taken away like others", () => {
  // By their value the second is more than the first, by its text the third is between the two.
  const texts = [`9${"0".repeat(399)}`, `1${"0".repeat(400)}`, "5e400"];
  const values = [...texts, ...texts, ...texts].map((text) => new ExactNumber(text));
  const store = storeOf(...values);
  const model = new TableModel();
  model.fill(store, { column: "a", isDescending: false }, "en");
  const { removed } = store.trim({ records: 1 });
  model.update(store, removed);
  expect(valuesOf(model)).toEqual(values.slice(-1));
});

const value = fc.constantFrom(1, 2, 10, "a", "b", "ñ", true, null, undefined);
const step = fc.array(fc.tuple(fc.nat(20), value), { maxLength: 12 });
const sorting = fc.option(fc.record({ column: fc.constant("a"), isDescending: fc.boolean() }));

/** Check that a model that was told of each change is as one that begins anew. */
function expectAsAnew(model: TableModel, ...[store, ...how]: Parameters<TableModel["fill"]>): void {
  const anew = new TableModel();
  anew.fill(store, ...how);
  expect(model.entries).toEqual(anew.entries);
  expect(new Set(model.entries)).toEqual(new Set(store.slice(0, store.size)));
  expect(model.entries.map(({ key }) => model.indexOf(key))).toEqual([...model.entries.keys()]);
  expect(model.entries.map((_, index) => model.at(index))).toEqual(model.entries);
}

test("whatever comes, changes and goes, the order is as if all were sorted anew", () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 8 }), sorting, (steps, sorting) => {
      const model = new TableModel();
      const store = new RecordStore({ limit: { records: 12 } });
      model.fill(store, sorting, "es");
      let sequence = 0;
      for (const changes of steps) {
        const { added, changed, removed } = store.apply(
          changes.map(([number, a]) => {
            sequence += 1;
            return eventOf(sequence, a === undefined ? {} : { a }, { number, version: sequence });
          }),
        );
        model.update(store, new Set([...added, ...changed, ...removed]));
        expectAsAnew(model, store, sorting, "es");
      }
    }),
  );
});

for (const sorting of [null, { column: "a", isDescending: true }]) {
  test(`many that come or go at once stand where few would, ${sorting ? "sorted" : "as they come"}`, () => {
    const model = new TableModel();
    const store = new RecordStore();
    model.fill(store, sorting, "en");
    const events = Array.from({ length: 900 }, (_, at) => eventOf(at + 1, { a: (at * 7) % 100 }));
    for (const part of [events.slice(300, 600), events.slice(600), events.slice(0, 300)]) {
      model.update(store, store.apply(part).added);
      expectAsAnew(model, store, sorting, "en");
    }
    model.update(store, store.trim({ records: 100 }).removed);
    expectAsAnew(model, store, sorting, "en");
  });
}
