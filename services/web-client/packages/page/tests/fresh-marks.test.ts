import { expect, test } from "vitest";
import { FreshMarks } from "../src/fresh-marks";

test("a mark is gone after 20 s, unless it was renewed", () => {
  const marks = new FreshMarks<string>();
  marks.add("a");
  marks.add("b");
  for (let second = 1; second < 20; second += 1) expect(marks.age()).toEqual([]);
  marks.add("b");
  expect(marks.age()).toEqual(["a"]);
  expect([marks.has("a"), marks.has("b")]).toEqual([false, true]);
});
