import "fake-indexeddb/auto";
import { IDBFactory } from "fake-indexeddb";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { indexedDbLog } from "../../src/edges/indexed-db-log";
import type { FeedEvent } from "../../src/model/event";
import type { EventLog, LogKey, LogOptions, Passage } from "../../src/model/event-log";
import { ExactNumber } from "../../src/model/exact-json";
import { memoryLog } from "../../src/model/memory-log";

const ORDERS: LogKey = { origin: "", reader: "", feed: "orders" };
const TIME = "2026-11-24T09:30:00Z";

const eventAt = (sequence: number, text = "tea", epoch = "aaaa"): FeedEvent => ({
  id: `e${sequence}`,
  type: "created",
  feed: "orders",
  epoch,
  sequence,
  time: TIME,
  subject: `r${sequence}`,
  record: { id: `r${sequence}`, data: { text, amount: new ExactNumber("12345678901234567890") } },
});

const at = (sequence: number, epoch = "aaaa") => ({ epoch, sequence });

/** The events behind `from` up to `to`. */
function passage(from: number | null, to: number, text?: string): Passage {
  const events: FeedEvent[] = [];
  for (let n = (from ?? 0) + 1; n <= to; n += 1) events.push(eventAt(n, text));
  return { from: from === null ? null : at(from), to: at(to), events, anchor: null };
}

const kept = async (log: EventLog, key = ORDERS) => {
  const found = await log.read(key);
  return found && [found.position.sequence, found.events.map(({ sequence }) => sequence)];
};

function opened<Result>(
  request: IDBRequest<Result>,
  upgrade: (request: IDBRequest<Result>) => void = () => {},
): Promise<Result> {
  return new Promise((resolve, reject) => {
    Object.assign(request, { onupgradeneeded: () => upgrade(request) });
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}

const ofItsOwn =
  (factory = new IDBFactory()) =>
  () =>
    factory;

// Opening a database has a limit, which a machine that is busy elsewhere is not to come to.
beforeEach(() => void vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] }));

afterEach(() => void vi.useRealTimers());

const LOGS: [string, (options?: LogOptions) => EventLog][] = [
  ["in memory", (options) => memoryLog(options)],
  ["in IndexedDB", (options) => indexedDbLog(options, ofItsOwn())],
];

