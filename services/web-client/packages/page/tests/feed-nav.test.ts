// @vitest-environment jsdom
import { render } from "lit";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import type { FeedList } from "../src/feed-list";
import { feedNav, focusFeeds } from "../src/feed-nav";
import { PageModel } from "../src/page-model";
import { readingIn } from "../src/reading";
import { FakeLibrary, feedInfo } from "./fake-library";
import { FakeObserver } from "./fake-observer";

const reading = readingIn("en");
const { t } = reading;

let library: FakeLibrary;
let model: PageModel;
let place: HTMLElement;
let picked: number;
let revision = 0;

beforeEach(() => {
  vi.stubGlobal("ResizeObserver", FakeObserver);
  vi.spyOn(HTMLElement.prototype, "clientHeight", "get").mockReturnValue(400);
  vi.spyOn(HTMLElement.prototype, "offsetHeight", "get").mockReturnValue(40);
  localStorage.clear();
  location.hash = "";
  picked = 0;
  library = new FakeLibrary();
  place = document.createElement("div");
  document.body.append(place);
});

afterEach(() => {
  place.remove();
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

async function shown(slugs: readonly string[]): Promise<void> {
  library.infos = slugs.map((slug) => feedInfo(slug));
  model = new PageModel(library, { credentials: null, onChange: () => draw() });
  await model.start();
  await drawn();
}

function draw(): void {
  revision += 1;
  const nav = feedNav(model, reading, revision, () => (picked += 1));
  render(nav, place);
}

async function drawn(): Promise<void> {
  for (let turn = 0; turn < 3; turn += 1) {
    draw();
    await Promise.resolve();
    await place.querySelector<FeedList>("feed-list")?.updateComplete;
  }
}

const names = (count: number) => Array.from({ length: count }, (_, n) => `feed-${n}`);
const field = () => place.querySelector<HTMLInputElement>("[data-feed-search]");
const links = () =>
  [...place.querySelectorAll<HTMLElement>("[data-feed-link]")].map(
    ({ dataset }) => dataset.feedLink,
  );
const note = () => place.querySelector(".nav-note")?.textContent?.trim();

function press(key: string): KeyboardEvent {
  const event = new KeyboardEvent("keydown", { key, bubbles: true, cancelable: true });
  document.activeElement?.dispatchEvent(event);
  return event;
}

test("a short list needs no search, and the keyboard goes to it at once", async () => {
  await shown(names(8));
  expect([field() === null, links()]).toEqual([true, names(8)]);
  focusFeeds(place);
  await vi.waitFor(() =>
    expect((document.activeElement as HTMLElement).dataset.feedLink).toBe("feed-0"),
  );
});

test("who picks a feed has picked, who pins one has not", async () => {
  await shown(names(3));
  place.querySelector<HTMLElement>("[data-pin=feed-1]")?.click();
  expect(picked).toBe(0);
  place.querySelector<HTMLElement>("[data-feed-link=feed-1]")?.click();
  expect(picked).toBe(1);
  // A link is followed a turn later, which is not to be another test's.
  await vi.waitFor(() => expect(location.hash).toBe("#/feeds/feed-1"));
});

describe("the search of a long list", () => {
  beforeEach(async () => {
    await shown([...names(9), "orders", "other"]);
    focusFeeds(place);
    await drawn();
  });

  function type(text: string): void {
    const input = field() as HTMLInputElement;
    input.value = text;
    input.dispatchEvent(new InputEvent("input", { bubbles: true }));
  }

  test("gets the keyboard, and looks once typing rests", async () => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    const sought = () => library.queries.flatMap(({ words }) => words || []);
    expect(document.activeElement === field()).toBe(true);
    type("o");
    await vi.advanceTimersByTimeAsync(200);
    type("ord");
    await vi.advanceTimersByTimeAsync(200);
    expect(sought()).toEqual([]);
    await vi.advanceTimersByTimeAsync(50);
    await drawn();
    expect([sought(), links()]).toEqual([["ord"], ["orders"]]);
  });

  test("opens with Enter the first that is found for what was typed last", async () => {
    type("ord");
    expect(press("Enter").defaultPrevented).toBe(true);
    await vi.waitFor(() => expect(picked).toBe(1));
    expect(location.hash).toBe("#/feeds/orders");
  });

  test("opens nothing where nothing is found or sought, and says so", async () => {
    type("nobody");
    press("Enter");
    await vi.waitFor(() => expect(note()).toBe(t("feedsNotFound", { sought: "nobody" })));
    type("");
    press("Enter");
    await vi.waitFor(() => expect(links().length).toBeGreaterThan(8));
    expect([picked, location.hash]).toEqual([0, ""]);
  });

  test("is emptied by Escape, which is somebody else's once it is empty", async () => {
    type("ord");
    expect(press("Escape").defaultPrevented).toBe(true);
    expect(field()?.value).toBe("");
    expect(press("Escape").defaultPrevented).toBe(false);
  });

  test("stays with the keyboard where it is emptied, before the whole list has come", async () => {
    type("ord");
    await vi.waitFor(() => expect(links()).toEqual(["orders"]));
    press("Escape");
    draw();
    expect([links(), document.activeElement === field()]).toEqual([["orders"], true]);
    await vi.waitFor(() => expect(links().length).toBeGreaterThan(8));
  });

  test("leads down into the list, and the list's first row back up to it", async () => {
    press("ArrowDown");
    await vi.waitFor(() =>
      expect((document.activeElement as HTMLElement).dataset.feedLink).toBe("feed-0"),
    );
    press("ArrowUp");
    expect(document.activeElement === field()).toBe(true);
  });

  test("can show what is unread alone, and says where there is none", async () => {
    place.querySelector<HTMLElement>("[data-action=unread-only]")?.click();
    await vi.waitFor(() => expect(note()).toBe(t("feedsAllRead")));
    const button = place.querySelector("[data-action=unread-only]");
    expect(button?.getAttribute("aria-pressed")).toBe("true");
  });
});

test("a list that cannot be had is asked for again at a click", async () => {
  library.isReachable = false;
  await shown(["orders"]);
  expect(note()).toBe(t("feedsFailed"));
  library.isReachable = true;
  place.querySelector<HTMLElement>("nav > button")?.click();
  await vi.waitFor(() => expect(links()).toEqual(["orders"]));
});

test("where there is no feed, it says so and looks again at a click", async () => {
  await shown([]);
  expect(note()).toBe(t("feedsNone"));
  library.infos = [feedInfo("orders")];
  place.querySelector<HTMLElement>("nav > button")?.click();
  await vi.waitFor(() => expect(links()).toEqual(["orders"]));
});

test("before the list is there, its place is kept", () => {
  model = new PageModel(library, { credentials: null, onChange: () => {} });
  draw();
  expect(place.querySelector("[role=status]")?.getAttribute("aria-label")).toBe(t("feedsLoading"));
});
