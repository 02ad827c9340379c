import { RecordStore } from "aviso-feed";
import { beforeEach, expect, test, vi } from "vitest";
import { KEPT_AFTER_TRIM, MOST_KEPT, MOST_KEPT_BYTES } from "../src/kept-limits";
import type { FeedEvent } from "../src/library";
import { WatchedFeed } from "../src/watched-feed";
import { eventOf, FakeSubscription, feedInfo } from "./fake-library";

let subscription: FakeSubscription;
let feed: WatchedFeed;

beforeEach(() => {
  subscription = new FakeSubscription("orders", null);
  feed = new WatchedFeed(feedInfo("orders"), new RecordStore());
  feed.follow(subscription);
});

function becomeLiveAt(sequence: number): void {
  subscription.deliver([eventOf(sequence - 1), eventOf(sequence)], false);
  subscription.become({ kind: "live" });
}

test("what a feed begins with is not unread", () => {
  becomeLiveAt(40);
  expect(feed.unread).toBe(0);
});

test("what arrives while nobody looks is unread", () => {
  becomeLiveAt(40);
  subscription.deliver([eventOf(41), eventOf(42)]);
  expect(feed.unread).toBe(2);
});

test("what arrives under the reader's eyes is not", () => {
  feed.setLookedAt(true);
  becomeLiveAt(40);
  subscription.deliver([eventOf(41)]);
  expect(feed.unread).toBe(0);
});

test("nothing is unread before it is known what was seen", () => {
  subscription.deliver([eventOf(40)], false);
  expect(feed.unread).toBe(0);
});

test("in a new epoch what follows its beginning is unread", () => {
  becomeLiveAt(40);
  subscription.deliver([eventOf(41)]);
  subscription.reset({ epoch: "n3w1", sequence: 3 });
  subscription.deliver(
    [4, 5].map((sequence) => eventOf(sequence, {}, { epoch: "n3w1" })),
    false,
  );
  expect(feed.unread).toBe(2);
});

test("a place with nothing to show moves the position on and is not unread", () => {
  becomeLiveAt(40);
  subscription.moveTo(41);
  expect([feed.unread, feed.applied?.sequence, feed.records.size]).toEqual([0, 41, 2]);
});

test("where the newest places have nothing to show, the records below them are fetched", async () => {
  subscription.older = [eventOf(2), eventOf(3)];
  subscription.moveTo(40);
  subscription.become({ kind: "live" });
  await vi.waitFor(() => expect(feed.records.size).toBe(2));
});

test("looking makes everything read and remembers from where it was new", () => {
  becomeLiveAt(40);
  subscription.deliver([eventOf(41), eventOf(42)]);
  feed.setLookedAt(true);
  expect([feed.unread, feed.newAfter]).toEqual([0, 40]);
});

test("while paused events are counted, not shown", () => {
  feed.setLookedAt(true);
  becomeLiveAt(40);
  feed.setPaused(true);
  subscription.deliver([eventOf(41), eventOf(42)]);
  expect([feed.records.size, feed.heldCount, feed.unread, feed.applied?.sequence]).toEqual([
    2, 2, 2, 40,
  ]);
});

test("resuming shows what was held, in order", () => {
  feed.setLookedAt(true);
  becomeLiveAt(40);
  feed.setPaused(true);
  subscription.deliver([eventOf(41), eventOf(42)]);
  feed.setPaused(false);
  expect(feed.records.at(0)?.sequence).toBe(42);
  expect([feed.heldCount, feed.unread, feed.applied?.sequence]).toEqual([0, 0, 42]);
});

test("a new epoch forgets what was shown and what was held", () => {
  becomeLiveAt(40);
  feed.setPaused(true);
  subscription.deliver([eventOf(41)]);
  subscription.reset({ epoch: "n3w1", sequence: 0 });
  expect([feed.records.size, feed.heldCount, feed.wasReset]).toEqual([0, 0, true]);
});

test("older events are added below until the first one is there", async () => {
  becomeLiveAt(40);
  subscription.older = Array.from({ length: 38 }, (_, i) => eventOf(i + 1));
  await feed.loadOlder();
  expect([feed.records.size, feed.olderState]).toEqual([40, "end"]);
});

