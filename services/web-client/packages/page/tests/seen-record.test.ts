import { ApiError, RecordStore } from "aviso-feed";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { FeedRecord } from "../src/library";
import type { HistoryEvent } from "../src/record-reading";
import { type RecordSource, SeenRecord } from "../src/seen-record";
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

afterEach(() => seen?.stop());

const past = (sequence: number, type: HistoryEvent["type"], n: number): HistoryEvent => ({
  sequence,
  type,
  time: "2026-11-24T09:30:00Z",
  record: recordOf(1, { n }),
});

async function look(
  record: FeedRecord | null,
  history: HistoryEvent[],
  older: HistoryEvent[] = [],
) {
  const source: RecordSource = {
    record: async () => record,
    history: async (before) => (before === null ? history : older),
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

test("where it cannot be had it says so, and can be asked again", async () => {
  let isUp = false;
  const source: RecordSource = {
    record: async () => recordOf(1, { n: 1 }),
    history: async () => {
      if (!isUp) throw new ApiError(503, "");
      return [past(3, "created", 1)];
    },
  };
  seen = new SeenRecord(feed, ID, source, () => {});
  await vi.waitFor(() => expect(seen?.state).toBe("failed"));
  isUp = true;
  await seen.load();
  expect(seen.state).toBe("present");
});
