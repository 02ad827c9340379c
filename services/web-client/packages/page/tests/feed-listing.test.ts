import { beforeEach, expect, test } from "vitest";
import { FeedListing, MOST_LISTED } from "../src/feed-listing";
import type { FeedsPage } from "../src/library";
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
