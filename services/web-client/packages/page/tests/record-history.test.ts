import { expect, test } from "vitest";
import type { JsonObject } from "../src/json";
import { stepsOf } from "../src/record-history";
import type { HistoryEvent } from "../src/record-reading";
import { recordOf } from "./fake-library";

function event(
  sequence: number,
  type: HistoryEvent["type"],
  data: JsonObject | null,
): HistoryEvent {
  return { sequence, type, time: "2026-11-24T09:30:00Z", record: data && recordOf(1, data) };
}

test("each change says what was before and after, the newest first", () => {
  const steps = stepsOf([
    event(1, "created", { a: 1, b: 1 }),
    event(5, "updated", { a: 2, b: 1 }),
    event(9, "updated", { a: 2, c: null }),
  ]);
  expect(steps.map(({ event: { sequence }, changes }) => [sequence, changes])).toEqual([
    [
      9,
      [
        { name: "c", before: undefined, after: null },
        { name: "b", before: 1, after: undefined },
      ],
    ],
    [5, [{ name: "a", before: 1, after: 2 }]],
    [1, null],
  ]);
});

test("nothing is said of what was before where it is not known", () => {
  const steps = stepsOf([
    event(3, "updated", { a: 1 }),
    event(4, "unavailable", null),
    event(5, "updated", { a: 2 }),
    event(6, "deleted", { a: 2 }),
    event(7, "created", { a: 3 }),
  ]);
  expect(steps.map(({ changes }) => changes)).toEqual([null, null, null, null, null]);
});
