import { ExactNumber } from "aviso-feed";
import { expect, test } from "vitest";
import type { Json } from "../src/json";
import { valueOrder } from "../src/value-order";

test("numbers come before texts, both before all else", () => {
  const values: Json[] = [true, "b", "a10", "a9", 10, new ExactNumber("9e400"), 9];
  expect(values.sort(valueOrder("en"))).toEqual([
    ...[9, 10, new ExactNumber("9e400"), "a9", "a10", "b", true],
  ]);
});

test("objects stay as they come, also those that have no text", () => {
  const [one, other] = [{ toString: 1 }, { toString: 2 }];
  expect([one, [2], other, [1]].sort(valueOrder("en"))).toEqual([one, [2], other, [1]]);
});
