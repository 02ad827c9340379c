// @vitest-environment jsdom
import { afterEach, expect, test } from "vitest";
import { ColumnPicker } from "../src/column-picker";
import type { Locale } from "../src/locale";
import { readingIn } from "../src/reading";

const NAMES = ["city", "item", "unit_price", "total"];

let picker: ColumnPicker;
let said: (readonly string[] | null)[];

/** As its table does: what it says is what it is shown next. */
async function shown(picked: readonly string[], locale: Locale = "en"): Promise<void> {
  said = [];
  picker = new ColumnPicker();
  picker.names = NAMES;
  picker.picked = picked;
  picker.reading = readingIn(locale);
  picker.addEventListener("columns-change", (event) => {
    const names = (event as CustomEvent<readonly string[] | null>).detail;
    said.push(names);
    picker.picked = names ?? NAMES;
  });
  document.body.append(picker);
  await settled();
}

async function settled(): Promise<void> {
  await picker.updateComplete;
  await new Promise((resolve) => setTimeout(resolve));
}

afterEach(() => picker.remove());

const rows = () =>
  [...picker.querySelectorAll("li")].map((row) => {
    const check = row.querySelector("input") as HTMLInputElement;
    return [row.querySelector("bdi")?.textContent, check.checked] as const;
  });
const row = (label: string) =>
  [...picker.querySelectorAll("li")].find(
    (each) => each.querySelector("bdi")?.textContent === label,
  ) as HTMLLIElement;
const check = (label: string) => row(label).querySelector("input") as HTMLInputElement;
const up = (label: string) => row(label).querySelector("button") as HTMLButtonElement;

test("the picked columns stand first, in their order, under names that can be read", async () => {
  await shown(["unit_price", "city"]);
  expect(rows()).toEqual([
    ["unit price", true],
    ["city", true],
    ["item", false],
    ["total", false],
  ]);
});

test("a column that is taken out leaves the others picked", async () => {
  await shown(["city", "item", "total"]);
  check("city").click();
  await settled();
  expect(said).toEqual([["item", "total"]]);
  expect(rows()).toEqual([
    ["item", true],
    ["total", true],
    ["city", false],
    ["unit price", false],
  ]);
});

test("a column that is added comes last", async () => {
  await shown(["city"]);
  check("total").click();
  await settled();
  expect(said).toEqual([["city", "total"]]);
  expect(rows().slice(0, 2)).toEqual([
    ["city", true],
    ["total", true],
  ]);
});

test("the last one cannot be taken out", async () => {
  await shown(["city"]);
  expect(check("city").disabled).toBe(true);
});

test("the keyboard stays on a column that moves up, to the top", async () => {
  await shown(["city", "item", "total"]);
  for (const expected of [
    ["city", "total", "item"],
    ["total", "city", "item"],
  ]) {
    const button = up("total");
    if (said.length === 0) button.focus();
    expect(document.activeElement).toBe(button);
    (document.activeElement as HTMLElement).click();
    await settled();
    expect(said.at(-1)).toEqual(expected);
  }
  expect(up("total").hidden).toBe(true);
  expect(document.activeElement).toBe(check("total"));
});

test("the keyboard stays on a column that is taken out", async () => {
  await shown(["city", "item"]);
  check("city").focus();
  check("city").click();
  await settled();
  expect(document.activeElement).toBe(check("city"));
});

test("all is as it was at first when somebody asks for that", async () => {
  await shown(["city"]);
  const buttons = [...picker.querySelectorAll<HTMLButtonElement>(".menu-body > button")];
  buttons.at(-1)?.click();
  expect(said).toEqual([null]);
});

test("its buttons say which column they move, in the reader's language", async () => {
  await shown(["city", "total"], "es");
  expect(up("total").getAttribute("aria-label")).toBe("Adelantar total");
});
