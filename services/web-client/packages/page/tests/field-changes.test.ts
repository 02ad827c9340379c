import { expect, test } from "vitest";
import { changedFields, sameJson } from "../src/field-changes";
import type { Json } from "../src/json";

test("added, changed and removed fields are changed, others are not", () => {
  const before = { item: "tea", count: 1, gone: true };
  const after = { item: "tea", count: 2, note: null };
  expect(changedFields(before, after)).toEqual(new Set(["count", "note", "gone"]));
});

test("fields are compared however deep they are", () => {
  const nested = (inner: Json) => {
    let deep: Json = inner;
    for (let level = 0; level < 50_000; level += 1) deep = [deep];
    return { a: deep };
  };
  expect([...changedFields(nested(1), nested(1))]).toEqual([]);
  expect([...changedFields(nested(1), nested(2))]).toEqual(["a"]);
});

test("a field deep inside counts as a change of the field it is in", () => {
  const before = { to: { city: "Bilbao", lines: [1, { a: 2 }] } };
  const after = { to: { city: "Bilbao", lines: [1, { a: 3 }] } };
  expect(changedFields(before, after)).toEqual(new Set(["to"]));
});

test("the order of members is no change", () => {
  expect(sameJson({ a: 1, b: [] }, { b: [], a: 1 })).toBe(true);
});

test("a list is not the object with the same members", () => {
  expect(sameJson([1], { 0: 1 })).toBe(false);
});

test("a field that shadows Object's own members is compared like any other", () => {
  expect(changedFields({}, { constructor: 1 })).toEqual(new Set(["constructor"]));
});
