import { expect, test } from "vitest";
import { type Moment, ServerClock } from "../src/server-clock";

/** The browser's clock is `AHEAD` behind the server's. */
const AHEAD = 3_600_250;
const BEGIN = Date.parse("2026-11-24T09:30:00.500Z");
const momentAt = (ms: number): Moment => ({ wall: BEGIN + ms, steady: ms });
const serverDate = (ms: number, ahead = AHEAD) => new Date(BEGIN + ms + ahead).toUTCString();

/** Asked at `ms`, answered 40 ms later. */
function answer(clock: ServerClock, ms: number, ahead = AHEAD): void {
  clock.note(momentAt(ms), momentAt(ms + 40), serverDate(ms + 20, ahead));
}

test("before a server said its time nothing is known of it", () => {
  const clock = new ServerClock();
  clock.note(momentAt(0), momentAt(1), null);
  clock.note(momentAt(0), momentAt(1), "yesterday, perhaps");
  expect(clock.aheadAt(momentAt(0))).toBeNull();
});

test("what is true lies between the bounds, and more answers bring them together", () => {
  const clock = new ServerClock();
  const widths = [];
  for (let ms = 0; ms < 12_000; ms += 1130) {
    answer(clock, ms);
    const { from, to } = clock.aheadAt(momentAt(ms + 50)) ?? { from: 0, to: 0 };
    expect(from <= AHEAD && AHEAD <= to).toBe(true);
    widths.push(to - from);
  }
  expect(widths[0]).toBe(1140);
  expect(widths.at(-1)).toBeLessThan(400);
});

test("after the server's clock was set the newest answer counts", () => {
  const clock = new ServerClock();
  answer(clock, 0);
  answer(clock, 1000, 0);
  const { from, to } = clock.aheadAt(momentAt(2000)) ?? { from: 1, to: -1 };
  expect(from <= 0 && 0 <= to).toBe(true);
});

test.each([5000, -5000])("after the browser's clock was set by %d ms nothing is known", (set) => {
  const clock = new ServerClock();
  answer(clock, 0);
  const later = momentAt(1000);
  expect(clock.aheadAt(later)).not.toBeNull();
  expect(clock.aheadAt({ ...later, wall: later.wall + set })).toBeNull();
});

test("an answer that the computer slept over says nothing", () => {
  const clock = new ServerClock();
  const woken = { wall: BEGIN + 60_000, steady: 20 };
  clock.note(momentAt(0), woken, serverDate(60_000));
  expect(clock.aheadAt(woken)).toBeNull();
});
