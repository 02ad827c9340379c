import { expect, test } from "vitest";
import { changedFields, sameJson } from "../src/field-changes";

test("added, changed and removed fields are changed, others are not", () => {
  const before = { item: "tea", count: 1, gone: true };
  const after = { item: "tea", count: 2, note: null };
  expect(changedFields(before, after)).toEqual(new Set(["count", "note", "gone"]));
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
