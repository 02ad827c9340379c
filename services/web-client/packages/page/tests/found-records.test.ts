import { ApiError, RecordStore } from "aviso-feed";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { findOfParameters } from "../src/find";
import { FoundRecords } from "../src/found-records";
import { MOST_FOUND } from "../src/found-store";
import type { FeedRecord } from "../src/library";
import type { SearchPage } from "../src/record-reading";
import { WatchedFeed } from "../src/watched-feed";
import { eventOf, FakeSubscription, feedInfo, recordOf } from "./fake-library";

const FIND = findOfParameters(new URLSearchParams("q=tea"));
let subscription: FakeSubscription;
let feed: WatchedFeed;
let pages: (SearchPage | ApiError)[];
let asked: string[];
let found: FoundRecords;

beforeEach(() => {
  subscription = new FakeSubscription("orders", null);
  feed = new WatchedFeed(feedInfo("orders"), new RecordStore());
  feed.follow(subscription);
  pages = [];
  asked = [];
  found = new FoundRecords(feed, FIND, async (parameters) => {
    asked.push(String(parameters));
    const page = pages.shift();
    if (page === undefined || page instanceof ApiError) throw page ?? new ApiError(0, "");
    return page;
  });
});

afterEach(() => {
  found.stop();
  vi.useRealTimers();
  vi.restoreAllMocks();
});

function page(numbers: number[], change: Partial<SearchPage> = {}): SearchPage {
  const records = numbers.map((number): FeedRecord => recordOf(number, { item: "tea" }));
  const position = { epoch: "k3f9", sequence: 10 };
  return { records, position, cursor: null, lookedAt: 100, ...change };
}

const shown = () =>
  found.records
    .slice(0, found.records.size)
    .map(({ key, state }) => Number.parseInt(key, 16) * (state === "deleted" ? -1 : 1));

async function begin(first: SearchPage): Promise<void> {
  pages.push(first);
  found.start();
  await vi.waitFor(() => expect(found.olderState).not.toBe("loading"));
}

test("pages follow on one another, and say how much was looked at", async () => {
  await begin(page([9, 7], { cursor: "after-7" }));
  expect([found.olderState, found.lookedAt]).toEqual(["more", 100]);
  pages.push(page([3]));
  await found.loadOlder();
  expect(shown()).toEqual([9, 7, 3]);
  expect([found.olderState, found.lookedAt]).toEqual(["end", 200]);
  expect(asked[1]).toContain("q=tea&position=true&limit=100&cursor=after-7");
});

test("what arrives and matches comes to the top, the rest is counted", async () => {
  await begin(page([9]));
  subscription.deliver([eventOf(11), eventOf(12, { item: "rice" }), eventOf(13, { item: "TEA" })]);
  expect(shown()).toEqual([13, 11, 9]);
  expect([found.matchedSince, found.otherSince]).toEqual([2, 1]);
});

test("what the page knew already is not news", async () => {
  await begin(page([9]));
  subscription.deliver([eventOf(8), eventOf(9, { item: "rice" }), eventOf(10)]);
  expect(shown()).toEqual([9]);
  expect([found.matchedSince, found.otherSince]).toEqual([0, 0]);
});

test("what came while the page was on its way is not lost", async () => {
  pages.push(page([9]));
  found.start();
  subscription.deliver([eventOf(11), eventOf(12, { item: "rice" })]);
  await vi.waitFor(() => expect(shown()).toEqual([11, 9]));
  expect(found.otherSince).toBe(1);
});

test("a change keeps a record, adds it, or takes it away, as it matches", async () => {
  await begin(page([9, 7, 5]));
  const updated = (sequence: number, number: number, item: string) =>
    eventOf(sequence, { item }, { type: "updated", number, version: 2 });
  subscription.deliver([
    updated(11, 9, "tea with milk"),
    updated(12, 7, "rice"),
    updated(13, 2, "tea"),
    eventOf(14, { item: "tea" }, { type: "deleted", number: 5 }),
  ]);
  expect(shown()).toEqual([2, 9, -5]);
  expect(found.records.get(recordOf(9, {}).id)?.record?.data).toEqual({ item: "tea with milk" });
  expect(found.otherSince).toBe(1);
});

test("a server that is busy is asked again when it says", async () => {
  pages.push(new ApiError(503, "", null, 1));
  await begin(page([9]));
  expect([shown(), asked.length]).toEqual([[9], 2]);
});

test("a failure is said, and trying again goes on from there", async () => {
  await begin(page([9], { cursor: "after-9" }));
  pages.push(new ApiError(500, ""));
  await found.loadOlder();
  expect([found.olderState, found.failure?.status]).toEqual(["failed", 500]);
  pages.push(page([3]));
  await found.loadOlder();
  expect(shown()).toEqual([9, 3]);
});

test.each([
  [new ApiError(500, ""), 2],
  [new ApiError(0, ""), 2],
  [new ApiError(429, "", null, 40_000), 40],
])("what failed by %o is asked for again by itself, when the server wants it", async (error, s) => {
  vi.useFakeTimers();
  vi.spyOn(Math, "random").mockReturnValue(0.999);
  pages.push(error);
  found.start();
  await vi.advanceTimersByTimeAsync(0);
  expect([found.olderState, found.failure]).toEqual(["failed", error]);
  pages.push(page([9]));

  await vi.advanceTimersByTimeAsync((s - 1) * 1_000);
  expect(shown()).toEqual([]);
  await vi.advanceTimersByTimeAsync(1_000);

  expect([shown(), found.failure, found.retryAt, asked.length]).toEqual([[9], null, null, 2]);
});

test("what is refused is not asked for again, nor what nobody looks at", async () => {
  vi.useFakeTimers();
  pages.push(new ApiError(400, ""));
  found.start();
  await vi.advanceTimersByTimeAsync(600_000);
  expect([found.olderState, found.retryAt, asked.length]).toEqual(["failed", null, 1]);

  await found.loadOlder();
  found.stop();
  await vi.advanceTimersByTimeAsync(600_000);

  expect(asked.length).toBe(2);
});

test("in a new epoch the search begins anew", async () => {
  await begin(page([9]));
  pages.push(page([1], { position: { epoch: "n3w1", sequence: 4 } }));
  subscription.reset({ epoch: "n3w1", sequence: 0 });
  expect(shown()).toEqual([]);
  await vi.waitFor(() => expect(shown()).toEqual([1]));
  subscription.deliver([eventOf(5, { item: "tea" }, { epoch: "n3w1" })]);
  expect(shown()).toEqual([5, 1]);
});

test("a search that goes on finding lets go of the oldest, and says so", async () => {
  await begin(page([9]));
  const removed: string[] = [];
  found.subscribe((change) => removed.push(...(change?.removed ?? [])));
  const events = Array.from({ length: MOST_FOUND }, (_, n) => eventOf(n + 11, { item: "tea" }));
  subscription.deliver(events);
  expect([found.records.size, found.isCut]).toEqual([MOST_FOUND, true]);
  expect(removed).toEqual([recordOf(9, {}).id]);
});

test("a search that was left asks no more", async () => {
  pages.push(new ApiError(503, "", null, 1), page([9]));
  found.start();
  found.stop();
  await new Promise((resolve) => setTimeout(resolve, 50));
  expect(asked).toHaveLength(1);
});

test("a server that wants to be left alone for long is not waited for", async () => {
  await begin(page([9], { cursor: "after-9" }));
  pages.push(new ApiError(503, "", null, 999_999_000));
  await found.loadOlder();
  expect([found.olderState, asked.length]).toEqual(["failed", 2]);
});