test("older events that cannot be had can be tried again", async () => {
  becomeLiveAt(40);
  subscription.loadOlder = () => Promise.reject(new Error("not reached"));
  await feed.loadOlder();
  expect(feed.olderState).toBe("failed");
  subscription.loadOlder = async () => [];
  await feed.loadOlder();
  expect(feed.olderState).toBe("end");
});

test.each(["no-longer-open", "credentials"] as const)(
  "of what is refused as %s nothing stays in sight",
  (code) => {
    becomeLiveAt(40);
    subscription.become({ kind: "refused", code, reason: "" });
    expect([feed.records.size, feed.isRefused, feed.state.kind]).toEqual([0, true, "refused"]);
  },
);

test("an empty feed is loaded once it is live", () => {
  subscription.position = { epoch: "k3f9", sequence: 0 };
  subscription.become({ kind: "live" });
  expect([feed.isLoaded, feed.olderState]).toEqual([true, "end"]);
});

test("another subscription goes on where the one before it was, and is the only one heard", () => {
  becomeLiveAt(40);
  const next = new FakeSubscription("orders", feed.position);
  feed.follow(next);
  subscription.deliver([eventOf(41)]);
  next.deliver([eventOf(41), eventOf(42)]);
  expect([subscription.isOpen, next.isOpen, feed.records.size]).toEqual([false, true, 4]);
});

test("a page left open keeps the newest records, each in its place, and can ask for the rest", () => {
  becomeLiveAt(2);
  const many = Array.from({ length: MOST_KEPT - 2 }, (_, i) => eventOf(i + 3));
  subscription.deliver(many);
  const last = MOST_KEPT;
  subscription.deliver([
    eventOf(last + 1, {}, { type: "updated", number: last - 10, version: 2 }),
    eventOf(last + 2),
  ]);
  expect([feed.records.size, feed.records.at(0)?.sequence, feed.olderState]).toEqual([
    KEPT_AFTER_TRIM,
    last + 2,
    "more",
  ]);
  const updated = feed.records.slice(0, 20).find((entry) => entry.record?.version === 2);
  expect([updated?.sequence, updated?.event.sequence]).toEqual([last - 10, last + 1]);
});

const manyFrom = (first: number, count: number): FeedEvent[] =>
  Array.from({ length: count }, (_, i) => eventOf(first + i));

test("nothing is taken away while the reader is further down, and no more than so much is added", async () => {
  becomeLiveAt(40);
  feed.isReadingOlder = true;
  subscription.deliver(manyFrom(41, MOST_KEPT));
  expect(feed.records.size).toBe(MOST_KEPT + 2);
  const last = MOST_KEPT + 40;

  subscription.deliver([
    eventOf(last + 1),
    eventOf(last + 2, {}, { type: "updated", number: 47, version: 2 }),
  ]);
  await feed.loadOlder();

  expect([feed.records.size, feed.heldCount]).toEqual([MOST_KEPT + 2, 1]);
  expect(feed.olderState).toBe("full");
  expect(feed.records.get(eventOf(47).subject ?? "")?.record?.version).toBe(2);
  expect(feed.applied?.sequence).toBe(last);
  feed.isReadingOlder = false;
  expect([feed.records.size, feed.records.at(0)?.sequence]).toEqual([KEPT_AFTER_TRIM, last + 1]);
  expect([feed.heldCount, feed.olderState, feed.applied?.sequence]).toEqual([0, "more", last + 2]);
});

test("what waits above a reader is bounded, and so is a pause", () => {
  becomeLiveAt(2);
  feed.isReadingOlder = true;
  subscription.deliver(manyFrom(3, MOST_KEPT));
  const text = "x".repeat(60_000);
  const first = MOST_KEPT + 3;
  for (let n = 0; n < 2_000; n += 1) subscription.deliver([eventOf(first + n, { text })]);

  feed.isReadingOlder = false;

  expect(feed.records.at(0)?.sequence).toBe(first + 1_999);
  expect(feed.records.bytes).toBeLessThan(MOST_KEPT_BYTES);
  const places = feed.records.slice(0, feed.records.size).map(({ sequence }) => sequence);
  expect(places).toEqual(places.map((_, index) => first + 1_999 - index));
});

