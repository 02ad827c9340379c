// @vitest-environment jsdom
import { ExactNumber, parseExactJson, RecordStore } from "aviso-feed";
import { beforeAll, expect, test, vi } from "vitest";
import { ODD_KEYS } from "../../aviso-feed/tests/odd-keys";
import type { FeedEvent } from "../src/library";
import { readingIn } from "../src/reading";
import { RecordRow } from "../src/record-row";
import { eventOf, recordOf } from "./fake-library";

const reading = readingIn("en");

beforeAll(() => {
  if (!customElements.get("record-row")) customElements.define("record-row", RecordRow);
});

async function rowAfter(...events: FeedEvent[]): Promise<RecordRow> {
  const store = new RecordStore();
  const row = new RecordRow();
  for (const event of events) {
    store.apply([event]);
    const entry = store.at(0);
    if (entry === undefined) throw new Error("no entry");
    row.show(entry);
  }
  row.reading = reading;
  row.isNear = true;
  document.body.append(row);
  await row.updateComplete;
  return row;
}

test("text that looks like markup is shown as text", async () => {
  const evil = '<img src=x onerror="alert(1)"><script>alert(2)</script>';
  const row = await rowAfter(
    eventOf(1, { [evil]: evil, list: [{ evil }], link: `https://x/"${evil}` }),
  );
  expect(row.textContent).toContain(evil);
  expect(row.querySelector("img, script, dd a")).toBeNull();
});

test("a link opens apart from the page and without a way back", async () => {
  const row = await rowAfter(eventOf(1, { link: "https://example.com/a" }));
  expect(row.querySelector("dd a")?.getAttribute("rel")).toContain("noopener");
});

test("a script's address is text", async () => {
  const row = await rowAfter(eventOf(1, { link: "javascript:alert(1)" }));
  expect(row.querySelector("dd a")).toBeNull();
  expect(row.textContent).toContain("javascript:alert(1)");
});

test("a row carries what scripts look for", async () => {
  const event = eventOf(7, { item: "tea" });
  const row = await rowAfter(event);
  expect({ ...row.dataset }).toMatchObject({
    recordId: event.record?.id,
    sequence: "7",
    version: "1",
    state: "present",
  });
});

test("an update shows which fields changed", async () => {
  const row = await rowAfter(
    eventOf(1, { item: "tea", count: 1 }),
    eventOf(2, { item: "tea", count: 2 }, { type: "updated", number: 1, version: 2 }),
  );
  const changed = [...row.querySelectorAll("[data-changed] dt")].map((dt) =>
    dt.getAttribute("title"),
  );
  expect([changed, row.dataset.version]).toEqual([["count"], "2"]);
});

test("a deleted record stays, marked as deleted", async () => {
  const row = await rowAfter(
    eventOf(1, { item: "tea" }),
    eventOf(2, { item: "tea" }, { type: "deleted", number: 1, version: 2 }),
  );
  expect(row.dataset.state).toBe("deleted");
  expect(row.textContent).toContain("Deleted");
});

test("the place of an undelivered event says why in plain words", async () => {
  const { record: _, ...event } = eventOf(3, {}, { type: "unavailable" });
  const unavailable = { event_id: null, type: null, cause: "too-large" };
  const row = await rowAfter({ ...event, unavailable });
  expect([row.dataset.state, row.dataset.sequence]).toEqual(["unavailable", "3"]);
  expect(row.textContent).toContain("It is too large to be sent to browsers.");
  expect(row.textContent).toContain("send it again");
});

test("of what was pruned nobody is said to be able to send it again", async () => {
  const { record: _, ...event } = eventOf(3, {}, { type: "unavailable" });
  const unavailable = { event_id: null, type: null, cause: "pruned" };
  const row = await rowAfter({ ...event, unavailable });
  expect(row.textContent).toContain("It is older than what is kept.");
  expect(row.textContent).not.toContain("send it again");
});

test("a row far from the screen keeps its attributes and drops its content", async () => {
  const row = await rowAfter(eventOf(7));
  row.isNear = false;
  await row.updateComplete;
  expect([row.children.length, row.dataset.sequence]).toEqual([0, "7"]);
});

test("the JSON is shown on demand", async () => {
  const row = await rowAfter(eventOf(1, { item: "tea" }));
  expect(row.querySelector("pre")).toBeNull();
  row.querySelector<HTMLElement>(".row-json")?.click();
  await row.updateComplete;
  expect(row.querySelector("pre")?.textContent).toBe('{\n  "item": "tea"\n}');
});

test("places, versions and numbers are found as they are written", async () => {
  const id = new ExactNumber("1234567890123456789");
  const row = await rowAfter(eventOf(94_103, { order: 94_103, id }, { version: 12_345 }));
  for (const text of ["#94103", "v12345", "1234567890123456789"]) {
    expect(row.textContent).toContain(text);
  }
  expect(row.textContent).not.toMatch(/\d,\d/);
});

test("numbers keep the zeros that their writer gave them, shown and as JSON", async () => {
  const data = '{"price":43.50,"prices":[1.0,2.25],"part":{"rate":0.10}}';
  const row = await rowAfter(eventOf(1, parseExactJson(data) as Record<string, unknown>));
  const shown = [...row.querySelectorAll("dd")].map((each) => each.textContent.trim());
  expect(shown[0]).toBe("43.50");
  expect(row.textContent).toContain("1.0");
  expect(row.textContent).toContain("0.10");
  row.querySelector<HTMLElement>(".row-json")?.click();
  await row.updateComplete;
  expect(row.querySelector("pre")?.textContent?.replace(/\s/g, "")).toBe(data);
});

