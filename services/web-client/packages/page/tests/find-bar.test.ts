// @vitest-environment jsdom
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { type Find, NOTHING_SOUGHT } from "../src/find";
import { FindBar } from "../src/find-bar";
import type { Locale } from "../src/locale";
import { readingIn } from "../src/reading";

const MADRID = { path: ["to", "city"], value: "Madrid" };
const OPEN = { path: ["is_open"], value: "true" };

let bar: FindBar;
let said: { find: Find; isStep: boolean }[];

/** As the address does: what it says is what it is shown next. */
async function shown(find: Find, locale: Locale = "en"): Promise<void> {
  said = [];
  bar = new FindBar();
  bar.find = find;
  bar.fieldNames = () => ["city", "total"];
  bar.reading = readingIn(locale);
  bar.addEventListener("find-change", (event) => {
    const { detail } = event as CustomEvent<{ find: Find; isStep: boolean }>;
    said.push(detail);
    bar.find = detail.find;
  });
  document.body.append(bar);
  await bar.updateComplete;
}

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
});

afterEach(() => {
  bar.remove();
  vi.useRealTimers();
});

const text = () => bar.querySelector(".find-text") as HTMLInputElement;
const filterButton = () => bar.querySelector("[data-action=filter]") as HTMLButtonElement;
const input = (name: string) => bar.querySelector(`[name=${name}]`) as HTMLInputElement;
const chips = () => [...bar.querySelectorAll(".chip-text")].map((chip) => chip.textContent);
const removers = () => [...bar.querySelectorAll<HTMLButtonElement>(".chip-remove")];

function type(typed: string): void {
  text().value = typed;
  text().dispatchEvent(new InputEvent("input", { bubbles: true }));
}

async function add(field: string, value: string): Promise<void> {
  filterButton().click();
  await bar.updateComplete;
  await bar.updateComplete;
  input("field").value = field;
  input("value").value = value;
  bar
    .querySelector(".filter-form")
    ?.dispatchEvent(new SubmitEvent("submit", { bubbles: true, cancelable: true }));
  await bar.updateComplete;
}

test("what is typed is looked for once typing rests, and is no step to go back by", async () => {
  await shown(NOTHING_SOUGHT);
  for (const typed of ["t", "te", "tea"]) {
    type(typed);
    vi.advanceTimersByTime(300);
  }
  expect(said).toEqual([]);
  vi.advanceTimersByTime(100);
  expect(said).toEqual([{ find: { text: "tea", fields: [] }, isStep: false }]);
});

test("Enter looks for it at once, and not again when typing rests", async () => {
  await shown(NOTHING_SOUGHT);
  type("tea");
  bar
    .querySelector(".find-form")
    ?.dispatchEvent(new SubmitEvent("submit", { bubbles: true, cancelable: true }));
  vi.advanceTimersByTime(1_000);
  expect(said.map(({ find }) => find.text)).toEqual(["tea"]);
});

test("what is typed stays while a filter is taken away, and is looked for with the rest", async () => {
  await shown({ text: "", fields: [MADRID, OPEN] });
  type("tea");
  removers()[0]?.click();
  await bar.updateComplete;
  expect(text().value).toBe("tea");
  vi.advanceTimersByTime(1_000);
  expect(said.at(-1)?.find).toEqual({ text: "tea", fields: [OPEN] });
});

test("who leaves while something is typed is not followed by it", async () => {
  await shown(NOTHING_SOUGHT);
  type("tea");
  bar.remove();
  vi.advanceTimersByTime(1_000);
  expect(said).toEqual([]);
});

test("each filter is a chip, which says what it takes away", async () => {
  await shown({ text: "", fields: [MADRID, { path: ["note"], value: "" }] }, "es");
  expect(chips()).toEqual(["to.city: Madrid", "note: vacío"]);
  expect(removers().map((each) => each.getAttribute("aria-label"))).toEqual([
    "Quitar el filtro to.city: Madrid",
    "Quitar el filtro note: vacío",
  ]);
});

test("a filter that is taken away is a step, and leads the keyboard on", async () => {
  await shown({ text: "", fields: [MADRID, OPEN] });
  removers()[1]?.focus();
  removers()[1]?.click();
  await bar.updateComplete;
  await bar.updateComplete;
  expect(said).toEqual([{ find: { text: "", fields: [MADRID] }, isStep: true }]);
  expect(document.activeElement).toBe(removers()[0]);
  removers()[0]?.click();
  await bar.updateComplete;
  await bar.updateComplete;
  expect(document.activeElement).toBe(filterButton());
});

test("a filter is added by a field's name, which may lead into objects", async () => {
  await shown({ text: "tea", fields: [] });
  await add(" to.city ", "Madrid");
  expect(said).toEqual([{ find: { text: "tea", fields: [MADRID] }, isStep: true }]);
  expect(bar.querySelector(".filter-form")).toBeNull();
  expect(document.activeElement).toBe(filterButton());
});

for (const wrong of ["", "  ", ".", "to.", ".city", "to..city"]) {
  test(`a field that is none is not looked for: "${wrong}"`, async () => {
    await shown(NOTHING_SOUGHT);
    await add(wrong, "x");
    expect(said).toEqual([]);
    expect(bar.querySelector(".filter-form")).not.toBeNull();
  });
}

test("the form for a filter takes the keyboard, offers the fields, and Escape gives it back", async () => {
  await shown(NOTHING_SOUGHT);
  filterButton().click();
  await bar.updateComplete;
  await bar.updateComplete;
  expect(document.activeElement).toBe(input("field"));
  expect([...bar.querySelectorAll("option")].map(({ value }) => value)).toEqual(["city", "total"]);
  expect(filterButton().getAttribute("aria-expanded")).toBe("true");
  input("field").dispatchEvent(new KeyboardEvent("keydown", { key: "Escape", bubbles: true }));
  await bar.updateComplete;
  expect(bar.querySelector(".filter-form")).toBeNull();
  expect(document.activeElement).toBe(filterButton());
});