test("a reset empties a full list at once", () => {
  becomeLiveAt(2);
  feed.isReadingOlder = true;
  subscription.deliver(manyFrom(3, MOST_KEPT + 1));
  subscription.deliver(manyFrom(MOST_KEPT + 4, 2));
  subscription.deliver([resetAt(MOST_KEPT + 6), eventOf(MOST_KEPT + 7)]);
  expect([feed.records.size, feed.heldCount]).toEqual([1, 0]);
});

test("records of any size are bounded too", () => {
  becomeLiveAt(2);
  const text = "x".repeat(60_000);
  for (let n = 3; n < 2_000; n += 1) subscription.deliver([eventOf(n, { text })]);
  expect(feed.records.bytes).toBeLessThan(MOST_KEPT_BYTES + 200_000);
  expect([feed.records.at(0)?.sequence, feed.olderState]).toEqual([1_999, "more"]);
});

test("what was let go is asked for from the newest change of any of it on", async () => {
  becomeLiveAt(2);
  subscription.deliver(manyFrom(3, MOST_KEPT - 2));
  const last = MOST_KEPT;
  subscription.deliver([
    eventOf(last + 1, {}, { type: "updated", number: 5, version: 2 }),
    eventOf(last + 2),
  ]);
  const asked: number[] = [];
  subscription.loadOlder = async (before) => {
    asked.push(before);
    return [eventOf(before - 1, {}, { type: "updated", number: 5, version: 2 })];
  };
  await feed.loadOlder();
  expect(asked).toEqual([last + 2]);
  expect(feed.records.get(eventOf(5).subject ?? "")?.record?.version).toBe(2);
});

test("who missed too much sees the newest, and is told how much is not shown", async () => {
  becomeLiveAt(40);
  feed.setLookedAt(true);
  feed.setLookedAt(false);
  subscription.reset({ epoch: "k3f9", sequence: 90_000, skipped: { from: 41, to: 90_000 } });
  subscription.deliver([eventOf(90_001), eventOf(90_002)], false);
  expect([feed.skippedCount, feed.wasReset, feed.records.size]).toEqual([89_960, false, 2]);
  expect([feed.unread, feed.olderState]).toEqual([89_962, "more"]);
  subscription.older = manyFrom(89_901, 100);
  await feed.loadOlder();
  expect(feed.skippedCount).toBe(89_860);
  feed.dismissProblem();
  expect(feed.skippedCount).toBe(0);
});

test("a pause that held too much shows the newest and leaves no hole below them", () => {
  becomeLiveAt(2);
  feed.setPaused(true);
  subscription.deliver(Array.from({ length: MOST_KEPT + 1 }, (_, i) => eventOf(i + 3)));
  expect(feed.heldCount).toBe(MOST_KEPT + 1);
  feed.setPaused(false);
  const oldest = feed.records.at(feed.records.size - 1)?.sequence;
  expect([feed.records.size, oldest, feed.olderState]).toEqual([
    KEPT_AFTER_TRIM,
    MOST_KEPT + 4 - KEPT_AFTER_TRIM,
    "more",
  ]);
});

test("what came since it was last seen is unread and new, what was seen is not", () => {
  feed = new WatchedFeed(feedInfo("orders"), new RecordStore(), { epoch: "k3f9", sequence: 39 });
  feed.follow(subscription);
  becomeLiveAt(40);
  expect(feed.unread).toBe(1);
  feed.setLookedAt(true);
  expect([feed.unread, feed.newAfter, feed.seen?.sequence]).toEqual([0, 39, 40]);
});

test("what was seen in another epoch says nothing", () => {
  feed = new WatchedFeed(feedInfo("orders"), new RecordStore(), { epoch: "0ld0", sequence: 3 });
  feed.follow(subscription);
  becomeLiveAt(40);
  subscription.deliver([eventOf(41)]);
  expect([feed.unread, feed.seen]).toEqual([1, { epoch: "k3f9", sequence: 40 }]);
});

