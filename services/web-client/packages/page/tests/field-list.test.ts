// @vitest-environment jsdom
import { ExactNumber } from "aviso-feed";
import { render } from "lit";
import { expect, test } from "vitest";
import { fieldList } from "../src/field-list";
import type { FoldOut } from "../src/fold-out";
import type { JsonObject } from "../src/json";
import { readingIn } from "../src/reading";

const reading = readingIn("en");
const { t } = reading;

function drawn(fields: JsonObject, changed: readonly string[] = []): HTMLElement {
  const place = document.createElement("div");
  document.body.replaceChildren(place);
  render(fieldList(fields, reading, { names: new Set(changed), turn: "odd" }), place);
  return place;
}

const texts = (place: Element, selector: string) =>
  [...place.querySelectorAll(selector)].map(({ textContent }) =>
    textContent?.replace(/\s+/g, " ").trim(),
  );
const many = (count: number): JsonObject =>
  Object.fromEntries(Array.from({ length: count }, (_, n) => [`field${n + 1}`, n]));
async function unfolded(place: Element): Promise<FoldOut> {
  const fold = place.querySelector("fold-out") as FoldOut;
  await fold.updateComplete;
  const details = fold.querySelector("details") as HTMLDetailsElement;
  details.open = true;
  details.dispatchEvent(new Event("toggle"));
  await fold.updateComplete;
  return fold;
}

const shownFields = (place: Element) => place.querySelectorAll(".field").length;

test.each([
  ["nothing", null, "none"],
  ["an empty text", "", "empty"],
  ["a yes", true, "yes"],
  [
    "a number, with every digit",
    new ExactNumber("12345678901234567890.10"),
    "12345678901234567890.10",
  ],
  ["a text", "tea", "tea"],
  ["a day", "2026-11-24", "Nov 24, 2026"],
  ["words", ["tea", 2, false], "tea2false"],
  ["no words", [], "empty"],
  ["an object without fields", {}, "empty"],
])("%s is written as a reader reads it", (_, value, text) => {
  expect(texts(drawn({ item: value }), "dd")).toEqual([text]);
});

test("a name is written to be read, and as it is in its title", () => {
  const name = drawn({ unit_price: 1 }).querySelector("dt");
  expect([name?.textContent?.trim(), name?.title]).toEqual(["unit price", "unit_price"]);
});

test("a moment says in its title what the record has", () => {
  const source = "2026-11-24T09:30:00.123456Z";
  const time = drawn({ at: source }).querySelector("time");
  expect([time?.dateTime, time?.title]).toEqual([source, source]);
});

test("a link leads out of the page, and is not looked for", () => {
  const place = drawn({ link: "https://example.com/a" });
  expect(place.querySelector("a")?.rel).toBe("noopener noreferrer nofollow");
  expect(place.querySelectorAll("[data-pick]")).toHaveLength(0);
});

test("what a filter can look for says where it stands and what it is", () => {
  const place = drawn({ item: "tea", to: { city: "Madrid" }, parts: [{ city: "Rome" }] });
  const picks = [...place.querySelectorAll<HTMLElement>("[data-pick]")];
  expect(picks.map(({ dataset }) => JSON.parse(dataset.pick ?? ""))).toEqual([
    { path: ["item"], value: "tea" },
    { path: ["to", "city"], value: "Madrid" },
  ]);
});

test("a field that the newest update touched is marked, for eyes and in words", () => {
  const place = drawn({ item: "tea", count: 2 }, ["count"]);
  const marked = [...place.querySelectorAll<HTMLElement>("[data-changed]")];
  expect(marked.map(({ dataset }) => dataset.changed)).toEqual(["odd"]);
  expect(texts(place, "[data-changed] dt")).toEqual([`count (${t("recordChangedField")})`]);
});

test("many fields are folded, and one alone never is", async () => {
  expect(shownFields(drawn(many(13)))).toBe(13);
  const place = drawn(many(14));
  expect(shownFields(place)).toBe(12);
  const fold = await unfolded(place);
  expect(texts(fold, "summary")).toEqual([t("moreFields", { count: 2 })]);
  expect(texts(fold, "dt").at(-1)).toBe("field14");
});

test("many items are folded and counted on below, and all of them can be seen", async () => {
  const items = (count: number) => Array.from({ length: count }, (_, n) => ({ n }));
  expect(drawn({ items: items(6) }).querySelectorAll("fold-out, .fold")).toHaveLength(0);
  const place = drawn({ items: items(300) });
  expect(place.querySelectorAll("dd > .items > li")).toHaveLength(5);
  const fold = await unfolded(place);
  expect(texts(fold, "summary")).toEqual([t("moreItems", { count: 295 })]);
  fold.querySelector("button")?.click();
  await fold.updateComplete;
  const parts = [...fold.querySelectorAll<HTMLOListElement>(".fold > ol")];
  expect(parts.map(({ start, children }) => [start, children.length])).toEqual([
    [6, 200],
    [206, 95],
  ]);
});

test("what is nested too deeply is counted, and left to the JSON", () => {
  const deep = { a: { b: { c: { d: { e: 1 } } } } };
  expect(texts(drawn(deep), ".value-quiet")).toEqual([t("nestedFields", { count: 1 })]);
  const list = { a: { b: { c: [{ n: 1 }, { n: 2 }] } } };
  expect(texts(drawn(list), ".value-quiet")).toEqual([
    t("nestedFields", { count: 1 }),
    t("nestedFields", { count: 1 }),
  ]);
});

test("a long text shows its beginning, and all of it when it is opened", () => {
  const text = "x".repeat(700);
  const place = drawn({ text });
  expect(texts(place, ".long-text-start")).toEqual([text.slice(0, 600)]);
  expect(texts(place, ".long-text > p")).toEqual([text]);
});
