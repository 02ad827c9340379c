import { expect, test } from "vitest";
import type { Beat } from "../src/pulse";
import { lagText, lastText, linePath, rateText } from "../src/pulse-text";
import { readingIn } from "../src/reading";

const english = readingIn("en");
const spanish = readingIn("es");
const NOW = Date.parse("2026-11-24T09:30:00Z");

const beat = (change: Partial<Beat>): Beat => ({
  rate: 0,
  lastMinute: 0,
  line: [],
  lastAt: null,
  lag: null,
  ...change,
});

test.each([
  [{ rate: null }, "– / s"],
  [{ rate: 0, lastMinute: 0 }, "0 / min"],
  [{ rate: 0.2, lastMinute: 7 }, "7 / min"],
  [{ rate: 1.23 }, "1.2 / s"],
  [{ rate: 212.6 }, "213 / s"],
])("the rate of %o reads %s", (change, text) => {
  expect(rateText(beat(change), english)).toBe(text);
});

test.each([
  [null, "lag unknown"],
  [{ from: 0, to: 210 }, "lag under 0.3 s"],
  [{ from: 0, to: 1140 }, "lag under 1.2 s"],
  [{ from: 250, to: 350 }, "lag about 0.3 s"],
  [{ from: 11_600, to: 12_600 }, "lag about 12 s"],
  [{ from: 3_599_000, to: 3_600_000 }, "lag about 60 min"],
])("a lag between %o reads %s", (lag, text) => {
  expect(lagText(beat({ lag }), english)).toBe(text);
});

test.each([
  [3_600_000, "last event 42 sec. ago"],
  [3_600_000 - 41_000, "last event just now"],
  // The API's clock may be behind the database's.
  [3_600_000 - 50_000, "last event just now"],
])("its age is by the server's clock, which is %d ms ahead", (ahead, text) => {
  const lastAt = NOW + 3_600_000 - 42_000;
  expect(lastText(beat({ lastAt }), NOW, { from: ahead, to: ahead }, english)).toBe(text);
});

test("where the server's clock is not known the time is said, and no age", () => {
  const text = lastText(beat({ lastAt: NOW }), NOW, null, english);
  expect(text).toMatch(/^last event on .*2026/);
  expect(lastText(beat({}), NOW, null, english)).toBe("no event yet");
});

test("it is said in Spanish too", () => {
  expect(lagText(beat({ lag: { from: 0, to: 210 } }), spanish)).toBe("retraso menor de 0,3 s");
});

test("the line has gaps, and few events stay low", () => {
  expect(linePath([null, 0, 5, null, 2.5])).toBe("M1 15L2 1M4 8");
  expect(linePath([0, 100])).toBe("M0 15L1 1");
});