const resetAt = (sequence: number): FeedEvent => {
  const { record: _, subject: __, ...envelope } = eventOf(sequence);
  return { ...envelope, type: "reset", reset: { cause: "truncated" } };
};

test("a feed that is emptied is empty, and goes on", () => {
  becomeLiveAt(40);
  subscription.deliver([resetAt(41)]);
  expect([feed.records.size, feed.applied?.sequence, feed.unread]).toEqual([0, 41, 0]);
  subscription.deliver([eventOf(42)]);
  expect([feed.records.size, feed.unread, feed.wasReset]).toEqual([1, 1, false]);
});

test("behind a reset there is nothing older to ask for", () => {
  becomeLiveAt(40);
  subscription.deliver([resetAt(41), eventOf(42)]);
  expect(feed.olderState).toBe("end");
});

test("older events end at a reset, and those before it are not shown", async () => {
  becomeLiveAt(40);
  subscription.older = [eventOf(35), resetAt(36), eventOf(37), eventOf(38)];
  await feed.loadOlder();
  const shown = feed.records.slice(0, 10).map(({ sequence }) => sequence);
  expect([shown, feed.olderState]).toEqual([[40, 39, 38, 37], "end"]);
});

test("while paused a reset is held like everything else", () => {
  becomeLiveAt(40);
  feed.setPaused(true);
  subscription.deliver([resetAt(41), eventOf(42)]);
  expect(feed.records.size).toBe(2);
  feed.setPaused(false);
  expect([feed.records.size, feed.records.at(0)?.sequence]).toEqual([1, 42]);
});

const listedAt = (place: number): FeedEvent => ({
  ...eventOf(0, { item: "tea" }, { number: Math.round(1000 + place * 10) }),
  type: "listed",
  place,
});

test("rows of a table that no event told are shown, and more can be asked for", async () => {
  subscription.deliver([listedAt(-0.1), listedAt(0)], false);
  subscription.become({ kind: "live" });
  expect([feed.records.size, feed.olderState, feed.unread]).toEqual([2, "more", 0]);
  subscription.loadOlder = async () => [listedAt(-0.2)];
  await feed.loadOlder();
  expect([feed.records.size, feed.olderState]).toEqual([3, "more"]);
  expect(feed.records.at(2)?.sequence).toBe(-0.2);
  subscription.loadOlder = async () => [];
  await feed.loadOlder();
  expect(feed.olderState).toBe("end");
});

test("the list of a table is bounded too, and goes on below what is kept", async () => {
  subscription.deliver([listedAt(-0.1), listedAt(0)], false);
  subscription.become({ kind: "live" });
  subscription.deliver(manyFrom(1, MOST_KEPT + 1));
  expect(feed.records.size).toBe(KEPT_AFTER_TRIM);
  const lowest = feed.records.at(KEPT_AFTER_TRIM - 1)?.sequence as number;
  const asked: number[] = [];
  subscription.loadOlder = async (before) => {
    asked.push(before);
    // The table from its top: rows that are there, and then one that is not.
    const known = { ...eventOf(MOST_KEPT), type: "listed" as const, place: lowest - 0.1 };
    return asked.length === 1 ? [known] : [listedAt(lowest - 0.2)];
  };

  await feed.loadOlder();

  expect(asked).toEqual([lowest, lowest - 0.1]);
  expect(feed.records.size).toBe(KEPT_AFTER_TRIM + 1);
  expect(feed.records.get(eventOf(MOST_KEPT).subject ?? "")?.event.type).toBe("created");
});

test("what is caught up with has no part in the pulse, what arrives has", () => {
  becomeLiveAt(40);
  subscription.deliver([eventOf(41)], false);
  expect(feed.pulse.beatAt(Date.now()).lastMinute).toBe(0);
  subscription.deliver([eventOf(42), eventOf(43)]);
  expect(feed.pulse.beatAt(Date.now()).lastMinute).toBe(2);
});

test("of a feed that is shut no pulse is left", () => {
  becomeLiveAt(40);
  subscription.deliver([eventOf(41)]);
  feed.shut();
  const { rate, lastAt, lastMinute } = feed.pulse.beatAt(Date.now());
  expect([rate, lastAt, lastMinute]).toEqual([null, null, 0]);
});
