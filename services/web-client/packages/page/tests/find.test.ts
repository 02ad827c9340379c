import { ExactNumber, parseExactJson } from "aviso-feed";
import { expect, test } from "vitest";
import {
  type Find,
  fieldValueOf,
  findOfParameters,
  matches,
  NOTHING_SOUGHT,
  searchOfFind,
  withField,
  withoutField,
} from "../src/find";
import type { Json, JsonObject } from "../src/json";

const sought = (query: string): Find => findOfParameters(new URLSearchParams(query));
const record = (text: string): JsonObject => parseExactJson(text) as JsonObject;

// The same records and questions as in the API's test: one rule on both sides.
const RECORDS: readonly JsonObject[] = [
  record('{"n": 0, "city": "Madrid", "total": 12.50}'),
  { n: 1, a: [{ b: ["in MADRID"] }], c: 0.5 },
  record('{"n": 2, "big": 1000.0, "open": true, "nothing": null}'),
  { n: 3, odd: 'a"b\\c' },
  { n: 4, é: "é😀" },
  { n: 5, share: "5%" },
  { n: 6, low: -12.5 },
  { n: 7, total: 12.5 },
];

test.each([
  ["q=madrid", [0, 1]],
  ["q=MADRID+0.5", [1]],
  ["q=adri", [0, 1]],
  ["q=madrid&data.n=1", [1]],
  ["q=12.5", [0, 6, 7]],
  ["q=12.50", [0, 7]],
  ["q=12.500", [0, 7]],
  ["q=1.25e1", [0, 7]],
  ["q=2.50", [0]],
  ["q=-12.50", [6]],
  ["q=1000", [2]],
  ["q=1e3", [2]],
  ["q=1E3", [2]],
  ["q=1000.0", [2]],
  ["q=1e4", []],
  ["q=-0", [0]],
  ["q=0.0", [0, 2]],
  ["q=1e99999", []],
  ["q=1e-99999", []],
  ["q=1e9999999999", []],
  ["q=012.5", []],
  ["q=city", []],
  ["q=true", []],
  ["q=null", []],
  ["q=%22", [3]],
  ["q=%5C", [3]],
  ["q=a%0Ab", [3]],
  ["q=%C3%A9%F0%9F%98%80", [4]],
  ["q=%C3%89", []],
  ["q=%25", [5]],
  ["q=%27;--", []],
] as const)("%s finds what REST finds", (query, found) => {
  const matching = RECORDS.filter((data) => matches(data, sought(query)));
  expect(matching.map(({ n }) => n)).toEqual(found);
});

test.each([
  ['{"a": 5}', "data.a=5", true],
  ['{"a": "5"}', "data.a=5", true],
  ['{"a": 5}', "data.a=5.0", true],
  ['{"a": "5"}', "data.a=5.0", false],
  ['{"a": 12345678901234567890}', "data.a=12345678901234567890", true],
  ['{"a": 12345678901234567890}', "data.a=12345678901234567891", false],
  ['{"a": 1e400}', "data.a=1e400", true],
  ['{"a": true}', "data.a=true", true],
  ['{"a": null}', "data.a=null", true],
  ["{}", "data.a=null", false],
  ['{"a": ""}', "data.a=", true],
  ['{"a": {"b": "x"}}', "data.a.b=x", true],
  ['{"a": ["x", "y"]}', "data.a.1=y", true],
  ['{"a": ["x", "y"]}', "data.a=x", false],
  ['{"a": {"b": 1}}', 'data.a={"b": 1}', false],
  ['{"a": "Madrid"}', "data.a=madrid", false],
  ["{}", "data.toString.name=toString", false],
])("%s and %s: %s", (data, query, found) => {
  expect(matches(record(data), sought(query))).toBe(found);
});

test("a value becomes a filter where an address can say it", () => {
  expect(fieldValueOf(["to", "city"], "Madrid")).toEqual({ path: ["to", "city"], value: "Madrid" });
  expect(fieldValueOf(["n"], new ExactNumber("1e400"))?.value).toBe("1e400");
  expect(fieldValueOf(["a.b"], 1)).toBeNull();
  expect(fieldValueOf([""], 1)).toBeNull();
  expect(fieldValueOf(["a"], [1])).toBeNull();
  // Neither has a text of its own.
  expect(fieldValueOf(["a"], { toString: 1 })).toBeNull();
  let deep: Json = 1;
  for (let level = 0; level < 10_000; level += 1) deep = [deep];
  expect(fieldValueOf(["a"], deep)).toBeNull();
  expect(fieldValueOf(["a"], "x".repeat(201))).toBeNull();
});

test("the same filter is there once, and can be taken away", () => {
  const field = { path: ["a"], value: "1" };
  const twice = withField(withField(NOTHING_SOUGHT, field), field);
  expect(twice.fields).toEqual([field]);
  expect(withoutField(twice, { path: ["a"], value: "1" })).toEqual(NOTHING_SOUGHT);
});

test("REST is asked for no more words than it takes", () => {
  const find = { text: " 1 2  3 4 5 6 7 8 9 ", fields: [] };
  expect(searchOfFind(find).get("q")).toBe("1 2 3 4 5 6 7 8");
});
