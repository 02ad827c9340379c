import { describe, expect, test } from "vitest";
import { readRowsPage } from "../../src/protocol/answers";
import { FakeTable, row } from "./fake-table";

describe("a feed that shows a table", () => {
  test("begins with what the table has, whatever was told of it", async () => {
    const table = new FakeTable();
    table.page(null, [row("3", 1), row("2", 1), row("1", 1)], "0", []);

    await table.catchUp();

    expect(table.shown).toEqual([
      ["3", 1],
      ["2", 1],
      ["1", 1],
    ]);
    expect(table.reader.position).toEqual({ epoch: "aaaa", sequence: 0 });
    expect(table.given.map(({ type }) => type)).toEqual(["listed", "listed", "listed"]);
  });

  test("goes on with the events behind it, and gives out none that the list has", async () => {
    const table = new FakeTable();
    table.page(null, [row("2", 20), row("1", 11)], "4", [["6", "6"]]);
    table.tell(5, "updated", "2", 21);
    table.tell(6, "updated", "1", 11);
    table.tell(7, "created", "9", 1);

    await table.catchUp();

    const given = table.given.filter(({ type }) => type !== "listed");
    expect(given.map(({ sequence }) => sequence)).toEqual([5, 7]);
    expect(table.shown).toEqual([
      ["9", 1],
      ["2", 21],
      ["1", 11],
    ]);
    expect(table.reader.position?.sequence).toBe(7);
  });

  test("loses a row that was never told when it is deleted", async () => {
    const table = new FakeTable();
    table.page(null, [row("2", 1), row("1", 1)], "0", []);
    await table.catchUp();

    table.tell(1, "deleted", "2", 1);
    await table.catchUp();

    expect(table.shown).toEqual([["1", 1]]);
  });

  test("says of a row without a form why", async () => {
    const table = new FakeTable();
    table.page(null, [{ id: "1", cause: "no-form" }], "0", []);

    await table.catchUp();

    expect(table.store.at(0)).toMatchObject({
      state: "unavailable",
      event: { subject: "1", unavailable: { cause: "no-form" } },
    });
  });

  test("shows further rows below, each once, until there are none", async () => {
    const table = new FakeTable(2);
    table.page(null, [row("5", 1), row("4", 1)], "0", [], "c1");
    table.page("c1", [row("3", 1), row("2", 1)], "0", [], "c2");
    table.page("c2", [row("1", 1)], "0", []);
    await table.catchUp();

    for (let n = 0; n < 2; n += 1) table.store.apply((await table.further(2)) ?? []);

    expect(table.shown.map(([key]) => key)).toEqual(["5", "4", "3", "2", "1"]);
    expect(await table.further(2)).toEqual([]);
  });

  test("goes on below the rows that were kept, where the lowest were let go", async () => {
    const table = new FakeTable(2);
    table.page(null, [row("5", 1), row("4", 1)], "0", [], "c1");
    table.page("c1", [row("3", 1), row("2", 1)], "0", [], "c2");
    table.page("c2", [row("1", 1)], "0", []);
    await table.catchUp();
    const [, fourth] = table.given.map(({ place }) => place).sort() as [number, number];
    for (let n = 0; n < 2; n += 1) await table.further(2);
    expect(await table.further(2)).toEqual([]);

    table.lowest = Math.min(0, fourth);
    const again = [await table.further(2), await table.further(2), await table.further(2)];

    const keys = again.map((listed) => listed?.map(({ subject }) => subject).reverse());
    expect(keys).toEqual([["5", "4"], ["3", "2"], ["1"]]);
    expect(await table.further(2)).toEqual([]);
  });

  test("begins at its top again where all rows that were listed were let go", async () => {
    const table = new FakeTable(1);
    table.page(null, [row("2", 1)], "0", [], "c1");
    table.page("c1", [row("1", 1)], "0", []);
    await table.catchUp();
    await table.further(1);

    table.lowest = 7;
    const again = [await table.further(1), await table.further(1)];

    expect(again.map((listed) => listed?.[0]?.subject)).toEqual(["2", "1"]);
    const places = again.map((listed) => listed?.[0]?.place ?? Infinity);
    expect(places).toEqual([...places].sort((one, other) => other - one));
    expect(Math.max(...places)).toBeLessThan(7);
  });

  test("never steps back with rows that were read later than what is shown", async () => {
    const table = new FakeTable(1);
    table.page(null, [row("5", 1)], "0", [], "c1");
    await table.catchUp();
    // Read when 2 was changed twice, of which the first was numbered last.
    table.page("c1", [row("2", 30)], "1", [["3", "3"]]);
    table.tell(1, "updated", "2", 10);
    table.tell(2, "updated", "5", 2);
    table.tell(3, "updated", "2", 30);
    let pauses = 0;
    table.onPause = () => {
      pauses += 1;
      if (pauses === 2) void table.catchUp();
    };

    table.store.apply((await table.further(10)) ?? []);

    expect(new Map(table.shown)).toEqual(
      new Map([
        ["5", 2],
        ["2", 30],
      ]),
    );
    expect(pauses).toBeGreaterThanOrEqual(2);
  });

  test("whose events do not come says so, and can be asked again", async () => {
    const table = new FakeTable(1);
    table.page(null, [row("5", 1)], "0", [], "c1");
    await table.catchUp();
    table.page("c1", [row("2", 30)], "1", []);

    await expect(table.further(10)).rejects.toMatchObject({ status: 0 });
    table.tell(1, "updated", "2", 30);
    await table.catchUp();

    expect(await table.further(10)).toHaveLength(1);
  });

  test("is listed anew in another epoch", async () => {
    const table = new FakeTable();
    table.page(null, [row("1", 1)], "0", []);
    await table.catchUp();
    table.reader.forget();
    table.page(null, [row("2", 1)], "0", []);
    table.store.clear();

    await table.catchUp();

    expect(table.shown).toEqual([["2", 1]]);
  });

  test("is listed anew where what is shown was kept: events alone do not say what it has", async () => {
    const table = new FakeTable();
    table.page(null, [row("2", 1)], "3", []);
    table.head = 3;
    table.reader.restore({
      position: { epoch: "aaaa", sequence: 3 },
      events: [],
      anchor: null,
      isListed: true,
      at: 0,
    });
    await expect(table.further(10)).rejects.toMatchObject({ status: 0 });

    await table.catchUp();

    expect([table.resets, table.shown]).toEqual([1, [["2", 1]]]);
  });

  test("is not listed anew where it was emptied: what came behind that is all there is", async () => {
    const table = new FakeTable();
    table.page(null, [row("2", 1)], "0", []);
    await table.catchUp();
    table.empty(1);
    table.tell(2, "created", "3", 1);

    await table.catchUp();

    expect([table.asked.length, table.resets, table.shown]).toEqual([1, 0, [["3", 1]]]);
    expect(table.reader.isBehind).toBe(false);
  });

  test("of which no history is wanted begins at its head", async () => {
    const table = new FakeTable(0);
    table.tell(1, "created", "1", 1);

    await table.catchUp();

    expect([table.given, table.reader.position?.sequence]).toEqual([[], 1]);
  });
});

test.each([
  {},
  { results: [], next: null },
  { results: {}, next: null, position: { epoch: "aaaa", sequence: "0", contains: [] } },
  { results: [{ id: "" }], next: null, position: { epoch: "aaaa", sequence: "0", contains: [] } },
  { results: [], next: null, position: { epoch: "aaaa", sequence: 1, contains: [] } },
  { results: [], next: null, position: { epoch: "aaaa", sequence: "1", contains: [["3", "2"]] } },
])("the answer %j is no page of rows", (answer) => {
  expect(readRowsPage(answer)).toBeNull();
});
