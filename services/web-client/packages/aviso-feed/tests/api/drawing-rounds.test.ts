import { afterEach, beforeEach, expect, test, vi } from "vitest";

type Rounds = typeof import("../../src/api/drawing-rounds");

let drawingRound: Rounds["drawingRound"];
/** Milliseconds that drawing took so far, which the timers know nothing of. */
let busyMs: number;
let drawn: string[];

beforeEach(async () => {
  vi.useFakeTimers();
  vi.resetModules();
  busyMs = 0;
  vi.spyOn(performance, "now").mockImplementation(() => Date.now() + busyMs);
  ({ drawingRound } = await import("../../src/api/drawing-rounds"));
  drawn = [];
});

afterEach(() => {
  vi.restoreAllMocks();
  vi.useRealTimers();
});

async function draw(name: string, ms = 0): Promise<void> {
  await drawingRound();
  drawn.push(name);
  busyMs += ms;
}

test("who comes after a while draws at once, and so do all who come with him", async () => {
  await Promise.all([draw("a"), draw("b")]);
  await vi.advanceTimersByTimeAsync(200);
  await draw("c");
  expect(drawn).toEqual(["a", "b", "c"]);
});

test("who comes soon after draws in the next round, with all the others", async () => {
  await draw("a");
  for (const name of ["b", "c"]) {
    await vi.advanceTimersByTimeAsync(20);
    void draw(name);
  }
  expect(drawn).toEqual(["a"]);
  await vi.advanceTimersByTimeAsync(100);
  expect(drawn).toEqual(["a", "b", "c"]);
});

test("a page that takes long to draw rests three times as long", async () => {
  await draw("a", 400);
  await vi.advanceTimersByTimeAsync(0);
  void draw("b");
  await vi.advanceTimersByTimeAsync(1_100);
  expect(drawn).toEqual(["a"]);
  await vi.advanceTimersByTimeAsync(100);
  expect(drawn).toEqual(["a", "b"]);
});
