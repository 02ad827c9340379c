// @vitest-environment jsdom
import { RecordStore } from "aviso-feed";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { FeedTools } from "../src/feed-tools";
import { NOTHING_SOUGHT } from "../src/find";
import { PastRecords } from "../src/past-records";
import { readingIn } from "../src/reading";
import { type FeedRoute, routeOfFeed } from "../src/route";
import { WatchedFeed } from "../src/watched-feed";
import { eventOf, FakeSubscription, feedInfo } from "./fake-library";

const { t } = readingIn("en");
const FIND = { text: "tea", fields: [] };

let feed: WatchedFeed;
let tools: FeedTools;
let said: { change: Partial<FeedRoute>; isStep: boolean }[];
let files: { name: string; text: Promise<string> }[];

beforeEach(async () => {
  files = [];
  let blob = new Blob();
  URL.createObjectURL = (made) => {
    blob = made as Blob;
    return "blob:records";
  };
  vi.spyOn(HTMLAnchorElement.prototype, "click").mockImplementation(function (
    this: HTMLAnchorElement,
  ) {
    files.push({ name: this.download, text: textOf(blob) });
  });
  const subscription = new FakeSubscription("orders", null);
  feed = new WatchedFeed(feedInfo("orders"), new RecordStore());
  feed.follow(subscription);
  subscription.deliver([
    eventOf(1, { item: "milk", count: 1 }),
    eventOf(2, { item: "tea", count: 2 }),
    eventOf(3, { item: "gone" }),
    eventOf(4, {}, { type: "deleted", number: 3, version: 2 }),
  ]);
  await shown("cards");
});

afterEach(() => tools.remove());

async function shown(view: "cards" | "table", change: Partial<FeedRoute> = {}): Promise<void> {
  tools?.remove();
  said = [];
  tools = new FeedTools();
  tools.feed = feed;
  tools.shown = feed;
  tools.view = view;
  tools.route = { ...routeOfFeed("orders"), ...change };
  tools.reading = readingIn("en");
  tools.addEventListener("route-change", (event) => said.push((event as CustomEvent).detail));
  document.body.append(tools);
  await drawn();
}

async function drawn(): Promise<void> {
  await tools.updateComplete;
  await new Promise((resolve) => setTimeout(resolve));
  await tools.updateComplete;
}

const textOf = (blob: Blob) =>
  new Promise<string>((resolve) => {
    const reader = new FileReader();
    reader.onload = () => resolve(reader.result as string);
    reader.readAsText(blob);
  });
const part = (selector: string) => tools.querySelector<HTMLElement>(selector);
const tell = (selector: string, type: string, detail: unknown) =>
  part(selector)?.dispatchEvent(new CustomEvent(type, { detail, bubbles: true }));
const pastOf = (at: string) => new PastRecords(feed, at, () => new Promise(() => {}));

async function openExport(): Promise<void> {
  const details = part("drop-menu:has([data-export]) > details") as HTMLDetailsElement;
  details.open = true;
  await drawn();
  await drawn();
}

test("which view it is is said at its button, and the other is a step away", async () => {
  expect(part("[data-view=cards]")?.getAttribute("aria-pressed")).toBe("true");
  part("[data-view=table]")?.click();
  expect(said).toEqual([{ change: { view: "table" }, isStep: true }]);
});

test("only a table has dense rows and columns to pick", async () => {
  expect([part("[data-action=dense]") !== null, part("column-picker") !== null]).toEqual([
    false,
    false,
  ]);
  await shown("table", { isDense: true });
  part("[data-action=dense]")?.click();
  tell("column-picker", "columns-change", ["item"]);
  expect(said).toEqual([
    { change: { isDense: false }, isStep: true },
    { change: { columns: ["item"] }, isStep: false },
  ]);
});

test("what is sought is sought in what is", () => {
  tell("find-bar", "find-change", { find: FIND, isStep: false });
  expect(said).toEqual([{ change: { find: FIND, at: null }, isStep: false }]);
});

test("the keyboard is led to the search", () => {
  tools.focusFind();
  expect(document.activeElement?.classList.contains("find-text")).toBe(true);
});

test("a click opens the slider and leads there, another one closes it, and says nothing", async () => {
  part("[data-action=past]")?.click();
  await drawn();
  await drawn();
  expect(part("past-bar")?.contains(document.activeElement)).toBe(true);
  part("[data-action=past]")?.click();
  await drawn();
  expect([part("past-bar") !== null, said]).toEqual([false, []]);
});

test("looking back shows all that was, and only its beginning and its end are steps", async () => {
  await shown("cards", { find: FIND });
  part("[data-action=past]")?.click();
  await drawn();
  tell("past-bar", "past-change", "2");
  expect(said).toEqual([{ change: { at: "2", find: NOTHING_SOUGHT }, isStep: true }]);
  tools.past = pastOf("2");
  await drawn();
  tell("past-bar", "past-change", "1");
  tell("past-bar", "past-change", null);
  expect(said.slice(1)).toEqual([
    { change: { at: "1", find: NOTHING_SOUGHT }, isStep: false },
    { change: { at: null, find: FIND }, isStep: true },
  ]);
});

test("who closes the slider while looking back is led back to what is", async () => {
  tools.past = pastOf("2");
  await drawn();
  part("[data-action=past]")?.click();
  expect(said).toEqual([{ change: { at: null }, isStep: true }]);
});

test("the records that are there are counted once the menu is open, and taken along as CSV", async () => {
  expect(part("[data-export-count]")?.textContent).toBe(t("exportHint", { count: 0 }));
  await openExport();
  expect(part("[data-export-count]")?.textContent).toBe(t("exportHint", { count: 2 }));
  part("[data-export=csv]")?.click();
  expect(files.map(({ name }) => name)).toEqual(["orders.csv"]);
  const lines = (await files[0]?.text)?.split("\r\n") ?? [];
  expect(lines.map((line) => line.split(",").slice(-2))).toEqual([
    ["item", "count"],
    ["tea", "2"],
    ["milk", "1"],
    [""],
  ]);
});

test("a table takes along the columns that it shows, and as JSON lines a record is whole", async () => {
  await shown("table", { columns: ["count"] });
  part("[data-export=csv]")?.click();
  part("[data-export=jsonl]")?.click();
  expect(files.map(({ name }) => name)).toEqual(["orders.csv", "orders.jsonl"]);
  const [head] = (await files[0]?.text)?.split("\r\n") ?? [];
  expect(head?.split(",").slice(-2)).toEqual(["updated_at", "count"]);
  const lines = (await files[1]?.text)?.trim().split("\n") ?? [];
  expect(lines.map((line) => JSON.parse(line).data)).toEqual([
    { item: "tea", count: 2 },
    { item: "milk", count: 1 },
  ]);
});
