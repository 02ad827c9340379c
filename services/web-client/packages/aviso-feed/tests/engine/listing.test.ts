import { describe, expect, test } from "vitest";
import { FeedReader } from "../../src/engine/feed-reader";
import type { FeedEvent } from "../../src/model/event";
import { RecordStore } from "../../src/model/record-store";
import { type RowsPage, readBatchPage, readRowsPage } from "../../src/protocol/answers";
import { eventJson, type Json } from "../fakes";

type Said = { id: string; data: Json } | { id: string; cause: string };

const TABLE = { schema: "public", name: "stock", columns: ["id"], key: ["id"] };

/** A feed of a table, as its server has it: pages by cursor, and events 1 to `head`. */
class FakeTable {
  head = 0;
  readonly pages = new Map<string | null, Json>();
  readonly events = new Map<number, Json>();
  readonly given: FeedEvent[] = [];
  readonly store = new RecordStore();
  resets = 0;
  lowest = Infinity;
  onPause = (): void => {};
  readonly reader: FeedReader;

  constructor(history = 100) {
    const rest = {
      feed: async () => ({ epoch: "aaaa", head: this.head, table: TABLE }),
      events: async ({ after, limit }: { after: number; limit: number }) => {
        const events: Json[] = [];
        for (let n = after + 1; n <= this.head && events.length < limit; n += 1) {
          events.push(this.events.get(n) as Json);
        }
        const page = readBatchPage({ epoch: "aaaa", head: this.head, events }, "stock");
        if (page === null) throw new Error("no page");
        return page;
      },
      rows: async (cursor: string | null): Promise<RowsPage> => {
        const page = readRowsPage(this.pages.get(cursor) ?? {});
        if (page === null) throw new Error(`no page ${cursor}`);
        return page;
      },
      now: () => 0,
      pause: async () => this.onPause(),
    };
    this.reader = new FeedReader("stock", { history, catchUpLimit: Infinity }, null, rest, {
      events: (events) => {
        this.given.push(...events);
        this.lowest = Math.min(this.lowest, ...events.flatMap(({ place }) => place ?? []));
        this.store.apply(events);
      },
      moved: () => {},
      reset: () => {
        this.resets += 1;
        this.store.clear();
      },
      problem: () => {},
    });
  }

  page(cursor: string | null, rows: Said[], position: string, contains: string[][], next?: string) {
    this.pages.set(cursor, {
      results: rows,
      next: next === undefined ? null : `https://aviso.test/api/?cursor=${next}`,
      position: { epoch: "aaaa", sequence: position, contains },
    });
  }

  /** What happened at a sequence. */
  tell(sequence: number, type: string, id: string, n: number): void {
    const event = eventJson("stock", "aaaa", sequence, type);
    this.events.set(sequence, { ...event, subject: id, data: row(id, n) });
    this.head = Math.max(this.head, sequence);
  }

  /** Rows below those that were given out. */
  async further(limit: number): Promise<readonly FeedEvent[] | null> {
    const listed = await this.reader.listFurther(this.lowest, limit);
    this.lowest = Math.min(this.lowest, listed?.[0]?.place ?? Infinity);
    return listed;
  }

  catchUp(): Promise<void> {
    return this.reader.catchUp(null, true);
  }

  get shown(): [string, unknown][] {
    return this.store
      .slice(0, this.store.size)
      .filter(({ state }) => state !== "deleted")
      .map(({ key, record }) => [key, record?.data.n]);
  }
}

const row = (id: string, n: number) => ({ id, data: { n } });

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
    const table = new FakeTable();
    table.page(null, [row("5", 1), row("4", 1)], "0", [], "c1");
    table.page("c1", [row("3", 1), row("2", 1)], "0", [], "c2");
    table.page("c2", [row("1", 1)], "0", []);
    await table.catchUp();

    for (let n = 0; n < 2; n += 1) table.store.apply((await table.further(2)) ?? []);

    expect(table.shown.map(([key]) => key)).toEqual(["5", "4", "3", "2", "1"]);
    expect(await table.further(2)).toEqual([]);
  });

  test("goes on below the rows that were kept, where the lowest were let go", async () => {
    const table = new FakeTable();
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
    const table = new FakeTable();
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
    const table = new FakeTable();
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
    const table = new FakeTable();
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
