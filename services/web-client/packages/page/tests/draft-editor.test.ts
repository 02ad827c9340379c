// @vitest-environment jsdom
import { afterEach, expect, test } from "vitest";
import type { DraftField } from "../src/draft";
import { DraftEditor } from "../src/draft-editor";
import type { Locale } from "../src/locale";
import { readingIn } from "../src/reading";

let editor: DraftEditor;
let changes: number;

async function begun(fields: readonly DraftField[], locale: Locale = "en"): Promise<void> {
  changes = 0;
  editor = new DraftEditor();
  editor.reading = readingIn(locale);
  editor.addEventListener("draft-change", () => {
    changes += 1;
  });
  document.body.append(editor);
  editor.begin(fields);
  await editor.updateComplete;
}

afterEach(() => editor.remove());

type Field = HTMLInputElement | HTMLSelectElement | HTMLTextAreaElement;
const all = <Of extends Element>(selector: string) => [...editor.querySelectorAll<Of>(selector)];
const names = () => all<HTMLInputElement>(".draft-name").map(({ value }) => value);
const kinds = () => all<HTMLSelectElement>(".draft-kind").map(({ value }) => value);
const values = () => all<Field>(".draft-value").map(({ value }) => value);
const at = (selector: string, row: number) => all<Field>(selector)[row] as Field;
const faults = () => all(".form-error").map(({ textContent }) => textContent?.trim());

async function set(selector: string, row: number, value: string): Promise<void> {
  const field = at(selector, row);
  field.value = value;
  field.dispatchEvent(new Event(field.localName === "select" ? "change" : "input"));
  await editor.updateComplete;
}

async function click(selector: string, row = 0): Promise<void> {
  all<HTMLElement>(selector)[row]?.click();
  await editor.updateComplete;
  await editor.updateComplete;
}

const mode = (name: "fields" | "json") => click(".segments button", name === "fields" ? 0 : 1);

const FIELDS: readonly DraftField[] = [
  { name: "item", kind: "text", value: "tea" },
  { name: "open", kind: "boolean", value: "true" },
  { name: "total", kind: "number", value: "1.5" },
];

test("a record is read from its rows", async () => {
  await begun(FIELDS);
  await set(".draft-value", 0, "coffee\nblack");
  expect(editor.read()).toEqual({
    ok: true,
    data: { item: "coffee\nblack", open: true, total: 1.5 },
  });
  expect(changes).toBe(1);
});

test("emptied, each row shows that it is empty, also one that somebody chose", async () => {
  await begun(FIELDS);
  // What was chosen once is not changed any more by what it is said to be at first.
  await set(".draft-value", 1, "");
  await set(".draft-value", 1, "false");
  editor.empty();
  await editor.updateComplete;
  expect(names()).toEqual(["item", "open", "total"]);
  expect(values()).toEqual(["", "", ""]);
  expect(editor.read()).toEqual({ ok: true, data: {} });
});

test("a row that is taken out leaves the others as they were", async () => {
  await begun([...FIELDS, { name: "paid", kind: "boolean", value: "true" }]);
  await set(".draft-value", 1, "false");
  await click(".draft-remove", 1);
  expect([names(), kinds(), values()]).toEqual([
    ["item", "total", "paid"],
    ["text", "number", "boolean"],
    ["tea", "1.5", "true"],
  ]);
  await click(".draft-remove", 0);
  await click(".draft-remove", 0);
  await click(".draft-remove", 0);
  expect(names()).toEqual([""]);
});

test("a row that is added has the keyboard", async () => {
  await begun(FIELDS);
  await click(".draft-foot button");
  expect(document.activeElement).toBe(at(".draft-name", 3));
});

test("of another kind a value is read as such, and yes and no begin with yes", async () => {
  await begun(FIELDS);
  await set(".draft-kind", 0, "boolean");
  await set(".draft-kind", 2, "text");
  expect(values()).toEqual(["true", "true", "1.5"]);
  expect(editor.read()).toEqual({ ok: true, data: { item: true, open: true, total: "1.5" } });
});

test("a fault stands at its row until that is changed", async () => {
  await begun(FIELDS, "es");
  await set(".draft-value", 2, "mucho");
  await set(".draft-name", 1, "");
  expect(editor.read().ok).toBe(false);
  await editor.updateComplete;
  expect(faults().map((text) => text !== "")).toEqual([false, true, true]);
  expect(at(".draft-name", 1).getAttribute("aria-invalid")).toBe("true");
  expect(at(".draft-value", 2).getAttribute("aria-invalid")).toBe("true");
  await set(".draft-value", 2, "2,5");
  expect(faults().map((text) => text !== "")).toEqual([false, true, false]);
});

