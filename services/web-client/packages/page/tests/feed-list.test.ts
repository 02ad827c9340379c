// @vitest-environment jsdom

import { render } from "lit";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { FeedList } from "../src/feed-list";
import { feedNav } from "../src/feed-nav";
import { PageModel } from "../src/page-model";
import { readingIn } from "../src/reading";
import { FakeLibrary, feedInfo } from "./fake-library";
import { FakeObserver } from "./fake-observer";

const name = (number: number) => `feed-${String(number).padStart(4, "0")}`;

let library: FakeLibrary;
let list: FeedList;
let model: PageModel;

beforeEach(async () => {
  // The list asks again by itself after a while, which a busy machine is not to come to.
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
  vi.stubGlobal("ResizeObserver", FakeObserver);
  // jsdom lays nothing out: a window of ten rows.
  vi.spyOn(HTMLElement.prototype, "clientHeight", "get").mockReturnValue(400);
  vi.spyOn(HTMLElement.prototype, "offsetHeight", "get").mockReturnValue(40);
  localStorage.clear();
  library = new FakeLibrary();
  library.infos = Array.from({ length: 250 }, (_, number) => feedInfo(name(number)));
  model = new PageModel(library, { credentials: null, onChange: () => void redraw() });
  await model.start();
  list = new FeedList();
  list.model = model;
  list.reading = readingIn("en");
  document.body.append(list);
  await settle();
});

afterEach(() => {
  list.remove();
  vi.useRealTimers();
  vi.restoreAllMocks();
  vi.unstubAllGlobals();
});

async function redraw(): Promise<void> {
  if (list === undefined) return;
  list.revision = (list.revision ?? 0) + 1;
  await list.updateComplete;
}

async function settle(): Promise<void> {
  for (let turn = 0; turn < 3; turn += 1) {
    await new Promise((resolve) => setImmediate(resolve));
    await redraw();
  }
}

async function press(...keys: string[]): Promise<void> {
  for (const key of keys) {
    document.activeElement?.dispatchEvent(
      new KeyboardEvent("keydown", { key, bubbles: true, cancelable: true }),
    );
    await settle();
  }
}

async function scrollTo(row: number): Promise<void> {
  list.scrollTop = row * 40;
  list.dispatchEvent(new Event("scroll"));
  await settle();
}

const drawn = () =>
  [...list.querySelectorAll<HTMLElement>("[data-feed-link]")].map((link) => link.dataset.feedLink);
const focused = () => (document.activeElement as HTMLElement | null)?.dataset.feedLink;
const tabStops = () =>
  [...list.querySelectorAll<HTMLElement>('[tabindex="0"]')].map(
    ({ dataset }) => dataset.feedLink ?? dataset.pin ?? dataset.mute,
  );

test("only rows near its window are in the document, and each knows its place", async () => {
  await scrollTo(60);

  expect(drawn().length).toBeLessThan(40);
  const row = list.querySelector(`[data-feed-link="${name(60)}"]`)?.closest("li");
  expect(row?.getAttribute("aria-posinset")).toBe("61");
  expect(row?.getAttribute("aria-setsize")).toBe("-1");
});

test("who scrolls to the end has every feed, and is told how many they are", async () => {
  for (let row = 0; row < 250; row += 50) await scrollTo(row);

  expect([model.list.listing.entries.length, library.queries.length]).toEqual([250, 3]);
  expect(list.querySelector("li")?.getAttribute("aria-setsize")).toBe("250");
});

test("Tab stops at one row, arrows lead from row to row", async () => {
  expect(tabStops()).toEqual([name(0), name(0), name(0)]);
  list.focus();
  await settle();
  await press("ArrowDown", "ArrowDown", "ArrowUp");
  expect([focused(), tabStops()]).toEqual([name(1), [name(1), name(1), name(1)]]);

  await press("End");
  const last = model.list.listing.entries.length - 1;
  expect(last).toBeGreaterThanOrEqual(99);
  await press("Home", "PageDown");
  expect(focused()).toBe(name(9));
});

test("the row with the focus stays in the document, wherever the window is", async () => {
  list.focus();
  await settle();
  await scrollTo(80);

  expect([focused(), drawn()[0]]).toEqual([name(0), name(0)]);
  await press("ArrowDown");
  expect(focused()).toBe(name(1));
});

test("above the first row somebody else may take the focus", async () => {
  const left = vi.fn((event: Event) => event.preventDefault());
  list.addEventListener("leave-up", left);
  list.focus();
  await settle();
  await press("ArrowDown", "ArrowUp", "ArrowUp");

  expect(left).toHaveBeenCalledTimes(1);
});

test("of a feed that is gone the focus goes to the one that stands there now", async () => {
  list.focus();
  await settle();
  await press("ArrowDown");
  library.infos = library.infos.filter(({ slug }) => slug !== name(1));
  await model.list.load();
  await settle();

  expect(focused()).toBe(name(2));
});

describe("a pinned feed", () => {
  const pinButton = (number: number) =>
    list.querySelector<HTMLElement>(`[data-pin="${name(number)}"]`) as HTMLElement;

  test("stands first, once, however far down the list it is", async () => {
    model.mark(name(240), "pinned", true);
    await model.list.load();
    await settle();
    expect(drawn().slice(0, 2)).toEqual([name(240), name(0)]);
    const row = list.querySelector("li");
    expect([row?.getAttribute("aria-posinset"), row?.textContent]).toEqual([
      "1",
      expect.stringContaining("Pinned"),
    ]);

    for (let step = 0; step < 250; step += 50) await scrollTo(step);
    await scrollTo(249);
    expect(model.list.shown.length).toBe(250);
    expect(drawn()).not.toContain(name(240));
    expect(list.querySelector("li:last-child")?.getAttribute("aria-posinset")).toBe("250");
  });

  test("is shown once in a search, at its place", async () => {
    model.mark(name(240), "pinned", true);
    await model.list.search("feed 02");
    await settle();
    expect(drawn()[0]).toBe(name(200));
  });

  test("keeps the keyboard on its button when its row moves", async () => {
    pinButton(5).focus();
    pinButton(5).click();
    await settle();
    expect(drawn()[0]).toBe(name(5));
    expect(document.activeElement).toBe(pinButton(5));
    await press("ArrowDown");
    expect(focused()).toBe(name(0));

    pinButton(5).focus();
    pinButton(5).click();
    await settle();
    expect(drawn()[5]).toBe(name(5));
    expect(document.activeElement).toBe(pinButton(5));
  });

  test("that is read, and that the list has not come to, comes in with the keyboard and goes out", async () => {
    list.remove();
    const nav = document.createElement("nav");
    document.body.append(nav);
    const draw = async () => {
      render(
        feedNav(model, readingIn("en"), 1, () => {}),
        nav,
      );
      list = nav.querySelector("feed-list") as FeedList;
      await settle();
    };
    model.look(name(240));
    await model.list.load();
    await draw();
    const button = () => nav.querySelector<HTMLElement>(`[data-pin="${name(240)}"]`);
    button()?.focus();
    for (const place of [0, -1]) {
      button()?.click();
      await draw();
      expect(drawn().indexOf(name(240))).toBe(place);
      expect(document.activeElement).toBe(button());
    }
    nav.remove();
  });

  test("stands in the unread ones, first, only where it has something unread", async () => {
    model.mark(name(240), "pinned", true);
    model.mark(name(3), "pinned", true);
    model.list.showUnreadOnly(true);
    await settle();
    library.write(name(240), 1);
    library.write(name(1), 1);
    await model.list.load();
    await settle();
    expect(drawn()).toEqual([name(240), name(1)]);
  });
});