test("what is copied has every digit", async () => {
  const writeText = vi.fn(async (_: string) => {});
  Object.defineProperty(navigator, "clipboard", { value: { writeText }, configurable: true });
  const data = '{"id":1234567890123456789,"huge":1e400,"price":43.50}';
  const row = await rowAfter(eventOf(1, parseExactJson(data) as Record<string, unknown>));
  row.querySelector<HTMLElement>(".row-json")?.click();
  const button = await vi.waitUntil(() => row.querySelector<HTMLElement>("copy-button button"));

  button.click();

  expect(writeText.mock.calls[0]?.[0].replace(/\s/g, "")).toBe(data);
  Reflect.deleteProperty(navigator, "clipboard");
});

test("a record that came back is shown as it is now", async () => {
  const row = await rowAfter(
    eventOf(1, { item: "tea" }, { number: 7 }),
    eventOf(2, { item: "tea" }, { number: 7, version: 2, type: "deleted" }),
    eventOf(3, { item: "coffee" }, { number: 7 }),
  );
  expect([row.dataset.state, row.dataset.version, row.dataset.sequence]).toEqual([
    "present",
    "1",
    "3",
  ]);
  expect(row.textContent).toContain("coffee");
  expect(row.querySelector(".tag-deleted")).toBeNull();
});

const rowOf = (key: string, sequence = 1): FeedEvent => ({
  ...eventOf(sequence),
  subject: key,
  record: { id: key, data: { item: "tea" } },
});

test.each(ODD_KEYS)("a record with the key %j is shown, its key as text", async (key) => {
  const row = await rowAfter(rowOf(key));
  const shown = row.querySelector(".row-id");
  expect(row.dataset.recordId).toBe(key);
  expect(row.querySelector("img")).toBeNull();
  expect(shown?.getAttribute("title")).toBe(`Record id ${key}`);
  expect(shown?.tagName).toBe("BDI");
  const text = shown?.textContent ?? "";
  expect([...text].length).toBeLessThanOrEqual(24);
  if (text !== key) expect([text.at(-1), key.startsWith(text.slice(0, -1))]).toEqual(["…", true]);
  expect(row.textContent).toContain("tea");
});

test("a record without a version shows none, and the time is its event's", async () => {
  const row = await rowAfter(rowOf("42"), { ...rowOf("42", 2), type: "updated" });
  expect([row.dataset.version, row.dataset.sequence]).toEqual([undefined, "2"]);
  expect(row.textContent).not.toMatch(/undefined|NaN|Invalid|v\d/);
});

test("a row that could not be told says so, and that nobody can send it", async () => {
  const { record: _, ...event } = eventOf(3, {}, { type: "unavailable" });
  const unavailable = { event_id: null, type: null, cause: "no-form" };
  const row = await rowAfter({ ...event, subject: "42", unavailable });
  expect(row.dataset.recordId).toBe("42");
  expect(row.textContent).toContain("Something in the row cannot be sent as it is.");
  expect(row.textContent).not.toContain("send it again");
});

test("a row that was only listed has no time and no place to show", async () => {
  const row = await rowAfter({ ...rowOf("42"), type: "listed", place: 0.5 });
  expect(row.querySelector("relative-time")).toBeNull();
  expect(row.textContent).not.toContain("#");
  expect(row.textContent).toContain("tea");
});

test("a row of thousands of fields has few of them in the document, and more on demand", async () => {
  const wide = Object.fromEntries(Array.from({ length: 3000 }, (_, i) => [`f${i}`, i]));
  const row = await rowAfter(eventOf(1, wide));
  expect(row.querySelectorAll(".field")).toHaveLength(12);
  const details = row.querySelector("details") as HTMLDetailsElement;
  details.open = true;
  await vi.waitFor(() => expect(row.querySelectorAll(".field")).toHaveLength(212));
  row.querySelector<HTMLElement>("fold-out .button")?.click();
  await vi.waitFor(() => expect(row.querySelectorAll(".field")).toHaveLength(412));
});

test("a row that was only listed begins with its key, or with its record's own time", async () => {
  const {
    version: _,
    created_at: __,
    updated_at: ___,
    ...plain
  } = eventOf(1).record ?? recordOf(1, {});
  const listed = { type: "listed", place: 0.5, subject: "42" } as const;
  const named = await rowAfter(eventOf(1, {}, { ...listed, record: { ...plain, id: "42" } }));
  expect(named.querySelector(".row-name")?.textContent).toBe("42");
  const timed = await rowAfter(eventOf(1, {}, listed));
  expect([timed.querySelector(".row-name"), timed.querySelector("relative-time")]).toEqual([
    null,
    expect.anything(),
  ]);
});

test("a value can be picked, and says which field it is of", async () => {
  const row = await rowAfter(
    eventOf(1, { to: { city: "Madrid" }, "a.b": 1, link: "https://x.org/" }),
  );
  const picks = [...row.querySelectorAll<HTMLElement>("[data-pick]")];
  expect(picks.map(({ dataset }) => JSON.parse(dataset.pick ?? ""))).toEqual([
    { path: ["to", "city"], value: "Madrid" },
  ]);
});
