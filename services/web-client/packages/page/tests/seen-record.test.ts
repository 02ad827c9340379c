import { ApiError, RecordStore } from "aviso-feed";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { FeedRecord } from "../src/library";
import type { HistoryEvent } from "../src/record-reading";
import { HISTORY_EVENTS, MOST_HISTORY, type RecordSource, SeenRecord } from "../src/seen-record";
import { WatchedFeed } from "../src/watched-feed";
import { eventOf, FakeSubscription, feedInfo, recordOf } from "./fake-library";

const ID = recordOf(1, {}).id;
let subscription: FakeSubscription;
let feed: WatchedFeed;
let seen: SeenRecord | null = null;

beforeEach(() => {
  subscription = new FakeSubscription("orders", null);
  feed = new WatchedFeed(feedInfo("orders"), new RecordStore());
  feed.follow(subscription);
});

afterEach(() => {
  seen?.stop();
  vi.useRealTimers();
  vi.restoreAllMocks();
});

const past = (sequence: number, type: HistoryEvent["type"], n: number): HistoryEvent => ({
  sequence,
  type,
  time: "2026-11-24T09:30:00Z",
  record: recordOf(1, { n }),
});

const pageOf = (events: readonly HistoryEvent[], hasMore = false) => ({ events, hasMore });

async function look(
  record: FeedRecord | null,
  history: HistoryEvent[],
  older: HistoryEvent[] = [],
) {
  const source: RecordSource = {
    record: async () => record,
    history: async (before) =>
      pageOf(before === null ? history : older, before === null && older.length > 0),
  };
  seen = new SeenRecord(feed, ID, source, () => {});
  await vi.waitFor(() => expect(seen?.state).not.toBe("loading"));
  return seen;
}

const sequences = () => seen?.history.map(({ sequence }) => sequence);

test("a record is what REST says, and then what the feed tells", async () => {
  const record = await look(recordOf(1, { n: 2 }), [past(3, "created", 1), past(4, "updated", 2)]);
  expect([record.state, record.olderState]).toEqual(["present", "end"]);
  subscription.deliver([
    eventOf(5, { n: 3 }, { type: "updated", number: 1, version: 3 }),
    eventOf(6, { n: 9 }, { number: 2 }),
  ]);
  expect(record.record?.data).toEqual({ n: 3 });
  expect(sequences()).toEqual([3, 4, 5]);
});

test("what the history has already is not taken twice", async () => {
  subscription.deliver([eventOf(3, { n: 1 }, { number: 1 })]);
  await look(recordOf(1, { n: 1 }), [past(3, "created", 1)]);
  expect(sequences()).toEqual([3]);
});

test("a deleted record is shown as it was, and one that nobody knows is missing", async () => {
  const deleted = await look(null, [past(3, "created", 1), past(4, "deleted", 1)]);
  expect([deleted.state, deleted.record?.data]).toEqual(["deleted", { n: 1 }]);
  deleted.stop();
  expect((await look(null, [])).state).toBe("missing");
});

test("what was before comes on demand, until the record's beginning", async () => {
  const record = await look(
    recordOf(1, { n: 2 }),
    [past(8, "updated", 2)],
    [past(3, "created", 1)],
  );
  expect(record.olderState).toBe("more");
  await record.loadOlder();
  expect([sequences(), record.olderState]).toEqual([[3, 8], "end"]);
});

test.each([
  [new ApiError(429, "", null, 30_000), "too-many", 30],
  [new ApiError(503, "", null, 40_000), "server-error", 40],
  [new ApiError(0, ""), "unreachable", 2],
])(
  "where it cannot be had, by %o, it says so and asks again by itself",
  async (failure, kind, s) => {
    vi.useFakeTimers();
    vi.spyOn(Math, "random").mockReturnValue(0.999);
    let asked = 0;
    const source: RecordSource = {
      record: async () => recordOf(1, { n: 1 }),
      history: async () => {
        asked += 1;
        if (asked === 1) throw failure;
        return pageOf([past(3, "created", 1)]);
      },
    };
    seen = new SeenRecord(feed, ID, source, () => {});
    await vi.advanceTimersByTimeAsync(0);
    expect([seen.state, seen.failure?.kind]).toEqual(["failed", kind]);

    await vi.advanceTimersByTimeAsync((s - 1) * 1_000);
    expect(asked).toBe(1);
    await vi.advanceTimersByTimeAsync(1_000);

    expect([asked, seen.state, seen.failure]).toEqual([2, "present", null]);
  },
);

