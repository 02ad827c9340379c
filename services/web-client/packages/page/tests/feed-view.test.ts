// @vitest-environment jsdom
import { RecordStore } from "aviso-feed";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { BrowserAlerts } from "../src/browser-alerts";
import { FeedView } from "../src/feed-view";
import type { FeedInfo } from "../src/library";
import { PageModel } from "../src/page-model";
import { readingIn } from "../src/reading";
import { routeOfFeed } from "../src/route";
import { WatchedFeed } from "../src/watched-feed";
import {
  eventOf,
  type FakeClient,
  FakeLibrary,
  FakeSubscription,
  feedInfo,
  recordOf,
} from "./fake-library";
import { FakeObserver } from "./fake-observer";

const reading = readingIn("en");
const { t } = reading;

let model: PageModel;
let view: FeedView;
let feed: WatchedFeed;
let subscription: FakeSubscription;

beforeEach(() => {
  localStorage.clear();
  FakeObserver.made.length = 0;
  vi.stubGlobal("IntersectionObserver", FakeObserver);
  vi.stubGlobal("ResizeObserver", FakeObserver);
  vi.spyOn(window, "scrollTo").mockImplementation(() => scrollBy(0));
  model = new PageModel(new FakeLibrary(), { credentials: null, onChange: () => {} });
  (model.client as FakeClient).become({ kind: "online", jid: "g1@guest.localhost/r" });
});

