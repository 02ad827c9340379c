// @vitest-environment jsdom
import { createCollection } from "@tanstack/db";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { avisoCollectionOptions } from "../../../src/api/tanstack";
import { ApiError } from "../../../src/model/errors";
import { ExactNumber } from "../../../src/model/exact-json";
import { type Order, WritableFeed } from "../writable-feed";

let feed: WritableFeed;
let orders: ReturnType<typeof collect>;

const collect = (confirmWithin: number) =>
  createCollection(
    avisoCollectionOptions<Order>({ client: feed.client, feed: "orders", confirmWithin }),
  );

async function open(confirmWithin = 60_000): Promise<void> {
  orders = collect(confirmWithin);
  const ready = orders.preload();
  await feed.settle();
  await ready;
}

beforeEach(async () => {
  feed = new WritableFeed();
  await feed.put("a", { n: 1 });
  await open();
});

afterEach(() => vi.unstubAllGlobals());

const shown = (): Record<string, number> =>
  Object.fromEntries(orders.toArray.map(({ id, data }) => [id, data.n]));

/** What somebody who looks sees, each time that it changes. */
function look(): Record<string, number>[] {
  const seen = [shown()];
  const take = (): void => {
    if (JSON.stringify(seen.at(-1)) !== JSON.stringify(shown())) seen.push(shown());
  };
  orders.subscribeChanges(take, { includeInitialState: true });
  return seen;
}

test("a row that is inserted is there at once, and stays when its event comes", async () => {
  const seen = look();
  const written = orders.insert({ id: "b", data: { n: 2 } });
  expect([shown(), orders.get("b")?.$synced]).toEqual([{ a: 1, b: 2 }, false]);
  await feed.settle();
  await written.isPersisted.promise;

  expect(seen).toEqual([{ a: 1 }, { a: 1, b: 2 }]);
  expect(orders.get("b")).toMatchObject({ version: 1, $synced: true });
  expect(feed.writes).toEqual(['POST {"id":"b","data":{"n":2}}']);
});

test("several rows are written in one request, all or none", async () => {
  const written = orders.insert([
    { id: "b", data: { n: 2 } },
    { id: "c", data: { n: 3 } },
  ]);
  await feed.settle();
  await written.isPersisted.promise;
  expect(feed.writes).toHaveLength(1);
  expect(shown()).toEqual({ a: 1, b: 2, c: 3 });
});

test("a row is changed and deleted only as it was seen", async () => {
  const changed = orders.update("a", (draft) => {
    draft.data.n = 5;
  });
  await feed.settle();
  await changed.isPersisted.promise;
  const gone = orders.delete("a");
  expect(shown()).toEqual({});
  await feed.settle();
  await gone.isPersisted.promise;

  expect(feed.writes).toEqual(['PUT a "1" {"data":{"n":5}}', 'DELETE a "2"']);
  expect(shown()).toEqual({});
});

test("a write is not done before its event is there", async () => {
  feed.isHeld = true;
  let isDone = false;
  const changed = orders.update("a", (draft) => {
    draft.data.n = 5;
  });
  void changed.isPersisted.promise.then(() => {
    isDone = true;
  });
  await feed.settle();
  expect([isDone, shown()]).toEqual([false, { a: 5 }]);
  await feed.release();
  expect([isDone, shown(), orders.get("a")?.version]).toEqual([true, { a: 5 }, 2]);
});

test("where its event does not come, the server's answer stands, until it does", async () => {
  await open(20);
  feed.isHeld = true;
  const seen = look();
  const changed = orders.update("a", (draft) => {
    draft.data.n = 5;
  });
  await feed.settle();
  await changed.isPersisted.promise;
  const gone = orders.insert({ id: "b", data: { n: 2 } });
  await feed.settle();
  await gone.isPersisted.promise;
  expect(orders.get("a")).toMatchObject({ version: 2, $synced: true });

  await feed.release();
  await feed.put("a", { n: 6 });
  expect(seen).toEqual([{ a: 1 }, { a: 5 }, { a: 5, b: 2 }, { a: 6, b: 2 }]);
});

test("an event from before a write that was shown ahead does not bring the past back", async () => {
  await open(20);
  feed.isHeld = true;
  await feed.put("a", { n: 2 });
  feed.records.set("a", { id: "a", version: 1, data: { n: 2 } });
  const gone = orders.delete("a");
  await feed.settle();
  await gone.isPersisted.promise;
  const seen = look();
  await feed.release();
  expect(seen).toEqual([{}]);
});

test("what the server refuses is taken back, and says why in its words", async () => {
  feed.refusal = { status: 422, detail: "n is 5, expected at most 3" };
  const changed = orders.update("a", (draft) => {
    draft.data.n = 5;
  });
  expect(shown()).toEqual({ a: 5 });
  const error = await changed.isPersisted.promise.then(
    () => null,
    (failure) => failure,
  );
  expect(error).toBeInstanceOf(ApiError);
  expect(error).toMatchObject({ status: 422, message: "n is 5, expected at most 3" });
  expect(shown()).toEqual({ a: 1 });
});

