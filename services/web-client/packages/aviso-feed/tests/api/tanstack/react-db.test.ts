// @vitest-environment jsdom
import { type Collection, createCollection } from "@tanstack/db";
import { useLiveQuery } from "@tanstack/react-db";
import { act, createElement, type ReactElement, StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { avisoCollectionOptions, type FeedRow } from "../../../src/api/tanstack";
import { type Order, WritableFeed } from "../writable-feed";

beforeEach(() => {
  vi.stubGlobal("IS_REACT_ACT_ENVIRONMENT", true);
});

afterEach(() => vi.unstubAllGlobals());

function Orders({ orders }: { orders: Collection<FeedRow<Order>, string> }): ReactElement {
  const { data, isReady } = useLiveQuery((q) =>
    q.from({ order: orders }).orderBy(({ order }) => order.data.n, "desc"),
  );
  return createElement("p", null, `${isReady} ${data.map((order) => order.data.n).join(" ")}`);
}

test("useLiveQuery draws the rows, each that comes and each that is written", async () => {
  const feed = new WritableFeed();
  await feed.put("a", { n: 1 });
  const orders = createCollection(
    avisoCollectionOptions<Order>({ client: feed.client, feed: "orders" }),
  );
  const place = document.createElement("main");
  const root = createRoot(place);
  const settle = (): Promise<void> => act(() => feed.settle());

  await act(async () =>
    root.render(createElement(StrictMode, null, createElement(Orders, { orders }))),
  );
  await settle();
  expect(place.textContent).toBe("true 1");
  await act(() => feed.put("b", { n: 2 }));
  expect(place.textContent).toBe("true 2 1");
  await act(async () => void orders.insert({ id: "c", data: { n: 3 } }));
  expect(place.textContent).toBe("true 3 2 1");
  await settle();
  expect(place.textContent).toBe("true 3 2 1");
  await act(async () => root.unmount());
});
