// @vitest-environment jsdom
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { type Alert, type AlertEdge, FeedAlerts, SILENT } from "../src/feed-alerts";
import type { FeedInfo } from "../src/library";
import { eventOf, FakeClient, type FakeSubscription, feedInfo } from "./fake-library";

let client: FakeClient;
let wanted: FeedInfo[];
let known: { epoch: string; sequence: number } | null;
let looked: string | null;
let elsewhere: string | null;
let kinds: string[];
let led: string[];
let shown: Alert[];
let missed: [number, number][];
let sounds: number;
let cleared: (string | null)[];
let answer: () => void;
let alerts: FeedAlerts;

beforeEach(() => {
  vi.useFakeTimers();
  client = new FakeClient();
  wanted = [feedInfo("orders", { head: 7 })];
  known = null;
  [looked, elsewhere] = [null, null];
  [led, kinds] = [
    ["notify", "sound"],
    ["notify", "sound"],
  ];
  [shown, missed, cleared, sounds] = [[], [], [], 0];
  const edge: AlertEdge = {
    ...SILENT,
    leads: (kind) => led.includes(kind),
    isLookedAtElsewhere: async (slug) => slug === elsewhere,
    notify: (alert, onAnswer) => {
      shown.push(alert);
      answer = onAnswer;
    },
    notifyMissed: (count, feeds) => missed.push([count, feeds]),
    sound: () => {
      sounds += 1;
    },
    clear: (slug) => cleared.push(slug),
  };
  const surroundings = {
    client: () => client,
    wanted: () => wanted,
    wants: (_: string, kind: string) => kinds.includes(kind),
    positionOf: () => known,
    isLookedAt: (slug: string) => slug === looked,
  };
  alerts = new FeedAlerts(surroundings, edge);
  alerts.update();
});

afterEach(() => vi.useRealTimers());

const orders = () => client.subscriptions.get("orders") as FakeSubscription;
const pass = (ms: number) => vi.advanceTimersByTimeAsync(ms);
const counts = () => shown.map(({ count }) => count);

function goLive(): void {
  orders().become({ kind: "live" });
}

test("what arrives is told of, gathered, with the newest", async () => {
  goLive();
  orders().deliver([eventOf(8), eventOf(9)]);
  orders().deliver([eventOf(10)]);
  await pass(300);
  expect([counts(), shown[0]?.newest.sequence, sounds]).toEqual([[3], 10, 1]);
});

test("it goes on from the newest event, and what it began with is no news", async () => {
  expect(orders().position).toEqual({ epoch: "k3f9", sequence: 7 });
  orders().deliver([eventOf(8)], false);
  goLive();
  await pass(10_000);
  expect([shown, missed]).toEqual([[], []]);
});

test("what comes into a feed that is followed is news at once", async () => {
  known = { epoch: "k3f9", sequence: 8 };
  alerts.restart();
  expect(orders().position).toEqual(known);
  orders().deliver([eventOf(9)], false);
  goLive();
  await pass(300);
  expect([counts(), missed]).toEqual([[1], []]);
});

test("it is told of at a pace, and counted until the reader has answered", async () => {
  goLive();
  orders().deliver([eventOf(8)]);
  await pass(300);
  orders().deliver([eventOf(9)]);
  await pass(1_000);
  expect(counts()).toEqual([1]);
  await pass(2_000);
  expect(counts()).toEqual([1, 2]);
  answer();
  orders().deliver([eventOf(10)]);
  await pass(3_000);
  expect(counts()).toEqual([1, 2, 1]);
});

test.each([
  ["it is looked at", () => (looked = "orders")],
  ["it is looked at in another tab", () => (elsewhere = "orders")],
  ["another tab tells", () => (led = [])],
])("nothing is told where %s, nor later of that", async (_, begin) => {
  begin();
  goLive();
  orders().deliver([eventOf(8)]);
  await pass(3_000);
  [looked, elsewhere, led] = [null, null, ["notify"]];
  orders().deliver([eventOf(9)]);
  await pass(3_000);
  expect(counts()).toEqual([1]);
});

test.each([
  ["here", (slug: string | null) => (looked = slug)],
  ["in another tab", (slug: string | null) => (elsewhere = slug)],
])(
  "what arrived while somebody looked %s is not told of, though he leaves at once",
  async (_, look) => {
    goLive();
    look("orders");
    orders().deliver([eventOf(8)]);
    await pass(1);
    look(null);
    orders().deliver([eventOf(9)]);
    await pass(300);
    expect(counts()).toEqual([1]);
  },
);

test("what was looked at meanwhile is not told of", async () => {
  goLive();
  orders().deliver([eventOf(8)]);
  await pass(100);
  alerts.noteLooked("orders");
  await pass(3_000);
  expect(shown).toEqual([]);
});

test("what was read elsewhere meanwhile is not told of", async () => {
  goLive();
  orders().deliver([eventOf(8), eventOf(9)]);
  await pass(100);
  alerts.noteSeen("orders", { epoch: "k3f9", sequence: 9 });
  await pass(3_000);
  expect(shown).toEqual([]);
});

test("a notification is taken back once all of it was read elsewhere", async () => {
  goLive();
  orders().deliver([eventOf(8), eventOf(9)]);
  await pass(300);
  alerts.noteSeen("orders", { epoch: "k3f9", sequence: 8 });
  expect(cleared).toEqual([]);
  alerts.noteSeen("orders", { epoch: "k3f9", sequence: 9 });
  expect(cleared).toEqual(["orders"]);
  orders().deliver([eventOf(10)]);
  await pass(3_000);
  expect(counts()).toEqual([2, 1]);
});

test("a tab that may make no sound notifies, and another one sounds", async () => {
  led = ["notify"];
  goLive();
  orders().deliver([eventOf(8)]);
  await pass(300);
  expect([counts(), sounds]).toEqual([[1], 0]);
  led = ["sound"];
  orders().deliver([eventOf(9)]);
  await pass(3_000);
  expect([counts(), sounds]).toEqual([[1], 1]);
});

test("what was missed is told of in one word for all feeds", async () => {
  wanted = [...wanted, feedInfo("stock", { head: 3 })];
  alerts.update();
  const stock = client.subscriptions.get("stock") as FakeSubscription;
  for (const feed of [orders(), stock]) feed.become({ kind: "live" });
  for (const feed of [orders(), stock]) {
    feed.become({ kind: "catching-up", left: 0 });
    feed.deliver([eventOf(8), eventOf(9)], false);
    feed.become({ kind: "live" });
  }
  await pass(2_000);
  expect([shown, missed, sounds]).toEqual([[], [[4, 2]], 1]);
});

test("a feed that is not wanted any more is not listened to", async () => {
  goLive();
  wanted = [];
  orders().deliver([eventOf(8)]);
  alerts.update();
  await pass(3_000);
  expect([orders().isOpen, shown]).toEqual([false, []]);
});

test("who wants the sound alone is shown nothing", async () => {
  kinds = ["sound"];
  goLive();
  orders().deliver([eventOf(8)]);
  await pass(3_000);
  expect([shown, sounds]).toEqual([[], 1]);
});
