// @vitest-environment jsdom
import { createCollection, createLiveQueryCollection, eq } from "@tanstack/db";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { avisoCollectionOptions } from "../../../src/api/tanstack";
import { AvisoError } from "../../../src/model/errors";
import { memoryLog } from "../../../src/model/memory-log";
import { type Order, WritableFeed } from "../writable-feed";

let feed: WritableFeed;

beforeEach(() => {
  feed = new WritableFeed();
});

afterEach(() => vi.unstubAllGlobals());

const collect = (more: { limit?: number; gcTime?: number } = {}, of: WritableFeed = feed) =>
  createCollection(avisoCollectionOptions<Order>({ client: of.client, feed: "orders", ...more }));

type Orders = ReturnType<typeof collect>;

const shown = (orders: Orders): number[] => orders.toArray.map(({ data }) => data.n).sort(byNumber);
const byNumber = (a: number, b: number): number => a - b;

async function open(orders: Orders): Promise<Orders> {
  const ready = orders.preload();
  await feed.settle();
  await ready;
  return orders;
}

/** Each change that somebody who looks at it gets, as the numbers that are there then. */
function changes(orders: Orders): number[][] {
  const seen: number[][] = [];
  orders.subscribeChanges(() => seen.push(shown(orders)), { includeInitialState: true });
  seen.length = 0;
  return seen;
}

test("has the newest records when it is ready, and what happens to them after", async () => {
  await feed.put("a", { n: 1 });
  const orders = await open(collect());
  expect([orders.status, shown(orders)]).toEqual(["ready", [1]]);

  await feed.put("b", { n: 2 });
  await feed.put("a", { n: 3 });
  expect(shown(orders)).toEqual([2, 3]);
  await feed.delete("b");
  expect(shown(orders)).toEqual([3]);
  expect(orders.get("a")).toMatchObject({ id: "a", version: 2, data: { n: 3 } });
});

test("what comes at once changes it at once", async () => {
  const orders = await open(collect());
  const seen = changes(orders);
  await feed.putAll(300);
  expect(seen.map((numbers) => numbers.length)).toEqual([300]);
});

test("holds no more than its limit, the newest", async () => {
  await feed.putAll(5);
  const orders = await open(collect({ limit: 3 }));
  expect(shown(orders)).toEqual([3, 4, 5]);
  await feed.put("x", { n: 6 });
  expect(shown(orders)).toEqual([4, 5, 6]);
});

test("live queries look into the data, typed", async () => {
  await feed.put("a", { n: 1, item: "tea" });
  await feed.put("b", { n: 2, item: "coffee" });
  const orders = await open(collect());
  const teas = createLiveQueryCollection({
    startSync: true,
    query: (q) =>
      q
        .from({ order: orders })
        .where(({ order }) => eq(order.data.item, "tea"))
        .select(({ order }) => ({ id: order.id, n: order.data.n })),
  });
  await feed.put("c", { n: 3, item: "tea" });
  const numbers: number[] = teas.toArray.map(({ n }) => n);
  expect(numbers).toEqual([1, 3]);
});

test("a table that is emptied empties it, and goes on in the same change", async () => {
  await feed.putAll(3);
  const orders = await open(collect());
  const seen = changes(orders);
  await feed.truncateAnd("x", { n: 9 });
  expect(seen).toEqual([[9]]);
});

test("another life of the feed takes the place of the one before, without a moment between", async () => {
  await feed.putAll(3);
  const orders = await open(collect());
  const seen = changes(orders);
  await feed.beginAnew("r1", { n: 7 });
  expect(seen).toEqual([[7]]);
  expect(orders.status).toBe("ready");
});

test("another life in which there is nothing yet empties it", async () => {
  await feed.putAll(3);
  const orders = await open(collect());
  feed.world.rest.feeds.set("orders", { epoch: "bbbb", head: 0 });
  feed.world.xmpp.publish("orders", "bbbb", 1, 0);
  await feed.world.clock.advance(60_000);
  expect([shown(orders), orders.status]).toEqual([[], "ready"]);
});

test("a feed that is not there is an error with its code", async () => {
  const orders = createCollection(
    avisoCollectionOptions<Order>({ client: feed.client, feed: "Orders" }),
  );
  await expect(orders.preload()).rejects.toMatchObject({ code: "not-open" });
  await expect(orders.preload()).rejects.toBeInstanceOf(AvisoError);
  expect(orders.status).toBe("error");
});

test("a feed that is closed to its reader is an error and leaves nothing behind", async () => {
  await feed.putAll(3);
  const orders = await open(collect());
  const { feeds } = feed.world.rest;
  const before = feeds.get("orders") as { epoch: string; head: number };

  feeds.delete("orders");
  feed.world.xmpp.refusals.set("orders@feeds.localhost", "registration-required");
  feed.world.xmpp.putOut("orders@feeds.localhost", ["321"]);
  await feed.world.clock.advance(1_000);
  expect([orders.status, shown(orders)]).toEqual(["error", []]);

  feeds.set("orders", before);
  feed.world.xmpp.refusals.clear();
  feed.client.close();
  feed.client.connect();
  await feed.world.clock.advance(1_000);
  expect([orders.status, shown(orders)]).toEqual(["ready", [1, 2, 3]]);
});

test("offline it keeps what it has, and is no error", async () => {
  await feed.putAll(2);
  const orders = await open(collect());
  feed.client.close();
  await feed.settle();
  expect([orders.status, shown(orders)]).toEqual(["ready", [1, 2]]);
  expect(orders.utils.subscription()?.state.kind).toBe("offline");
});

test("lets go of the feed when it is cleaned up, and begins anew for whoever comes back", async () => {
  await feed.putAll(2);
  const orders = await open(collect());
  await orders.cleanup();
  await feed.settle();
  expect([feed.isFollowed, orders.utils.subscription()]).toEqual([false, null]);

  await feed.put("x", { n: 3 });
  await open(orders);
  expect([feed.isFollowed, shown(orders)]).toEqual([true, [1, 2, 3]]);
});

test("lets go of the feed some time after nobody looks any more", async () => {
  const orders = await open(collect({ gcTime: 1 }));
  const look = orders.subscribeChanges(() => {});
  look.unsubscribe();
  await vi.waitFor(() => expect(orders.status).toBe("cleaned-up"));
  await feed.settle();
  expect(feed.isFollowed).toBe(false);
});

test("is ready with what the browser kept, without a server", async () => {
  const log = memoryLog();
  const before = new WritableFeed({ log });
  await before.putAll(2);
  feed = before;
  const first = await open(collect({}, before));
  await before.world.clock.advance(1_000);
  await first.cleanup();
  await before.world.clock.advance(1_000);

  const later = new WritableFeed({ log });
  later.world.rest.failure = "unreachable";
  later.world.xmpp.opening.websocket = "lost";
  feed = later;
  const orders = await open(collect({}, later));

  expect([orders.status, shown(orders)]).toEqual(["ready", [1, 2]]);
  expect(orders.utils.subscription()?.state.kind).not.toBe("live");
});
