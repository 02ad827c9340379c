import { expect, test } from "vitest";
import { ODD_KEYS } from "../../aviso-feed/tests/odd-keys";
import { NOTHING_SOUGHT } from "../src/find";
import { type FeedRoute, hashOfFeed, hashOfRoute, routeOfFeed, routeOfHash } from "../src/route";

test("the address of a feed leads back to the feed", () => {
  expect(hashOfFeed("stock-levels")).toBe("#/feeds/stock-levels");
  expect(routeOfHash(hashOfFeed("stock-levels"))).toEqual(routeOfFeed("stock-levels"));
});

test("all that is chosen stands in the address", () => {
  const route: FeedRoute = {
    slug: "orders",
    record: null,
    find: {
      text: "new york ",
      fields: [
        { path: ["to", "año"], value: "a&b=c #?%" },
        { path: ["to", "año"], value: "" },
      ],
    },
    at: "1234",
    view: "table",
    columns: ["b,c", "-a"],
    sorting: { column: "-a", isDescending: true },
    isDense: true,
  };
  expect(routeOfHash(hashOfRoute(route))).toEqual(route);
});

test.each([...ODD_KEYS.entries()])("a record has an address of its own: key %i", (_, record) => {
  const route = { ...routeOfFeed("orders"), record };
  expect(routeOfHash(hashOfRoute(route))).toEqual(route);
  // As a browser gives it back.
  const url = new URL(`http://localhost/${hashOfRoute(route)}`);
  expect(routeOfHash(url.hash)?.record).toBe(record);
});

test("what an address says wrongly is left out", () => {
  expect(routeOfHash("#/feeds/orders?view=pie&data.=1&data.a..b=2&q=+&sort=&at=now")).toEqual({
    ...routeOfFeed("orders"),
    find: { ...NOTHING_SOUGHT, text: " " },
  });
});

test("an address has no more columns than a table, each once", () => {
  const names = Array.from({ length: 1000 }, (_, index) => `column=c${index}`);
  expect(routeOfHash(`#/feeds/orders?${names.join("&")}`)?.columns).toHaveLength(200);
  expect(routeOfHash("#/feeds/orders?column=a&column=b&column=a")?.columns).toEqual(["a", "b"]);
});

test.each([
  "",
  "#",
  "#records",
  "#/feeds/",
  "#/feeds/Not A Slug",
  "#/feeds/a/b",
  "#/feeds/a/records/b/c",
  "#/feeds/%3Cb%3E",
])("%s names no feed", (hash) => {
  expect(routeOfHash(hash)).toBeNull();
});
