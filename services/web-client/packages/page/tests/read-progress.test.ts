import { beforeEach, expect, test } from "vitest";
import type { Position } from "../src/library";
import { ReadProgress } from "../src/read-progress";
import { eventOf } from "./fake-library";

const at = (sequence: number, epoch = "k3f9"): Position => ({ epoch, sequence });
const events = (from: number, to: number) =>
  Array.from({ length: to - from + 1 }, (_, index) => eventOf(from + index));

let progress: ReadProgress;

/** Five were seen, and three came. */
beforeEach(() => {
  progress = new ReadProgress(at(5));
  progress.count(events(4, 8));
});

test("what a feed began with is no news, what comes after it is", () => {
  progress = new ReadProgress(null);
  progress.count(events(1, 5));
  progress.begin(at(5));
  progress.count(events(6, 7));
  expect([progress.seen, progress.newAfter, progress.unread]).toEqual([at(5), 5, 2]);
});

test("only what was not seen counts, and of that only what there is to see", () => {
  progress.count([eventOf(9, {}, { type: "reset" }), { ...eventOf(9), place: 0.5 }]);
  expect(progress.unread).toBe(3);
});

test("who looks sees as new what he had not seen, and then nothing is unread", () => {
  progress.look();
  expect(progress.newAfter).toBe(5);
  progress.see(at(8));
  expect([progress.unread, progress.seen, progress.lookedAtUpTo]).toEqual([0, at(8), at(8)]);
});

test("what was seen elsewhere is not unread here, however few there were to see", () => {
  progress.adopt(at(7), at(8), false);
  expect([progress.unread, progress.seen]).toEqual([1, at(7)]);
  progress.adopt(at(7), at(12), false);
  expect(progress.unread).toBe(1);
});

test("another reader has seen what he has, or all that there is where nobody knows", () => {
  progress.see(at(8));
  progress.adopt(at(2), at(8), true);
  expect([progress.unread, progress.lookedAtUpTo]).toEqual([6, null]);
  progress.adopt(null, at(8), true);
  expect([progress.unread, progress.seen]).toEqual([0, at(8)]);
});

test("of a feed that begins anew nothing is unread, of what is skipped all is", () => {
  progress.reset({ ...at(20), skipped: { from: 9, to: 20 } });
  expect([progress.unread, progress.newAfter]).toEqual([15, 20]);
  progress.reset(at(0, "n3w1"));
  expect([progress.unread, progress.seen, progress.newAfter]).toEqual([0, at(0, "n3w1"), 0]);
});

test("of what is forgotten nothing is unread", () => {
  progress.forget();
  expect([progress.unread, progress.seen, progress.lookedAtUpTo]).toEqual([0, null, null]);
});

test("what was seen, and was unread, in another epoch says nothing about this one", () => {
  progress.dropOtherEpoch("k3f9");
  expect(progress.unread).toBe(3);
  progress.dropOtherEpoch("n3w1");
  expect([progress.unread, progress.seen]).toEqual([0, null]);
  progress.begin(at(2, "n3w1"));
  progress.count([{ ...eventOf(3), epoch: "n3w1" }]);
  expect(progress.unread).toBe(1);
});
