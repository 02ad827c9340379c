// @vitest-environment jsdom
import { createCollection } from "@tanstack/db";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { AvisoClient } from "../../../src/api/client";
import { avisoCollectionOptions } from "../../../src/api/tanstack";
import { textOf } from "../../batch-writer";
import { eventJson, makeWorld, type World } from "../../fakes";

const TABLE = { schema: "public", name: "stock", columns: ["id", "n"], key: ["id"] };

let world: World;
/** Keys of the table's rows, which are numbers. */
let keys: number[];

beforeEach(() => {
  world = makeWorld();
  world.rest.feeds.set("stock", { epoch: "aaaa", head: 0 });
  keys = Array.from({ length: 2_500 }, (_, index) => index + 1);
  const { fetch } = world.rest;
  Object.assign(world.rest, {
    fetch: async (input: string, init?: RequestInit) => {
      const { pathname, searchParams } = new URL(input, "http://aviso.test");
      if (pathname.endsWith("/stock/")) {
        return Response.json({ slug: "stock", ...world.rest.feeds.get("stock"), table: TABLE });
      }
      return pathname.endsWith("/records/") ? page(searchParams) : fetch(input, init);
    },
  });
});

afterEach(() => vi.unstubAllGlobals());

/** The newest key first. */
function page(query: URLSearchParams): Response {
  const below = Number(query.get("cursor") ?? Number.POSITIVE_INFINITY);
  const rest = keys.filter((key) => key < below).sort((a, b) => b - a);
  const results = rest.slice(0, Number(query.get("limit")));
  const isLast = results.length === rest.length;
  const next = isLast ? null : `http://aviso.test/api/?cursor=${results.at(-1)}`;
  const { epoch, head } = world.rest.feeds.get("stock") as { epoch: string; head: number };
  return Response.json({
    results: results.map((key) => ({ id: String(key), data: { n: key } })),
    next,
    position: { epoch, sequence: String(head), contains: [] },
  });
}

async function open(limit?: number) {
  const stock = createCollection(
    avisoCollectionOptions<{ n: number }>({
      client: new AvisoClient("", {}, world.host),
      feed: "stock",
      ...(limit !== undefined && { limit }),
    }),
  );
  const ready = stock.preload();
  await world.clock.advance(1_000);
  await ready;
  return stock;
}

test("has all rows of a table that are within its limit, by the page, before it is ready", async () => {
  const stock = await open(10_000);
  expect(stock.size).toBe(2_500);
  expect(stock.get("1")).toMatchObject({ data: { n: 1 } });
});

test("has the newest rows where there are more", async () => {
  const stock = await open(1_500);
  expect([stock.size, stock.has("1001"), stock.has("1000")]).toEqual([1_500, true, false]);
});

test("a row that is changed stays one row", async () => {
  const stock = await open();
  const row = { id: "2500", data: { n: 7 } };
  const event = { ...eventJson("stock", "aaaa", 1, "updated"), subject: row.id, data: row };
  world.rest.feeds.set("stock", { epoch: "aaaa", head: 1 });
  world.xmpp.publish("stock", "aaaa", 1, 1, { payload: textOf([event]) });
  await world.clock.advance(1_000);
  expect([stock.size, stock.get("2500")?.data.n]).toEqual([1_000, 7]);
});
