// @vitest-environment jsdom
import { RecordStore } from "aviso-feed";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { readingIn } from "../src/reading";
import type { RecordTable } from "../src/record-table";
import { type FeedRoute, routeOfFeed } from "../src/route";
import { WatchedFeed } from "../src/watched-feed";
import { eventOf, FakeSubscription, feedInfo } from "./fake-library";
import { FakeObserver } from "./fake-observer";

/** A store that counts how many entries it was asked for. */
class CountingStore extends RecordStore {
  asked = 0;

  override get(key: string) {
    this.asked += 1;
    return super.get(key);
  }

  override at(index: number) {
    this.asked += 1;
    return super.at(index);
  }
}

const ROUTE: FeedRoute = { ...routeOfFeed("orders"), view: "table" };

let subscription: FakeSubscription;
let store: CountingStore;
let feed: WatchedFeed;
let table: RecordTable;

/** jsdom lays nothing out: a window of ten rows. */
beforeEach(async () => {
  vi.stubGlobal("ResizeObserver", FakeObserver);
  vi.spyOn(HTMLElement.prototype, "clientHeight", "get").mockReturnValue(440);
  vi.spyOn(HTMLElement.prototype, "offsetHeight", "get").mockReturnValue(440);
  vi.spyOn(HTMLElement.prototype, "offsetWidth", "get").mockReturnValue(800);
  await import("../src/record-table");
  subscription = new FakeSubscription("orders", null);
  store = new CountingStore();
  feed = new WatchedFeed(feedInfo("orders"), store);
  feed.follow(subscription);
  feed.setLookedAt(true);
});

afterEach(() => {
  table.remove();
  vi.unstubAllGlobals();
});

/** Draw the table of a feed that has so many records. */
async function drawn(count: number, change: Partial<FeedRoute> = {}): Promise<void> {
  const events = Array.from({ length: count }, (_, at) => eventOf(at + 1, { n: (at * 7) % 10 }));
  subscription.deliver(events, false);
  subscription.become({ kind: "live" });
  feed.olderState = "end";
  table = document.createElement("record-table") as RecordTable;
  table.shown = feed;
  table.route = { ...ROUTE, ...change };
  table.reading = readingIn("en");
  document.body.append(table);
  await table.updateComplete;
  await table.updateComplete;
}

const rows = () => [...table.querySelectorAll<HTMLElement>(".table-row")];
const sequences = () => rows().map(({ dataset }) => Number(dataset.sequence));
const grid = () => table.querySelector<HTMLElement>(".table-scroll") as HTMLElement;

function press(...keys: string[]): void {
  for (const key of keys) grid().dispatchEvent(new KeyboardEvent("keydown", { key }));
}

async function arrive(...events: Parameters<typeof eventOf>[]): Promise<void> {
  const count = store.size;
  subscription.deliver(events.map((each) => eventOf(...each)));
  const isShown = () => expect(grid().dataset.position).toBe(String(feed.applied?.sequence));
  await vi.waitFor(isShown);
  expect(store.size).toBeGreaterThanOrEqual(count);
}

test("the newest stand first, only those near the window are drawn, and all are counted", async () => {
  await drawn(100);
  expect(sequences()).toEqual(Array.from({ length: rows().length }, (_, at) => 100 - at));
  expect(rows().length).toBeLessThan(40);
  expect(grid().dataset.count).toBe("100");
  expect(grid().getAttribute("aria-rowcount")).toBe("101");
});

test("the head of a column of numbers stands above its figures", async () => {
  subscription.deliver([
    eventOf(1, { count: 12, name: "tea", mixed: 1, none: null }),
    eventOf(2, { count: null, name: "7", mixed: "one", none: null }),
    eventOf(3, { name: "oat", mixed: 2 }),
  ]);
  await drawn(0);
  const heads = [...table.querySelectorAll<HTMLElement>("[role=columnheader]")];
  const ofNumbers = heads.filter(({ dataset }) => "number" in dataset);
  expect(ofNumbers.map((head) => head.textContent?.trim())).toEqual(["count"]);
});

test("no more rows are drawn than there are", async () => {
  await drawn(3);
  expect(sequences()).toEqual([3, 2, 1]);
});

test("a new record comes to the top, marked as new", async () => {
  await drawn(3);
  await arrive([4]);
  expect(sequences()).toEqual([4, 3, 2, 1]);
  expect(rows().map(({ dataset }) => "fresh" in dataset)).toEqual([true, false, false, false]);
});

test("drawn for another reason before what came is, it says how far its rows go, not what came", async () => {
  await drawn(3);
  subscription.deliver([eventOf(4)]);
  press("Home");
  await table.updateComplete;
  expect([grid().dataset.position, sequences()]).toEqual(["3", [3, 2, 1]]);
  await vi.waitFor(() => expect(grid().dataset.position).toBe("4"));
  expect(sequences()).toEqual([4, 3, 2, 1]);
});