test("who leaves a record that cannot be had, or asks himself, is not asked for twice", async () => {
  vi.useFakeTimers();
  let asked = 0;
  const source: RecordSource = {
    record: async () => null,
    history: async () => {
      asked += 1;
      throw new ApiError(503, "");
    },
  };
  seen = new SeenRecord(feed, ID, source, () => {});
  await vi.advanceTimersByTimeAsync(0);
  await seen.load();
  await vi.advanceTimersByTimeAsync(1_900);
  expect(asked).toBe(2);

  seen.stop();
  await vi.advanceTimersByTimeAsync(100_000);

  expect(asked).toBe(2);
});

test("each of several changes that came at once is a step", async () => {
  const record = await look(recordOf(1, { n: 1 }), [past(3, "created", 1)]);
  subscription.deliver([
    eventOf(4, { n: 2 }, { type: "updated", number: 1, version: 2 }),
    eventOf(5, { n: 3 }, { type: "updated", number: 1, version: 3 }),
  ]);
  expect(sequences()).toEqual([3, 4, 5]);
  expect(record.steps.map(({ changes }) => changes?.[0]?.before)).toEqual([2, 1, undefined]);
});

test("what happens while it is read is not lost", async () => {
  let answer = () => {};
  const source: RecordSource = {
    record: async () => recordOf(1, { n: 1 }),
    history: () =>
      new Promise((resolve) => {
        answer = () => resolve(pageOf([past(3, "created", 1)]));
      }),
  };
  seen = new SeenRecord(feed, ID, source, () => {});
  subscription.deliver([
    eventOf(3, { n: 1 }, { number: 1 }),
    eventOf(4, { n: 2 }, { type: "updated", number: 1, version: 2 }),
    eventOf(5, { n: 3 }, { type: "updated", number: 1, version: 3 }),
  ]);
  answer();
  await vi.waitFor(() => expect(seen?.state).toBe("present"));
  expect([sequences(), seen.record?.data]).toEqual([[3, 4, 5], { n: 3 }]);
});

test("a record that changes all day has a bounded history, and the rest on demand", async () => {
  const record = await look(recordOf(1, { n: 1 }), [past(1, "created", 1)]);
  for (let n = 2; n <= 1_000; n += 1) {
    subscription.deliver([eventOf(n, { n }, { type: "updated", number: 1, version: n })]);
  }
  expect(record.history.length).toBeLessThanOrEqual(2 * HISTORY_EVENTS);
  expect([record.history.at(-1)?.sequence, record.olderState]).toEqual([1_000, "more"]);
});

test("beyond so many the page asks for no more", async () => {
  const source: RecordSource = {
    record: async () => recordOf(1, { n: 1 }),
    history: async (before, limit) => {
      const from = (before ?? 10_000) - limit;
      return pageOf(
        Array.from({ length: limit }, (_, i) => past(from + i, "updated", i)),
        true,
      );
    },
  };
  seen = new SeenRecord(feed, ID, source, () => {});
  await vi.waitFor(() => expect(seen?.state).toBe("present"));
  for (let page = 0; page < 20; page += 1) await seen.loadOlder();
  expect([seen.history.length, seen.olderState]).toEqual([MOST_HISTORY, "full"]);
});

test("steps are made once for a history, and those that stay the same are kept", async () => {
  const record = await look(recordOf(1, { n: 1 }), [past(3, "created", 1), past(4, "updated", 2)]);
  const before = record.steps;
  expect(record.steps).toBe(before);
  subscription.deliver([eventOf(5, { n: 3 }, { type: "updated", number: 1, version: 3 })]);
  expect(record.steps[1]).toBe(before[0]);
});
