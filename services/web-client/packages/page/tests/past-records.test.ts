import { ApiError, RecordStore } from "aviso-feed";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { PastRecords } from "../src/past-records";
import type { PastPage } from "../src/record-reading";
import { WatchedFeed } from "../src/watched-feed";
import { eventOf, FakeSubscription, feedInfo, recordOf } from "./fake-library";

interface Asked {
  readonly query: string;
  answer(page: PastPage): void;
  fail(error: ApiError): void;
}

let subscription: FakeSubscription;
let feed: WatchedFeed;
let asked: Asked[];
let past: PastRecords;

beforeEach(() => {
  subscription = new FakeSubscription("orders", null);
  feed = new WatchedFeed(feedInfo("orders"), new RecordStore());
  feed.follow(subscription);
  subscription.deliver([eventOf(8), eventOf(9)]);
  asked = [];
  past = new PastRecords(feed, "5", (parameters) => {
    return new Promise<PastPage>((resolve, reject) => {
      asked.push({ query: String(parameters), answer: resolve, fail: reject });
    });
  });
  past.start();
});

afterEach(() => {
  past.stop();
  vi.useRealTimers();
});

function page(sequence: number, numbers: number[], cursor: string | null = null): PastPage {
  const records = numbers.map((number) => recordOf(number, {}));
  return { records, moment: { sequence, time: new Date(0), oldest: 1 }, cursor };
}

const shown = () =>
  past.records.slice(0, past.records.size).map(({ key }) => Number.parseInt(key, 16));

async function answer(index: number, given: PastPage): Promise<void> {
  asked[index]?.answer(given);
  await Promise.resolve();
  await Promise.resolve();
}

test("pages follow on one another, in the order that they came in", async () => {
  await answer(0, page(5, [4, 1], "after-3"));
  void past.loadOlder();
  await answer(1, page(5, [3]));
  expect([shown(), past.olderState]).toEqual([[4, 1, 3], "end"]);
  expect(asked.map(({ query }) => query)).toEqual([
    "at=5&limit=100",
    "at=5&limit=100&cursor=after-3",
  ]);
});

test("pages of a time stay with the event that it named", async () => {
  past.goTo("2026-11-29T14:03:12.000Z");
  await answer(1, page(3, [3], "after-3"));
  void past.loadOlder();
  expect(asked[2]?.query).toBe("at=3&limit=100&cursor=after-3");
});

test("what was asked for last is shown, whichever answer comes last", async () => {
  past.goTo("6");
  past.goTo("7");
  await answer(2, page(7, [7]));
  await answer(0, page(5, [5]));
  await answer(1, page(6, [6]));
  expect([shown(), past.moment?.sequence, past.place]).toEqual([[7], 7, 7]);
});

test("what is shown stays until the next moment is there", async () => {
  await answer(0, page(5, [5, 4]));
  const cleared: boolean[] = [];
  past.subscribe((change) => cleared.push(change?.cleared ?? false));
  past.goTo("4");
  expect([shown(), past.isMoving, past.place]).toEqual([[5, 4], true, 4]);
  await answer(1, page(4, [4]));
  expect([shown(), past.isMoving, cleared.at(-1)]).toEqual([[4], false, true]);
});

test("what arrives is counted and changes nothing", async () => {
  await answer(0, page(5, [5]));
  subscription.deliver([eventOf(10), eventOf(11)]);
  expect([past.arrived, shown()]).toEqual([2, [5]]);
});

test("a failure is said and tried again by itself, but for one that is final", async () => {
  vi.useFakeTimers();
  asked[0]?.fail(new ApiError(503, ""));
  await vi.advanceTimersByTimeAsync(0);
  expect([past.olderState, past.retryAt]).toEqual(["failed", expect.any(Date)]);
  await vi.advanceTimersByTimeAsync(60_000);
  expect(asked).toHaveLength(2);
  asked[1]?.fail(new ApiError(400, ""));
  await vi.advanceTimersByTimeAsync(60_000);
  expect([past.olderState, past.retryAt, asked.length]).toEqual(["failed", null, 2]);
});