test("a row that somebody else has changed meanwhile is a conflict", async () => {
  feed.isHeld = true;
  await feed.put("a", { n: 9 });
  const changed = orders.update("a", (draft) => {
    draft.data.n = 5;
  });
  await expect(changed.isPersisted.promise).rejects.toMatchObject({ code: "conflict" });
  await feed.release();
  expect(shown()).toEqual({ a: 9 });
});

test("a table's rows are not written here: the server names the table", async () => {
  const detail = 'The records of "orders" are the rows of the table "public.orders": write there';
  feed.refusal = { status: 409, detail };
  const gone = orders.delete("a");
  await expect(gone.isPersisted.promise).rejects.toThrow('"public.orders"');
  expect(shown()).toEqual({ a: 1 });
});

test("changes of one row follow each other, each on what the one before made", async () => {
  const first = orders.update("a", (draft) => {
    draft.data.n = 2;
  });
  const second = orders.update("a", (draft) => {
    draft.data.n = 3;
  });
  await feed.settle();
  await Promise.all([first.isPersisted.promise, second.isPersisted.promise]);
  expect(feed.writes).toEqual(['PUT a "1" {"data":{"n":2}}', 'PUT a "2" {"data":{"n":3}}']);
  expect(orders.get("a")).toMatchObject({ version: 3, data: { n: 3 } });
});

test("a change on one that is refused is not written either", async () => {
  feed.refusal = { status: 422, detail: "No." };
  const first = orders.insert({ id: "b", data: { n: 2 } });
  const second = orders.update("b", (draft) => {
    draft.data.n = 3;
  });
  await expect(first.isPersisted.promise).rejects.toThrow("No.");
  await expect(second.isPersisted.promise).rejects.toThrow();
  expect(feed.writes).toHaveLength(1);
  expect(shown()).toEqual({ a: 1 });
});

test("of many rows none is written after one that is refused", async () => {
  await feed.put("b", { n: 2 });
  feed.refusal = { status: 403, detail: "This guest may not write." };
  const gone = orders.delete(["a", "b"]);
  await expect(gone.isPersisted.promise).rejects.toThrow("This guest may not write.");
  await feed.settle();
  expect(feed.writes).toEqual(['DELETE a "1"']);
  expect(shown()).toEqual({ a: 1, b: 2 });
});

test("a write that waits ends with the collection", async () => {
  await open(3_600_000);
  feed.isHeld = true;
  const written = orders.insert({ id: "b", data: { n: 2 } });
  await feed.settle();
  await orders.cleanup();
  await expect(written.isPersisted.promise).resolves.toBeDefined();
});

test("is signed with the key that was given, else with what the client has", async () => {
  const keyed = createCollection(
    avisoCollectionOptions<Order>({ client: feed.client, feed: "orders", token: "key" }),
  );
  orders.insert({ id: "b", data: { n: 2 } });
  await feed.settle();
  const own = feed.headers.get("Authorization");
  keyed.insert({ id: "c", data: { n: 3 } });
  await feed.settle();
  expect([own, feed.headers.get("Authorization")]).toEqual([null, "Bearer key"]);
});

test("numbers keep all their digits, whatever else is changed in the row", async () => {
  const big = new ExactNumber("1234567890123456789");
  type Priced = { n: number; price: number; big: ExactNumber; all: ExactNumber[] };
  const text = `{"n":1,"price":43.50,"big":${big},"all":[1e400,${big}]}`;
  const priced = createCollection(
    avisoCollectionOptions<Priced>({ client: feed.client, feed: "orders" }),
  );
  const ready = priced.preload();
  await feed.settle();
  await ready;
  await feed.putText("p", text);

  const changed = priced.update("p", (draft) => {
    draft.data.n = 2;
    draft.data.all.shift();
  });
  const data = priced.get("p")?.data;
  expect([data?.big, data?.price, data?.all]).toEqual([big, 43.5, [big]]);
  expect(data?.big).toBeInstanceOf(ExactNumber);
  expect(data?.all[0]).toBeInstanceOf(ExactNumber);
  await feed.settle();
  await changed.isPersisted.promise;
  expect(feed.writes).toEqual([
    `PUT p "1" {"data":{"n":2,"price":43.50,"big":${big},"all":[${big}]}}`,
  ]);
});

describe("with a filter", () => {
  beforeEach(async () => {
    feed.world.rest.records.set("orders", [{ id: "a", version: 1, data: { n: 1 } }]);
    const options = {
      client: feed.client,
      feed: "orders",
      filter: { n: 1 },
      confirmWithin: 60_000,
    };
    orders = createCollection(avisoCollectionOptions<Order>(options));
    const ready = orders.preload();
    await feed.settle();
    await ready;
  });

  test("a row that is written so that it does not match leaves", async () => {
    const seen = look();
    const written = orders.update("a", (row) => {
      row.data.n = 2;
    });
    await feed.settle();
    await written.isPersisted.promise;
    await feed.put("a", { n: 1 });

    expect(seen).toEqual([{ a: 1 }, { a: 2 }, {}, { a: 1 }]);
    expect(orders.utils.isCut()).toBe(false);
  });

  test("a row that is inserted and does not match is written, and is not there", async () => {
    const written = orders.insert({ id: "b", data: { n: 2 } });
    await feed.settle();
    await written.isPersisted.promise;

    expect([shown(), feed.records.get("b")?.data]).toEqual([{ a: 1 }, { n: 2 }]);
  });
});
