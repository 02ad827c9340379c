// @vitest-environment jsdom
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { setClocks } from "../src/clock";
import { readingIn } from "../src/reading";
import { RelativeTime } from "../src/relative-time";
import { type Bounds, BROWSER_ALONE } from "../src/server-clock";

const WRITTEN = new Date("2026-11-24T09:30:00Z");
const HOUR = 3_600_000;

beforeEach(() => {
  vi.useFakeTimers();
});

afterEach(() => {
  document.body.replaceChildren();
  setClocks(BROWSER_ALONE);
  vi.useRealTimers();
});

/** What is shown 30 s after it was written, `wrong` being how far the browser's clock is ahead. */
function shownAfterHalfAMinute(wrong: number, ahead: Bounds | null): string {
  vi.setSystemTime(WRITTEN.getTime() + 30_000 + wrong);
  setClocks({ now: () => Date.now(), ahead: () => ahead });
  const element = new RelativeTime();
  element.time = WRITTEN;
  element.reading = readingIn("en");
  document.body.append(element);
  return element.textContent ?? "";
}

test.each([
  ["right", 0, { from: -400, to: 600 }],
  ["right, and the server's is not known", 0, null],
  ["an hour ahead", HOUR, { from: -HOUR - 100, to: -HOUR + 100 }],
  ["an hour behind", -HOUR, { from: HOUR - 100, to: HOUR + 100 }],
])("an age is what it is where the browser's clock is %s", (_word, wrong, ahead) => {
  expect(shownAfterHalfAMinute(wrong, ahead)).toMatch(/^30 sec/);
});