describe.each(LOGS)("a log %s", (_, makeLog) => {
  test("gives back events and position, with every digit", async () => {
    const log = makeLog();

    await log.append(ORDERS, { ...passage(null, 2), anchor: "1764" });

    const found = await log.read(ORDERS);
    expect(found).toMatchObject({ position: at(2), anchor: "1764", isListed: false });
    expect(found?.events).toEqual([eventAt(1), eventAt(2)]);
    expect(found?.events[0]?.record?.data.amount).toBeInstanceOf(ExactNumber);
  });

  test("has nothing of a feed that was never written", async () => {
    expect(await makeLog().read(ORDERS)).toBeNull();
  });

  test("goes on where it is", async () => {
    const log = makeLog();
    await log.append(ORDERS, { ...passage(null, 2), anchor: "7" });

    await log.append(ORDERS, passage(2, 4));

    expect(await kept(log)).toEqual([4, [1, 2, 3, 4]]);
    expect((await log.read(ORDERS))?.anchor).toBe("7");
  });

  test("moves on over places with nothing to show", async () => {
    const log = makeLog();
    await log.append(ORDERS, passage(null, 2));

    await log.append(ORDERS, { ...passage(2, 2), to: at(5) });

    expect(await kept(log)).toEqual([5, [1, 2]]);
  });

  test("takes what another tab wrote too once", async () => {
    const log = makeLog();
    await log.append(ORDERS, passage(null, 4));

    await log.append(ORDERS, passage(1, 3));
    await log.append(ORDERS, passage(2, 6));

    expect(await kept(log)).toEqual([6, [1, 2, 3, 4, 5, 6]]);
  });

  test("begins anew behind a hole", async () => {
    const log = makeLog();
    await log.append(ORDERS, passage(null, 2));

    await log.append(ORDERS, passage(5, 7));

    expect(await kept(log)).toEqual([7, [6, 7]]);
  });

  test("begins anew in another epoch, and where it is told to", async () => {
    const log = makeLog();
    await log.append(ORDERS, passage(null, 9));
    const events = [eventAt(1, "tea", "bbbb")];
    await log.append(ORDERS, { from: at(0, "bbbb"), to: at(1, "bbbb"), events, anchor: null });
    expect((await log.read(ORDERS))?.events).toEqual(events);

    await log.append(ORDERS, { from: null, to: at(0, "bbbb"), events: [], anchor: null });

    expect(await kept(log)).toEqual([0, []]);
  });

  test("knows that it has the list of a table, also when the rows are gone", async () => {
    const log = makeLog({ limit: { events: 3 } });
    const listed = { ...eventAt(4), type: "listed" as const, place: 4 };
    await log.append(ORDERS, { from: null, to: at(4), events: [listed], anchor: null });
    await log.append(ORDERS, passage(4, 9));
    expect((await log.read(ORDERS))?.isListed).toBe(true);

    await log.append(ORDERS, passage(null, 1));

    expect((await log.read(ORDERS))?.isListed).toBe(false);
  });

  test("keeps the newest events, and no more than so many", async () => {
    const log = makeLog({ limit: { events: 20 } });

    for (let n = 0; n < 100; n += 1) await log.append(ORDERS, passage(n || null, n + 1));
    const [position, sequences] = (await kept(log)) as [number, number[]];
    expect(position).toBe(100);
    expect(sequences).toEqual(sequences.map((_, index) => 101 - sequences.length + index));
    expect(sequences.length).toBeGreaterThanOrEqual(18);
    expect(sequences.length).toBeLessThanOrEqual(20);

    await log.append(ORDERS, passage(100, 1_000));
    const many = (await kept(log)) as [number, number[]];
    expect(many[1].at(-1)).toBe(1_000);
    expect(many[1].length).toBeGreaterThanOrEqual(18);
    expect(many[1].length).toBeLessThanOrEqual(20);
  });

  test("keeps no more bytes, and always the newest event", async () => {
    const log = makeLog({ limit: { bytes: 100_000 } });
    const text = "x".repeat(9_000);

    for (let n = 0; n < 30; n += 1) await log.append(ORDERS, passage(n || null, n + 1, text));
    const [, sequences] = (await kept(log)) as [number, number[]];
    expect(sequences.at(-1)).toBe(30);
    expect(sequences.length).toBeGreaterThan(7);
    expect(sequences.length).toBeLessThan(12);

    await log.append(ORDERS, passage(30, 31, "x".repeat(500_000)));
    expect(await kept(log)).toEqual([31, [31]]);
  });

  test("counts bytes as they are written, not characters", async () => {
    const log = makeLog({ limit: { bytes: 30_000 } });

    for (let n = 0; n < 30; n += 1) {
      await log.append(ORDERS, passage(n || null, n + 1, "茶".repeat(1_000)));
    }

    const [, sequences] = (await kept(log)) as [number, number[]];
    expect(sequences.at(-1)).toBe(30);
    expect(sequences.length).toBeGreaterThan(5);
    expect(sequences.length).toBeLessThan(10);
  });

  test("lets go of everybody's at a server", async () => {
    const log = makeLog();
    const keys = ["", "ticket:t1", "ticket:t2"].map((reader) => ({ ...ORDERS, reader }));
    const elsewhere = { ...ORDERS, origin: "https://other.example" };
    for (const key of [...keys, elsewhere]) await log.append(key, passage(null, 1));

    await log.wipe({ origin: "" });

    for (const key of keys) expect(await log.read(key)).toBeNull();
    expect(await kept(log, elsewhere)).toEqual([1, [1]]);
  });

  test.each([
    ["last", { a: 1_000, b: 1_001, c: 1_002 }],
    ["last, though within a millisecond", { a: 1_000, b: 1_001, c: 1_001 }],
    ["last, though the clock was set back", { a: 9_000, b: 9_001, c: 1_000 }],
  ])("keeps the feeds that were written %s", async (_how, written) => {
    const log = makeLog({ limit: { feeds: 2 } });
    const wall = vi.spyOn(Date, "now");
    for (const [feed, at] of Object.entries(written)) {
      wall.mockReturnValue(at);
      await log.append({ ...ORDERS, feed }, passage(null, 1));
    }
    const found = await Promise.all(["a", "b", "c"].map((feed) => log.read({ ...ORDERS, feed })));
    expect(found.map((each) => each !== null)).toEqual([false, true, true]);
  });

  test("lets go of one feed, and of everything of a reader", async () => {
    const log = makeLog();
    const keys = [
      { ...ORDERS, feed: "stock" },
      { ...ORDERS, reader: "anna" },
      { ...ORDERS, reader: "anna", feed: "stock" },
      { ...ORDERS, reader: "anna", origin: "https://other.example" },
    ];
    for (const key of [ORDERS, ...keys]) await log.append(key, passage(null, 1));

    await log.drop(ORDERS);
    await log.wipe({ origin: "", reader: "anna" });

    const found = await Promise.all([ORDERS, ...keys].map((key) => log.read(key)));
    expect(found.map((each) => each !== null)).toEqual([false, true, false, false, true]);
  });
});

