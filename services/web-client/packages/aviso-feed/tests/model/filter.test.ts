import { expect, test } from "vitest";
import { ExactNumber, parseExactJson } from "../../src/model/exact-json";
import { type Filter, hasFields, parametersOf, readFilter } from "../../src/model/filter";

const matches = (filter: Filter, text: string): boolean =>
  hasFields(parseExactJson(text), readFilter(filter));

test.each<[Filter, string, boolean]>([
  [{}, "{}", true],
  [{ status: "paid" }, `{"status": "paid"}`, true],
  [{ status: "paid" }, `{"status": "Paid"}`, false],
  [{ status: "paid" }, `{"other": "paid"}`, false],
  [{ n: 1 }, `{"n": 1.0}`, true],
  [{ n: 100 }, `{"n": 1e2}`, true],
  [{ n: 1 }, `{"n": "1"}`, true],
  [{ n: "1" }, `{"n": 1}`, true],
  [{ n: "1.0" }, `{"n": "1"}`, false],
  [{ n: 0.1 }, `{"n": 0.10000000000000000001}`, false],
  [{ n: new ExactNumber("12345678901234567890") }, `{"n": 12345678901234567890}`, true],
  [{ n: new ExactNumber("12345678901234567890") }, `{"n": 12345678901234567891}`, false],
  [{ open: true }, `{"open": true}`, true],
  [{ open: true }, `{"open": 1}`, false],
  [{ gone: null }, `{"gone": null}`, true],
  [{ gone: null }, "{}", false],
  [{ address: { city: "Madrid" } }, `{"address": {"city": "Madrid"}}`, true],
  [{ address: { city: "Madrid" } }, `{"address": "Madrid"}`, false],
  [{ lines: { 1: "b" } }, `{"lines": ["a", "b"]}`, true],
  [{ status: "paid", n: 1 }, `{"status": "paid", "n": 2}`, false],
])("the filter %j of %s: %j", (filter, text, expected) => {
  expect(matches(filter, text)).toBe(expected);
});

test("is asked of REST by its fields", () => {
  const fields = readFilter({ status: "paid", address: { city: "León", no: 5 }, gone: null });
  expect(parametersOf(fields)).toEqual([
    ["data.status", "paid"],
    ["data.address.city", "León"],
    ["data.address.no", "5"],
    ["data.gone", "null"],
  ]);
});

const circle: Record<string, unknown> = {};
circle.circle = circle;

test.each<[string, unknown]>([
  ["filter", null],
  ["filter", "status=paid"],
  ["filter", ["paid"]],
  ["filter", Object.fromEntries(Array.from({ length: 21 }, (_, n) => [`f${n}`, n]))],
  ["filter", { text: "ñ".repeat(400) }],
  ["filter.status", { status: undefined }],
  ["filter.status", { status: ["paid", "open"] }],
  ["filter.status", { status: {} }],
  ["filter.n", { n: Number.NaN }],
  ["filter.at", { at: new Date(0) }],
  ["filter.text", { text: "\0" }],
  ["filter.text", { text: "\ud800" }],
  ["filter.a.b", { "a.b": 1 }],
  ["filter.", { "": 1 }],
  ["filter.circle", circle],
])("refuses what no server knows, and names it: %s", (name, filter) => {
  expect(() => readFilter(filter)).toThrowError(
    expect.objectContaining({
      code: "filter-not-valid",
      message: expect.stringContaining(`${name}`),
    }),
  );
});

test("its names are those of the data, its values of their types", () => {
  type Order = { status: "paid" | "open"; count: number; lines: string[]; to?: { city: string } };
  const good: Filter<Order> = { status: "paid", count: 1, to: { city: "Madrid" } };
  // @ts-expect-error: no such field
  const unknown: Filter<Order> = { state: "paid" };
  // @ts-expect-error: no such value
  const other: Filter<Order> = { status: "lost" };
  // @ts-expect-error: REST compares no lists
  const list: Filter<Order> = { lines: ["a"] };
  expect([good, unknown, other, list]).toHaveLength(4);
});