test("a change is shown where the record stands, and sorted to where it belongs", async () => {
  await drawn(3, { sorting: { column: "n", isDescending: true } });
  expect(sequences()).toEqual([2, 3, 1]);
  await arrive([4, { n: 9 }, { type: "updated", number: 1, version: 2 }]);
  expect(sequences()).toEqual([4, 2, 3]);
});

test("what was cleared leaves no row, and what follows has one", async () => {
  await drawn(3);
  subscription.reset({ epoch: "other", sequence: 0 });
  subscription.deliver([eventOf(1, { n: 1 }, { epoch: "other" })]);
  await vi.waitFor(() => expect(grid().dataset.count).toBe("1"));
  expect(sequences()).toEqual([1]);
});

test("the keyboard leads from row to row, and the selected one is named", async () => {
  await drawn(60);
  press("ArrowDown", "j", "k");
  await table.updateComplete;
  const selected = () => rows().filter((row) => row.getAttribute("aria-selected") === "true");
  expect(selected().map(({ dataset }) => dataset.sequence)).toEqual(["60"]);
  expect(grid().getAttribute("aria-activedescendant")).toBe(selected()[0]?.id);
  press("PageDown");
  await table.updateComplete;
  expect(selected().map(({ dataset }) => dataset.sequence)).toEqual(["52"]);
  press("End");
  await table.updateComplete;
  expect(table.selected).toBe(eventOf(1).subject);
  press("ArrowDown");
  expect(table.selected).toBe(eventOf(1).subject);
  press("Home", "ArrowUp");
  expect(table.selected).toBe(eventOf(60).subject);
});

test("the selected record stays the selected one when others arrive above it", async () => {
  await drawn(3);
  press("Home");
  await arrive([4], [5]);
  expect(table.selected).toBe(eventOf(3).subject);
  expect(grid().getAttribute("aria-activedescendant")).toBe("row-2");
});

test("Enter opens the selected record, at its own address", async () => {
  await drawn(3);
  press("Enter");
  expect(location.hash).toBe("");
  press("End", "Enter");
  await vi.waitFor(() => expect(location.hash).toContain(`/records/${eventOf(1).subject}`));
  location.hash = "";
});

/** As many as push all that was drawn out of sight. */
const burst = (from: number) =>
  Array.from({ length: 40 }, (_, at): [number, { n: number }] => [from + at, { n: from + at }]);

test("where all records in sight are others, their rows stay and show those", async () => {
  await drawn(50);
  const before = rows();
  await arrive(...burst(51));
  expect(rows().every((row, at) => row === before[at])).toBe(true);
  expect(rows().length).toBe(before.length);
  const first = rows()[0];
  expect(first?.dataset).toMatchObject({ sequence: "90", index: "0", state: "present" });
  expect(first?.querySelector(".table-key a")?.getAttribute("href")).toContain("0000005a");
  expect(first?.querySelector(".cell-text")?.textContent).toBe("90");
  expect(rows().every(({ dataset }) => "fresh" in dataset)).toBe(true);
});

for (const [what, event] of [
  ["pressed", "pointerdown"],
  ["with the focus", "focusin"],
]) {
  test(`a row ${what} never shows another record`, async () => {
    await drawn(50);
    const row = rows()[3] as HTMLElement;
    const { recordId } = row.dataset;
    row.querySelector("a")?.dispatchEvent(new Event(event as string, { bubbles: true }));
    await arrive(...burst(51));
    expect([row.isConnected, row.dataset.recordId]).toEqual([false, recordId]);
    expect(sequences()).toEqual(Array.from({ length: rows().length }, (_, at) => 90 - at));
  });
}

test("a column is sorted up, then down, then as records come", async () => {
  const said: unknown[] = [];
  for (const sorting of [null, false, true]) {
    await drawn(2, { sorting: sorting === null ? null : { column: "n", isDescending: sorting } });
    table.addEventListener("route-change", (event) => said.push((event as CustomEvent).detail));
    table.querySelector<HTMLButtonElement>(".sort")?.click();
    table.remove();
    subscription.reset({ epoch: "k3f9", sequence: 0 });
  }
  expect(said).toEqual([
    { change: { sorting: { column: "n", isDescending: false } }, isStep: false },
    { change: { sorting: { column: "n", isDescending: true } }, isStep: false },
    { change: { sorting: null }, isStep: false },
  ]);
});

for (const sorting of [null, { column: "n", isDescending: false }]) {
  test(`what one record costs does not grow with the table, ${sorting ? "sorted" : "as they come"}`, async () => {
    await drawn(5_000, { sorting });
    store.asked = 0;
    subscription.deliver([eventOf(5_001, { n: 5 })]);
    await vi.waitFor(() => expect(grid().dataset.count).toBe("5001"));
    expect(store.asked).toBeLessThan(100);
  });
}
