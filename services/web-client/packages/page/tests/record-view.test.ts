// @vitest-environment jsdom
import { RecordStore } from "aviso-feed";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { Locale } from "../src/locale";
import { PageModel } from "../src/page-model";
import { readingIn } from "../src/reading";
import type { RecordEditor } from "../src/record-editor";
import { RecordView } from "../src/record-view";
import { routeOfFeed } from "../src/route";
import { WatchedFeed } from "../src/watched-feed";
import { eventOf, FakeLibrary, FakeSubscription, feedInfo, recordOf } from "./fake-library";

const ID = recordOf(1, {}).id;

let view: RecordView;
let feed: WatchedFeed;
let subscription: FakeSubscription;
/** What REST says: the record, and what happened to it, oldest first. */
let record: () => Response;
let history: unknown[];

beforeEach(() => {
  vi.spyOn(window, "scrollTo").mockImplementation(() => {});
  record = () => Response.json(recordOf(1, { item: "tea", count: 2 }, 3));
  history = [];
  vi.stubGlobal("fetch", async (path: string) =>
    path.includes("/events/") ? Response.json({ events: history }) : record(),
  );
  subscription = new FakeSubscription("orders", null);
  feed = new WatchedFeed(feedInfo("orders", { title: "Orders" }), new RecordStore());
  feed.follow(subscription);
  subscription.become({ kind: "live" });
});

afterEach(() => {
  view.remove();
  vi.unstubAllGlobals();
});

async function shown(locale: Locale = "en"): Promise<void> {
  view = new RecordView();
  view.model = new PageModel(new FakeLibrary(), { credentials: null, onChange: () => {} });
  view.feed = feed;
  view.route = { ...routeOfFeed("orders"), view: "table", record: ID };
  view.reading = readingIn(locale);
  document.body.append(view);
  await settled();
}

async function settled(): Promise<void> {
  for (let turn = 0; turn < 5; turn += 1) {
    await new Promise((resolve) => setTimeout(resolve));
    await view.updateComplete;
  }
}

const past = (feedseq: number, type: string, data: Record<string, unknown>) => ({
  feedseq,
  type: `aviso.record.${type}.v1`,
  time: "2026-11-24T09:30:00Z",
  data: recordOf(1, data, feedseq),
});

const state = () => view.querySelector<HTMLElement>("[data-record-state]")?.dataset.recordState;
const now = () => view.querySelector(".record-now")?.textContent ?? "";
const action = (name: string) => view.querySelector<HTMLElement>(`[data-action=${name}]`);
const steps = () =>
  [...view.querySelectorAll<HTMLElement>(".step")].map(({ dataset }) => [
    Number(dataset.sequence),
    dataset.step,
  ]);

test("a record is shown as it is, with its version, and leads back to where one came from", async () => {
  await shown();
  expect(state()).toBe("present");
  expect(now()).toContain("tea");
  expect(view.querySelector(".fact-id")?.textContent).toBe(ID);
  expect(view.querySelector(".back")?.getAttribute("href")).toBe("#/feeds/orders?view=table");
  expect(view.querySelector(".back")?.textContent?.trim()).toBe("Orders");
});

test("its history is told newest first, with before and after of a change", async () => {
  history = [past(1, "created", { item: "milk", count: 2 }), past(3, "updated", { item: "tea" })];
  await shown();
  expect(steps()).toEqual([
    [3, "updated"],
    [1, "created"],
  ]);
  const text = view.querySelector(".step")?.textContent ?? "";
  expect(text).toContain("milk");
  expect(text).toContain("tea");
});

test("what the feed tells of it is shown at once, and becomes part of its history", async () => {
  history = [past(1, "created", { item: "milk" })];
  await shown();
  subscription.deliver([
    eventOf(4, { item: "coffee" }, { type: "updated", number: 1, version: 4 }),
    eventOf(5, { item: "beer" }, { number: 2 }),
  ]);
  await settled();
  expect(now()).toContain("coffee");
  expect(steps()).toEqual([
    [4, "updated"],
    [1, "created"],
  ]);
});

test("one that is deleted under the reader's eyes stays, as such, and cannot be written", async () => {
  await shown("es");
  expect(action("edit")).not.toBeNull();
  subscription.deliver([eventOf(4, { item: "tea" }, { type: "deleted", number: 1, version: 4 })]);
  await settled();
  expect(state()).toBe("deleted");
  expect(view.querySelector(".notice[role=status]")?.textContent).toBe(
    readingIn("es").t("recordIsDeleted"),
  );
  expect([action("edit"), action("delete")]).toEqual([null, null]);
});

test("the form to edit it opens and closes at its button, and closes at another record", async () => {
  await shown();
  action("edit")?.click();
  await settled();
  expect(action("edit")?.getAttribute("aria-expanded")).toBe("true");
  expect(view.querySelector<RecordEditor>("record-editor")?.purpose).toBe("edit");
  action("delete")?.click();
  await settled();
  expect(view.querySelector<RecordEditor>("record-editor")?.purpose).toBe("delete");
  view.route = { ...view.route, record: recordOf(2, {}).id };
  await settled();
  expect(view.querySelector("record-editor")).toBeNull();
});

test("the answer to a change closes no form that was opened meanwhile", async () => {
  await shown();
  let answer: (response: Response) => void = () => {};
  vi.stubGlobal("fetch", () => new Promise<Response>((resolve) => (answer = resolve)));
  action("edit")?.click();
  await settled();
  const key = view.querySelector<HTMLInputElement>("#edit-key");
  if (key !== null) key.value = "aviso_a_key";
  key?.dispatchEvent(new InputEvent("input", { bubbles: true }));
  view.querySelector("form")?.requestSubmit();
  await settled();

  // The feed told of the change before the answer came.
  action("delete")?.click();
  await settled();
  answer(Response.json(recordOf(1, { item: "tea", count: 2 }, 4)));
  await settled();

  expect(action("delete")?.getAttribute("aria-expanded")).toBe("true");
  expect(view.querySelector<RecordEditor>("record-editor")?.isSending).toBe(false);
  expect(view.querySelector("form")?.textContent).toContain(readingIn("en").t("deleteSure"));
});

test("a row of somebody's own table is not written here", async () => {
  const table = { schema: "shop", name: "orders", columns: ["item"] };
  feed.info = feedInfo("orders", { table } as never);
  await shown();
  expect([action("edit"), action("delete")]).toEqual([null, null]);
});

test("a record that is not there is said not to be, and is no failure", async () => {
  record = () => Response.json({ detail: "Not found." }, { status: 404 });
  await shown("es");
  expect(state()).toBe("missing");
  expect(view.textContent).toContain(readingIn("es").t("recordMissing"));
});

test("one that cannot be had says why, and can be asked for again", async () => {
  record = () => Response.json({}, { status: 503 });
  await shown();
  expect(state()).toBe("failed");
  expect(view.querySelector("[data-record-failure=server-error]")).not.toBeNull();
  record = () => Response.json(recordOf(1, { item: "tea" }, 3));
  view.querySelector<HTMLElement>("[role=alert] button")?.click();
  await settled();
  expect(state()).toBe("present");
});

test("a record without fields says so, and its text is only ever text", async () => {
  record = () => Response.json(recordOf(1, {}, 1));
  await shown();
  expect(now()).toContain(readingIn("en").t("recordEmpty"));
  subscription.deliver([
    eventOf(
      4,
      { item: "<img src=x onerror=alert(1)>" },
      { type: "updated", number: 1, version: 4 },
    ),
  ]);
  await settled();
  expect(now()).toContain("<img src=x");
  expect(view.querySelector("img")).toBeNull();
});
