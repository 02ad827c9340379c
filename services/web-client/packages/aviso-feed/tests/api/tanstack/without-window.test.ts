// @vitest-environment node
import { createCollection } from "@tanstack/db";
import { expect, test } from "vitest";
import { avisoCollectionOptions } from "../../../src/api/tanstack";
import { WritableFeed } from "../writable-feed";

test("where there is no window it follows nothing, and nobody waits for it", async () => {
  const feed = new WritableFeed();
  const orders = createCollection(avisoCollectionOptions({ client: feed.client, feed: "orders" }));
  await orders.preload();
  expect([orders.status, orders.size, feed.world.rest.requests]).toEqual(["ready", 0, []]);
});
