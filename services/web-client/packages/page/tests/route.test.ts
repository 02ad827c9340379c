import { expect, test } from "vitest";
import { feedOfHash, hashOfFeed } from "../src/route";

test("the address of a feed leads back to the feed", () => {
  expect(feedOfHash(hashOfFeed("stock-levels"))).toBe("stock-levels");
});

test.each([
  "",
  "#",
  "#records",
  "#/feeds/",
  "#/feeds/Not A Slug",
  "#/feeds/a/b",
  "#/feeds/%3Cb%3E",
])("%s names no feed", (hash) => {
  expect(feedOfHash(hash)).toBeNull();
});
