// @vitest-environment jsdom
import { beforeEach, describe, expect, test } from "vitest";
import { FeedView } from "../../src/api/feed-view";
import { type Order, ServedFeed } from "./served-feed";

let served: ServedFeed;
let view: FeedView<Order>;

beforeEach(() => {
  served = new ServedFeed();
  view = new FeedView<Order>(served.client, "orders", { limit: 3 });
});

const shown = (): number[] => view.snapshot().records.map(({ data }) => data.n);

async function listen(): Promise<() => void> {
  const off = view.subscribe(() => {});
  await served.world.clock.advance(0);
  return off;
}

test("holds the newest records, the newest first, and no more than its limit", async () => {
  await served.write(2);
  await listen();
  expect([shown(), view.snapshot().state.kind]).toEqual([[2, 1], "live"]);
  await served.write(500);
  expect(shown()).toEqual([502, 501, 500]);
});

test("a changed record keeps its place, a deleted one goes", async () => {
  await served.write(3);
  await listen();
  await served.change(2, "updated");
  expect(shown()).toEqual([3, 2, 1]);
  await served.change(2, "deleted");
  expect(shown()).toEqual([3, 1]);
});

test("what did not change stays the same object", async () => {
  await served.write(2);
  await listen();
  const before = view.snapshot();
  expect(view.snapshot()).toBe(before);

  await served.change(2, "updated");

  const after = view.snapshot();
  expect(after).not.toBe(before);
  expect(after.records[1]).toBe(before.records[1]);
  expect(after.records[0]).not.toBe(before.records[0]);
  served.client.close();
  expect(view.snapshot().state.kind).toBe("offline");
  expect(view.snapshot().records).toBe(after.records);
});

test("says how much is not there yet", async () => {
  await listen();
  const behind: number[] = [];
  view.subscribe(() => behind.push(view.snapshot().behind));
  served.world.xmpp.publish("orders", "aaaa", 1, 4, { isLost: true });
  served.world.rest.feeds.set("orders", { epoch: "aaaa", head: 4 });
  await served.write(1);
  expect(Math.max(...behind)).toBeGreaterThan(0);
  expect([shown(), view.snapshot().behind]).toEqual([[5, 4, 3], 0]);
});

test("begins anew with another life of the feed", async () => {
  await served.write(3);
  await listen();
  served.world.rest.feeds.set("orders", { epoch: "bbbb", head: 0 });
  await served.write(1);
  await served.world.clock.advance(1_000);
  expect(shown()).toEqual([1]);
});

test("lets go of the feed with the last who listens, and goes on from there", async () => {
  await served.write(1);
  const off = await listen();
  off();
  off();
  await served.rest();
  expect(served.isFollowed).toBe(false);

  await served.write(1);
  expect(shown()).toEqual([1]);
  await listen();
  await served.world.clock.advance(1_000);

  expect(shown()).toEqual([2, 1]);
});

test("stays with the feed where somebody comes back at once", async () => {
  const off = await listen();
  off();
  await listen();
  await served.rest();
  await served.write(1);
  expect([served.joins, shown()]).toEqual([1, [1]]);
});

test("two views of a client share its connection and the room", async () => {
  const other = new FeedView<Order>(served.client, "orders");
  await listen();
  other.subscribe(() => {});
  await served.world.clock.advance(0);
  expect([served.world.xmpp.links.length, served.joins]).toEqual([1, 1]);
  expect(other.snapshot().state.kind).toBe("live");
});

test("with a filter it shows what matches, as long as it does, and fetches the difference only", async () => {
  await served.write(3);
  served.list([3, 1], [2, 2], [1, 1]);
  view = new FeedView<Order>(served.client, "orders", { filter: { n: 1 }, limit: 3 });
  const off = await listen();
  const ids = (): number[] => view.snapshot().records.map(({ id }) => Number(id.slice(-4)));
  expect([ids(), view.snapshot().state.kind]).toEqual([[3, 1], "live"]);
  await served.set(2, 1);
  await served.set(3, 4);
  expect(ids()).toEqual([2, 1]);

  off();
  await served.rest();
  await served.set(1, 4);
  await served.set(3, 1);
  await listen();
  await served.world.clock.advance(1_000);

  expect([ids(), view.snapshot().state.kind, served.listings]).toEqual([[3, 2], "live", 1]);
  expect(view.snapshot().isCut).toBe(false);
});

test("says so where more records match than it shows", async () => {
  await served.write(3);
  served.list([3, 1], [2, 2], [1, 1]);
  view = new FeedView<Order>(served.client, "orders", { filter: { n: 1 }, limit: 1 });
  await listen();
  expect([shown(), view.snapshot().isCut]).toEqual([[1], true]);
});

describe("with a page that a server made", () => {
  beforeEach(async () => {
    await served.write(3);
    served.list([3, 3], [2, 2], [1, 1]);
  });

  test("shows it at once, and goes on from it: nothing twice, no hole", async () => {
    const initial = await served.page(2);
    view = new FeedView<Order>(served.client, "orders", { initial, limit: 3 });
    expect(view.snapshot()).toMatchObject({ state: { kind: "connecting" }, behind: 0 });
    expect(shown()).toEqual([3, 2]);
    expect(view.snapshot().records[0]).toBe(initial.records[0]);
    await served.write(1);
    const taken: unknown[] = [];
    view.subscribe(() => taken.push(shown().join()));
    await served.world.clock.advance(0);
    expect([new Set(taken), view.snapshot().state.kind]).toEqual([
      new Set(["3,2", "4,3,2"]),
      "live",
    ]);
    expect(served.listings).toBe(1);
    expect(served.world.rest.requests.filter((each) => each.includes("after="))).toEqual([]);
  });

  test("shows no more of it than its limit, and says that there are more", async () => {
    const filter = { n: 2 };
    served.list([3, 2], [2, 2], [1, 1]);
    const initial = await served.page(2, filter);
    view = new FeedView<Order>(served.client, "orders", { initial, filter, limit: 1 });
    expect([shown(), view.snapshot().isCut]).toEqual([[2], true]);
  });

  test.each([
    ["feed", "stock", undefined],
    ["filter", "orders", { n: 1 }],
  ])("of another %s does not show it", async (_what, feed, filter) => {
    const initial = await served.page(2);
    view = new FeedView<Order>(served.client, feed, { initial, ...(filter && { filter }) });
    expect(shown()).toEqual([]);
  });

  test("of another life of the feed begins anew", async () => {
    const initial = await served.page(2);
    served.world.rest.feeds.set("orders", { epoch: "bbbb", head: 0 });
    await served.write(1);
    view = new FeedView<Order>(served.client, "orders", { initial });
    await listen();
    await served.world.clock.advance(1_000);
    expect([shown(), view.snapshot().state.kind]).toEqual([[1], "live"]);
  });

  test("keeps what matches, as long as it does", async () => {
    const filter = { n: 2 };
    const initial = await served.page(2, filter);
    view = new FeedView<Order>(served.client, "orders", { initial, filter });
    await served.set(2, 4);
    await served.set(1, 2);
    await listen();
    const ids = view.snapshot().records.map(({ id }) => Number(id.slice(-4)));
    expect([ids, view.snapshot().state.kind]).toEqual([[1], "live"]);
  });
});
