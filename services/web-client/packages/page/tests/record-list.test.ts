// @vitest-environment jsdom
import { RecordStore } from "aviso-feed";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { readingIn } from "../src/reading";
import type { RecordList } from "../src/record-list";
import { WatchedFeed } from "../src/watched-feed";
import { eventOf, FakeSubscription, feedInfo } from "./fake-library";
import { FakeObserver } from "./fake-observer";

let subscription: FakeSubscription;
let feed: WatchedFeed;
let list: RecordList;

beforeEach(async () => {
  // jsdom has no layout and so no observer; which rows are near the screen is a browser's matter.
  vi.stubGlobal("IntersectionObserver", FakeObserver);
  await import("../src/record-list");
  subscription = new FakeSubscription("orders", null);
  feed = new WatchedFeed(feedInfo("orders"), new RecordStore());
  feed.follow(subscription);
  feed.setLookedAt(true);
  list = document.createElement("record-list") as RecordList;
  document.body.append(list);
  list.reading = readingIn("en");
  subscription.deliver([eventOf(1), eventOf(2)], false);
  subscription.become({ kind: "live" });
  list.feed = feed;
  // On a busy machine the list draws in more than one go.
  await vi.waitFor(() => expect(sequences()).toHaveLength(2));
});

afterEach(() => {
  list.remove();
});

const sequences = () =>
  [...list.querySelectorAll<HTMLElement>("record-row")].map((row) => Number(row.dataset.sequence));

test("rows stand newest first, as many as the list says", () => {
  expect(sequences()).toEqual([2, 1]);
  expect({ ...list.dataset }).toMatchObject({ feed: "orders", count: "2", position: "2" });
});

test("a new record comes to the top and is marked as new", async () => {
  subscription.deliver([eventOf(3)]);
  await vi.waitFor(() => expect(sequences()).toEqual([3, 2, 1]));
  expect(list.firstRow?.isFresh).toBe(true);
  expect(list.lastRow?.isFresh).toBe(false);
});

test("while the reader is further down, new records wait and updates do not", async () => {
  list.isReading = true;
  subscription.deliver([eventOf(3), eventOf(4, {}, { type: "updated", number: 1, version: 2 })]);
  await vi.waitFor(() => expect([list.waitingCount, sequences()]).toEqual([1, [2, 4]]));
  list.isReading = false;
  await vi.waitFor(() => expect(sequences()).toEqual([3, 2, 4]));
});

test("hundreds at once come in order, each once", async () => {
  const events = Array.from({ length: 500 }, (_, i) => eventOf(i + 3));
  subscription.deliver(events.slice(0, 300));
  subscription.deliver(events.slice(300));
  await vi.waitFor(() => expect(list.dataset.count).toBe("502"));
  expect(sequences()).toEqual(Array.from({ length: 502 }, (_, i) => 502 - i));
});

test("of hundreds at once only the newest have content before the browser asks for others", async () => {
  subscription.deliver(Array.from({ length: 500 }, (_, i) => eventOf(i + 3)));
  await vi.waitFor(() => expect(list.dataset.count).toBe("502"));
  await list.firstRow?.updateComplete;

  const blocks = [...list.querySelectorAll(".row-block")].map((block) => block.childElementCount);
  expect(Math.max(...blocks)).toBeLessThanOrEqual(15);
  const made = [...list.querySelectorAll("record-row")].map((row) => row.childElementCount > 0);
  expect(made.slice(0, 10)).toEqual(Array(10).fill(true));
  expect(made.filter(Boolean).length).toBeLessThanOrEqual(30);
});

test("a new epoch begins with an empty list", async () => {
  subscription.reset({ epoch: "n3w1", sequence: 0 });
  const { dataset } = list;
  await vi.waitFor(() =>
    expect([dataset.epoch, dataset.count, sequences()]).toEqual(["n3w1", "0", []]),
  );
});

test("while the feed catches up, rows are made in few goes", async () => {
  vi.useFakeTimers();
  let goes = 0;
  list.addEventListener("rows-change", () => {
    goes += 1;
  });
  subscription.become({ kind: "catching-up", left: 400 });
  for (let batch = 0; batch < 40; batch += 1) {
    subscription.deliver(Array.from({ length: 10 }, (_, i) => eventOf(3 + batch * 10 + i)));
    await vi.advanceTimersByTimeAsync(25);
  }
  subscription.become({ kind: "live" });
  await vi.advanceTimersByTimeAsync(1_000);
  vi.useRealTimers();

  expect(sequences()).toEqual(Array.from({ length: 402 }, (_, i) => 402 - i));
  expect(goes).toBeLessThan(8);
});