test("a number stays the number that it was when the language changes", async () => {
  await begun(FIELDS);
  editor.reading = readingIn("es");
  await editor.updateComplete;
  expect(values()).toEqual(["tea", "true", "1,5"]);
  expect(editor.read()).toMatchObject({ data: { total: 1.5 } });
});

test("rows become JSON text and JSON text rows, with all digits", async () => {
  await begun([{ name: "total", kind: "number", value: "12345678901234567890.10" }]);
  await mode("json");
  expect(at("textarea", 0).value).toContain("12345678901234567890.10");
  await set("textarea", 0, '{"total": 1.10, "to": {"city": "Madrid"}, "note": ""}');
  await mode("fields");
  expect([names(), kinds()]).toEqual([
    ["total", "to", "note"],
    ["number", "json", "json"],
  ]);
  expect(values()).toEqual(["1.10", '{"city":"Madrid"}', '""']);
});

test("JSON that is none stays as it is, and says where it is wrong", async () => {
  await begun(FIELDS);
  await mode("json");
  await set("textarea", 0, '{"item": tea}');
  await mode("fields");
  expect(editor.mode).toBe("json");
  expect(at("textarea", 0).getAttribute("aria-invalid")).toBe("true");
  expect(faults()[0]).not.toBe("");
  await set("textarea", 0, "[1]");
  expect(faults()).toEqual([""]);
  expect(editor.read().ok).toBe(false);
});

test("what the server says of a field stands at its row, where there is one", async () => {
  await begun(FIELDS);
  editor.refused = { field: "total", detail: "total must be at least 2" };
  await editor.updateComplete;
  expect(faults()).toEqual(["", "", "total must be at least 2"]);
  expect([editor.hasRow("total"), editor.hasRow("city")]).toEqual([true, false]);
});

const WIDE: readonly DraftField[] = Array.from({ length: 3000 }, (_, at) => ({
  name: `f${at}`,
  kind: "number",
  value: String(at),
}));

const more = () => click("[data-action=more-fields]");
const read = () => Object.keys((editor.read() as { data: object }).data);

test("of thousands of fields few rows are drawn, and more on demand; all are written", async () => {
  await begun(WIDE);
  expect([names().length, names()[0], names().at(-1)]).toEqual([100, "f0", "f99"]);
  expect(read()).toHaveLength(3000);
  await more();
  expect([names().length, names().at(-1)]).toEqual([200, "f199"]);
  expect(document.activeElement).toBe(at(".draft-value", 100));
});

test("all rows can be drawn, and then nothing is said to be left", async () => {
  await begun(WIDE.slice(0, 250));
  await more();
  await more();
  expect(names()).toEqual(WIDE.slice(0, 250).map(({ name }) => name));
  expect(all("[data-action=more-fields]")).toEqual([]);
});

test("a field that is added is drawn behind those that are not, and one is removed as it is", async () => {
  await begun(WIDE);
  await click(".draft-foot button");
  await set(".draft-name", 100, "mine");
  await set(".draft-value", 100, "tea");
  await click(".draft-remove", 1);
  expect(names().slice(-2)).toEqual(["f99", "mine"]);
  expect([read().length, read().at(-1), read()[1]]).toEqual([3000, "mine", "f2"]);
  await more();
  expect(names().slice(99)).toEqual([...WIDE.slice(100, 200).map(({ name }) => name), "mine"]);
});

test("what is wrong with a row that was not drawn is shown at that row", async () => {
  await begun(WIDE);
  await set(".draft-name", 0, "f2500");
  expect(editor.read().ok).toBe(false);
  await editor.updateComplete;
  expect([names().length, names().at(-1)]).toEqual([101, "f2500"]);
  expect(at(".draft-name", 100).getAttribute("aria-invalid")).toBe("true");
  editor.refused = { field: "f1234", detail: "is no city" };
  await editor.updateComplete;
  expect(names().slice(100)).toEqual(["f1234", "f2500"]);
});

test("coming back from JSON few rows are drawn as well", async () => {
  await begun(FIELDS);
  await mode("json");
  await set("textarea", 0, JSON.stringify(Object.fromEntries(WIDE.map(({ name }) => [name, 1]))));
  await mode("fields");
  expect(names()).toHaveLength(100);
});