describe("a log in IndexedDB", () => {
  test("outlives its page", async () => {
    const factory = new IDBFactory();
    await indexedDbLog({}, () => factory).append(ORDERS, passage(null, 2));
    expect(await kept(indexedDbLog({}, () => factory))).toEqual([2, [1, 2]]);
  });

  test("is written by several tabs at once, and each event counts once", async () => {
    const factory = new IDBFactory();
    const tabs = [
      indexedDbLog({}, () => factory),
      indexedDbLog({}, () => factory),
      indexedDbLog({}, () => factory),
    ];
    await tabs[0]?.append(ORDERS, passage(null, 1));
    await Promise.all(
      tabs.flatMap((tab) => [1, 2, 3, 4].map((n) => tab.append(ORDERS, passage(n, n + 1)))),
    );
    expect(await kept(indexedDbLog({}, () => factory))).toEqual([5, [1, 2, 3, 4, 5]]);
  });

  test("says that it cannot be had, and throws nothing", async () => {
    const factory = new IDBFactory();
    factory.open = () => {
      throw new DOMException("Not in this window.", "SecurityError");
    };
    for (const log of [indexedDbLog({}, () => factory), indexedDbLog({}, () => undefined)]) {
      const states: string[] = [];
      log.onState((state) => states.push(state));
      await log.append(ORDERS, passage(null, 1));
      expect(await log.read(ORDERS)).toBeNull();
      expect([log.state, states]).toEqual(["unavailable", ["unavailable"]]);
    }
  });

  test("does not wait without end for another page to let go of it, and goes on when it did", async () => {
    const factory = new IDBFactory();
    const other = await opened(factory.open("aviso-feed", 1), ({ result }) => {
      result.createObjectStore("feeds", { keyPath: "id" });
      result.createObjectStore("pieces", { keyPath: ["id", "n"] });
    });
    // Asked to close for this, it does not.
    const deleted = opened(factory.deleteDatabase("aviso-feed"));
    const open = vi.spyOn(factory, "open");
    const log = indexedDbLog({}, () => factory);

    for (let n = 0; n < 3; n += 1) {
      const written = log.append(ORDERS, passage(null, 1));
      await vi.advanceTimersByTimeAsync(60_000);
      await written;
    }

    expect(log.state).toBe("unavailable");
    expect(open).toHaveBeenCalledTimes(1);
    other.close();
    await deleted;
    await log.append(ORDERS, passage(null, 1));
    expect([log.state, await kept(log)]).toEqual(["working", [1, [1]]]);
  });

  test("that is full says so, keeps what it had as it was, and goes on when there is room", async () => {
    const factory = new IDBFactory();
    const log = indexedDbLog({}, () => factory);
    await log.append(ORDERS, passage(null, 2));
    await log.append({ ...ORDERS, feed: "stock" }, passage(null, 2));
    const mend = fillUp();

    await log.append(ORDERS, passage(2, 3));

    expect([log.state, await kept(log)]).toEqual(["full", [2, [1, 2]]]);
    // What others kept made room, in vain.
    expect(await log.read({ ...ORDERS, feed: "stock" })).toBeNull();
    mend();
    await log.append(ORDERS, passage(2, 3));
    expect([log.state, await kept(log)]).toEqual(["working", [3, [1, 2, 3]]]);
  });

  test("throws away what it cannot read", async () => {
    const factory = new IDBFactory();
    const log = indexedDbLog({}, () => factory);
    await log.append(ORDERS, passage(null, 1));
    const database = await opened(factory.open("aviso-feed", 1));
    const pieces = database.transaction("pieces", "readwrite").objectStore("pieces");
    const [piece] = await opened(pieces.getAll());
    await opened(pieces.put({ ...piece, text: "no JSON" }));
    database.close();

    expect([await log.read(ORDERS), await kept(log)]).toEqual([null, null]);
    await log.append(ORDERS, passage(1, 2));
    expect(await kept(log)).toEqual([2, [2]]);
  });
});

/** No events can be written any more. Returns what ends that. */
function fillUp(): () => void {
  const { put } = IDBObjectStore.prototype;
  IDBObjectStore.prototype.put = function (...given) {
    if (this.name === "pieces") throw new DOMException("No room.", "QuotaExceededError");
    return put.apply(this, given);
  };
  return () => {
    IDBObjectStore.prototype.put = put;
  };
}
