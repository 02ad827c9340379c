// @vitest-environment jsdom
import { render } from "svelte/server";
import { get } from "svelte/store";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import {
  flushSync,
  hydrate,
  mount,
  unmount,
} from "../../../../node_modules/svelte/src/index-client.js";
import type { FeedSnapshot } from "../../src/api/feed-view";
import { feedStore } from "../../src/api/svelte";
import Orders from "./orders.svelte";
import OrdersOnServer from "./orders.svelte?server";
import { type Order, ServedFeed } from "./served-feed";
import { textsOf } from "./texts-of";

let served: ServedFeed;

beforeEach(() => {
  served = new ServedFeed();
});

afterEach(async () => {
  await served.rest();
  vi.unstubAllGlobals();
});

const textOf = ({ state, records }: FeedSnapshot<Order>): string =>
  `${state.kind} ${records.map(({ data }) => data.n)}`;

test("a store has the newest records while anything is subscribed to it", async () => {
  await served.write(1);
  const orders = feedStore<Order>(served.client, "orders", { limit: 2 });
  const seen: string[] = [];
  const off = orders.subscribe((snapshot) => seen.push(textOf(snapshot)));
  await served.world.clock.advance(0);
  await served.write(2);
  expect([seen[0], seen.at(-1)]).toEqual(["connecting ", "live 3,2"]);
  expect(get(orders).records.length).toBe(2);

  off();
  await served.rest();
  expect(served.isFollowed).toBe(false);
});

test("what did not change is not told, and what comes at once comes at once", async () => {
  const seen: string[] = [];
  const orders = feedStore<Order>(served.client, "orders");
  const off = orders.subscribe((snapshot) => seen.push(textOf(snapshot)));
  await served.rest();
  const before = seen.length;
  await served.rest();
  expect([seen.length, seen.at(-1)]).toEqual([before, "live "]);
  await served.write(50);
  expect(seen.length - before).toBeLessThanOrEqual(2);
  off();
});

test("with a filter it has what matches, as long as it does, and lists it once", async () => {
  await served.write(3);
  served.list([3, 1], [2, 2], [1, 1]);
  const orders = feedStore<Order>(served.client, "orders", { filter: { n: 1 } });
  const place = document.createElement("main");
  const drawn = mount(Orders, { target: place, props: { orders } });
  await served.rest();
  flushSync();
  expect(place.textContent).toBe("live 11");
  const kept = place.querySelectorAll("b")[1];
  await served.set(3, 4);
  flushSync();
  expect([place.textContent, place.querySelector("b")]).toEqual(["live 1", kept]);
  await served.set(2, 1);
  flushSync();
  expect([place.textContent, served.listings, served.joins]).toEqual(["live 11", 1, 1]);
  await unmount(drawn);
});

describe("with the page that the server made", () => {
  test("both draw its records, and the browser goes on from it, without a flash", async () => {
    await served.write(2);
    served.list([2, 2], [1, 1]);
    const initial = await served.page(10);
    const orders = (): unknown => feedStore<Order>(served.client, "orders", { initial });
    vi.stubGlobal("window", undefined);
    const { body } = render(OrdersOnServer, { props: { orders: orders() } });
    vi.unstubAllGlobals();
    expect(body.replace(/<!--.*?-->/g, "")).toBe("<p>connecting <b>2</b><b>1</b></p>");
    expect(served.joins).toBe(0);
    await served.write(1);
    const warned = vi.spyOn(console, "warn");
    const place = document.body.appendChild(document.createElement("main"));
    place.innerHTML = body;
    const drawn = [...place.querySelectorAll("b")];
    const seen = textsOf(place);

    const page = hydrate(Orders, { target: place, props: { orders: orders() } });
    await served.rest();
    flushSync();

    expect(place.textContent).toBe("live 321");
    expect([...place.querySelectorAll("b")].slice(1)).toEqual(drawn);
    expect(seen().filter((each) => !each.endsWith("21"))).toEqual([]);
    expect([served.listings, served.joins]).toEqual([1, 1]);
    expect(warned).not.toHaveBeenCalled();
    await unmount(page);
  });
});
