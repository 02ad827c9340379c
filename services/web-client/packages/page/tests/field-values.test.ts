import { ExactNumber } from "aviso-feed";
import { expect, test } from "vitest";
import { fieldLabel, safeLink, shownValue, widthOf } from "../src/field-values";

test.each([
  ["http and https become links", "https://parcels.example/track/1", true],
  ["a script does not", "javascript:alert(1)", false],
  ["a script dressed as a link does not", "javascript://example.com/%0aalert(1)", false],
  ["data does not", "data:text/html,<b>x</b>", false],
  ["a link with a password does not", "https://user:secret@example.com/", false],
  ["text with a link in it does not", "see https://example.com", false],
])("%s", (_, text, isLink) => {
  expect(safeLink(text) !== null).toBe(isLink);
});

test.each([
  [null, "nothing"],
  ["", "empty-text"],
  ["tea", "text"],
  [true, "boolean"],
  [12.5, "number"],
  ["2026-11-24T09:30:00.123456Z", "time"],
  ["2026-11-24", "day"],
  ["2026-13-45", "text"],
  ["2026-02-30", "text"],
  ["2025-02-29", "text"],
  ["2024-02-29", "day"],
  ["2026-02-30T10:00:00Z", "text"],
  ["2026-04-31 10:00:00+02:00", "text"],
  ["2026-04-30T24:00:00Z", "text"],
  ["2026-04-30T23:59:60Z", "text"],
  ["2026-04-30T23:30:00-11:00", "time"],
  ["2026", "text"],
  [new ExactNumber("1234567890123456789"), "number"],
  [[1, new ExactNumber("1e400")], "words"],
  [["gift", "returning"], "words"],
  [[{ a: 1 }], "list"],
  [{ city: "Bilbao" }, "object"],
] as const)("%j is shown as %s", (value, kind) => {
  expect(shownValue(value).kind).toBe(kind);
});

test("long text is folded", () => {
  expect(shownValue("word ".repeat(100))).toMatchObject({ kind: "text", isLong: true });
});

test("a value takes as many columns as it needs", () => {
  const widths = [3, "Sencha Kagoshima, 100 g", "word ".repeat(12), { city: "Bilbao" }].map(
    widthOf,
  );
  expect(widths).toEqual(["one", "two", "line", "line"]);
});

test.each([
  ["total_eur", "total eur"],
  ["unitPrice", "unit price"],
  ["Ñandú 2", "Ñandú 2"],
])("the field %s is called %s", (name, label) => {
  expect(fieldLabel(name)).toBe(label);
});