afterEach(() => {
  view.remove();
  scrollBy(0);
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

/** As `<aviso-page>` draws it, for another feed the same element. */
async function show(info: FeedInfo, sequences: readonly number[] = [1, 2, 3]): Promise<void> {
  subscription = new FakeSubscription(info.slug, null);
  feed = new WatchedFeed(info, new RecordStore());
  feed.follow(subscription);
  feed.setLookedAt(true);
  const events = sequences.map((sequence) => eventOf(sequence));
  if (events.length > 0) subscription.deliver(events, false);
  subscription.become({ kind: "live" });
  await drawn();
  await vi.waitFor(() => expect(rows()).toBe(sequences.length));
}

async function opened(info: FeedInfo = feedInfo("orders"), sequences?: readonly number[]) {
  view = new FeedView();
  view.model = model;
  view.alerts = new BrowserAlerts({ reading: () => reading, open: () => {}, onChange: () => {} });
  view.reading = reading;
  const draw = show(info, sequences);
  document.body.append(view);
  await draw;
}

/** The page draws often. */
async function drawn(): Promise<void> {
  view.feed = feed;
  view.route = {
    ...routeOfFeed(feed.info.slug),
    ...(view.route?.slug === feed.info.slug && view.route),
  };
  view.revision = (view.revision ?? 0) + 1;
  await view.updateComplete;
  await view.updateComplete;
}

const part = (selector: string) => view.querySelector<HTMLElement>(selector);
const text = (selector: string) => part(selector)?.textContent?.replace(/\s+/g, " ").trim();
const rows = () => view.querySelectorAll("record-row").length;

function scrollBy(top: number): void {
  Object.defineProperty(window, "scrollY", { value: top, configurable: true });
  window.dispatchEvent(new Event("scroll"));
}

/** The end of the list comes into sight. */
function reachEnd(): void {
  const sentinel = part("[data-older-sentinel]");
  for (const { watched, tell } of FakeObserver.made) {
    if (sentinel !== null && watched.has(sentinel)) tell([{ isIntersecting: true }]);
  }
}

test("the head says which feed it is, how much is shown, and whether it is live", async () => {
  await opened(feedInfo("orders", { title: "Orders" }));
  expect([text("h1"), text(".feed-slug")]).toEqual([
    "Orders",
    `orders ${t("recordCount", { count: 3 })}`,
  ]);
  expect(part("[data-connection-state]")?.dataset.connectionState).toBe("live");
  expect(part("record-list")?.getAttribute("aria-label")).toBe(t("recordsOf", { feed: "Orders" }));
});

test("while somebody searches, the head does not count what is found as the feed's", async () => {
  const position = { epoch: "k3f9", sequence: "3" };
  const results = [recordOf(1, { item: "tea" })];
  vi.stubGlobal("fetch", async () => Response.json({ results, next: null, position }));
  await opened();
  view.route = { ...view.route, find: { text: "tea", fields: [] } };
  await drawn();
  await vi.waitFor(() => expect(rows()).toBe(1));
  await drawn();
  expect(text(".feed-slug")).toBe("orders");
});

test("a private feed is said to be one", async () => {
  await opened(feedInfo("secret", { visibility: "private" }));
  expect(text(".feed-private")).toBe(t("feedPrivate"));
});

test("a feed without a record says how one comes, and has nothing to look for", async () => {
  await opened(feedInfo("orders"), []);
  expect([part(".empty-samples") !== null, part("feed-tools") !== null]).toEqual([true, false]);
});

test("of a feed that is refused no number stands, and nothing that would come", async () => {
  await opened();
  subscription.become({ kind: "refused", code: "no-longer-open", reason: "" });
  await drawn();
  expect(part("[data-refusal]")?.dataset.refusal).toBe("no-longer-open");
  expect([part("feed-pulse") !== null, part(".record-skeletons") !== null]).toEqual([false, false]);
});

test("while somebody reads further down what is new waits, and one click brings both together", async () => {
  await opened();
  scrollBy(500);
  subscription.deliver([eventOf(4), eventOf(5)]);
  await vi.waitFor(() => expect(text(".pill")).toBe(t("recordsNewPill", { count: 2 })));
  expect(rows()).toBe(3);
  part("[data-action=show-new]")?.click();
  await vi.waitFor(() => expect(rows()).toBe(5));
  await drawn();
  expect(part(".pill") !== null).toBe(false);
  expect(window.scrollTo).toHaveBeenLastCalledWith({ top: 0, behavior: "instant" });
});

test("who comes back to the top sees what waited", async () => {
  await opened();
  scrollBy(500);
  subscription.deliver([eventOf(4)]);
  await vi.waitFor(() => expect(part(".pill") !== null).toBe(true));
  scrollBy(0);
  await vi.waitFor(() => expect(rows()).toBe(4));
});

test("paused, it holds back what comes, which is no pill's matter, until it goes on", async () => {
  await opened();
  part("[data-action=pause]")?.click();
  subscription.deliver([eventOf(4)]);
  await drawn();
  expect(part("[data-action=pause]")?.getAttribute("aria-pressed")).toBe("true");
  expect([part("[data-held]")?.dataset.held, part(".pill") !== null, rows()]).toEqual([
    "1",
    false,
    3,
  ]);
  part("[data-action=pause]")?.click();
  await vi.waitFor(() => expect(rows()).toBe(4));
});

test("where the end comes into sight older records are asked for, up to the first", async () => {
  await opened(feedInfo("orders"), [3, 4]);
  subscription.older = [eventOf(1), eventOf(2)];
  await drawn();
  reachEnd();
  await vi.waitFor(() => expect(rows()).toBe(4));
  await drawn();
  expect(text(".list-end")).toBe(t("olderEnd"));
});

test("older records that cannot be had are asked for again at a click", async () => {
  await opened(feedInfo("orders"), [3, 4]);
  const load = subscription.loadOlder;
  subscription.loadOlder = async () => {
    throw new Error("not reached");
  };
  part(".older button")?.click();
  await vi.waitFor(async () => {
    await drawn();
    expect(text(".older[role=alert] p")).toBe(t("olderFailed"));
  });
  subscription.loadOlder = load;
  subscription.older = [eventOf(1), eventOf(2)];
  part(".older button")?.click();
  await vi.waitFor(() => expect(rows()).toBe(4));
});

test("another feed begins at its top, with nothing of what was sought or waited in this one", async () => {
  await opened();
  scrollBy(500);
  subscription.deliver([eventOf(4)]);
  const field = part(".find-text") as HTMLInputElement;
  field.value = "tea";
  await vi.waitFor(() => expect(part(".pill") !== null).toBe(true));
  vi.mocked(window.scrollTo).mockClear();
  await show(feedInfo("menu"), [1, 2]);
  expect(window.scrollTo).toHaveBeenCalledTimes(1);
  expect([part(".pill") !== null, (part(".find-text") as HTMLInputElement).value]).toEqual([
    false,
    "",
  ]);
});

test("the button for a new record says so to the page; a table of somebody's own has none", async () => {
  await opened();
  const toggled = vi.fn();
  view.addEventListener("write-toggle", toggled);
  part("[data-action=write]")?.click();
  expect(toggled).toHaveBeenCalledTimes(1);
  const table = { schema: "shop", name: "orders", columns: ["item"], key: ["item"] };
  feed.info = feedInfo("orders", { table });
  await drawn();
  expect(part("[data-action=write]") !== null).toBe(false);
});

test("a table of somebody's own is first shown as one, and cards where the address says so", async () => {
  await opened();
  const table = { schema: "shop", name: "orders", columns: ["item"], key: ["item"] };
  feed.info = feedInfo("orders", { table });
  await drawn();
  expect([part("record-table") !== null, part("record-list") !== null]).toEqual([true, false]);
  view.route = { ...view.route, view: "cards" };
  await drawn();
  expect([part("record-table") !== null, part("record-list") !== null]).toEqual([false, true]);
});

test("what arrives is told to a screen reader together, and each once", async () => {
  await opened();
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
  const arrive = (detail: number) =>
    part("record-list")?.dispatchEvent(new CustomEvent("records-arrive", { detail }));
  const said = () => text(".visually-hidden[role=status]");
  arrive(2);
  arrive(1);
  await view.updateComplete;
  expect(said()).toBe("");
  await vi.advanceTimersByTimeAsync(5_000);
  expect(said()).toBe(t("recordsArrived", { count: 3, feed: "orders" }));
  arrive(1);
  await vi.advanceTimersByTimeAsync(5_000);
  expect(said()).toBe(t("recordsArrived", { count: 1, feed: "orders" }));
});
