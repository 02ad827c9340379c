import { beforeEach, expect, test } from "vitest";
import { FeedListing, MOST_LISTED } from "../src/feed-listing";
import type { FeedsPage, FeedsQuery } from "../src/library";
import { feedInfo } from "./fake-library";

let pages: (FeedsPage | null)[];
let listing: FeedListing;

beforeEach(() => {
  pages = [];
  listing = new FeedListing(async () => pages.shift() ?? null);
});

const page = (slugs: string, hasMore = false): FeedsPage => ({
  feeds: [...slugs].map((slug) => feedInfo(slug, { schema: { type: "object" } })),
  hasMore,
});
const slugs = () => listing.entries.map(({ slug }) => slug).join("");

async function load(from: number, answer: FeedsPage | null): Promise<string> {
  pages.push(answer);
  await listing.load(from);
  return slugs();
}

test("what is asked again takes the place of what was there", async () => {
  expect(await load(0, page("abd", true))).toBe("abd");
  expect(await load(3, page("efh"))).toBe("abdefh");
  expect([await load(0, page("acd", true)), listing.hasMore]).toEqual(["acdefh", false]);
  expect(await load(3, page("gh"))).toBe("acdgh");
  expect([await load(1, page("b")), listing.hasMore]).toEqual(["ab", false]);
});

test("an answer that is nobody's changes nothing", async () => {
  await load(0, page("ab"));
  expect(await load(0, null)).toBe("ab");
});

test("what was found stands alone, and an answer to an earlier search is left out", async () => {
  await load(0, page("ab", true));
  pages.push(page("x"), page("yz"));
  listing.search("x");
  const early = listing.load(0);
  listing.search("y");
  await Promise.all([early, listing.load(0)]);
  expect([slugs(), listing.hasMore]).toEqual(["yz", false]);
});

test("what was typed is sought by its words, not by what stands between", async () => {
  const queries: FeedsQuery[] = [];
  listing = new FeedListing(async (query) => {
    queries.push(query);
    return page("a");
  });
  for (const text of ["  Órdenes–del_Norte ", "n\u0303u", "*%", "1 2 3 4 5 6 7 8 9 10"]) {
    listing.search(text);
    await listing.load(0);
  }
  expect(queries.map(({ words }) => words)).toEqual([
    "órdenes del norte",
    "ñu",
    "",
    "1 2 3 4 5 6 7 8",
  ]);
});

test("it is known when feeds come or go", async () => {
  await load(0, page("abd", true));
  const { revision } = listing;
  await load(0, page("abd", true));
  expect(listing.revision).toBe(revision);
  await load(0, page("acd", true));
  expect(listing.revision).toBe(revision + 1);
  listing.drop(({ slug }) => slug === "c");
  expect(listing.revision).toBe(revision + 2);
});

test("schemas are not kept, and no more feeds than so many", async () => {
  const feeds = Array.from({ length: MOST_LISTED + 10 }, (_, n) =>
    feedInfo(`f${String(n).padStart(5, "0")}`, { schema: { type: "object" } }),
  );
  await load(0, { feeds, hasMore: true });
  expect([listing.entries.length, listing.hasMore, listing.isCut]).toEqual([
    MOST_LISTED,
    false,
    true,
  ]);
  expect(listing.entries.every(({ schema }) => schema === null)).toBe(true);
});
