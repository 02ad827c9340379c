import { expect, test } from "vitest";
import { BIN_MS, BINS, Pulse } from "../src/pulse";
import { eventOf } from "./fake-library";

const BEGIN = Math.floor(Date.parse("2026-11-24T09:30:00Z") / BIN_MS) * BIN_MS;
const SURE = { from: 0, to: 0 };

/** `count` events that were written then, in milliseconds since the beginning. */
function written(at: number, count = 1) {
  const time = new Date(BEGIN + at).toISOString();
  return Array.from({ length: count }, (_, index) => eventOf(index + 1, {}, { time }));
}

function livePulse(): Pulse {
  const pulse = new Pulse();
  pulse.setLive(true, BEGIN);
  return pulse;
}

test("before a feed is live nothing is said of it", () => {
  const beat = new Pulse().beatAt(BEGIN);
  expect([beat.rate, beat.lastMinute, beat.lastAt, beat.lag]).toEqual([null, 0, null, null]);
  expect(new Set(beat.line)).toEqual(new Set([null]));
});

test("a steady stream has its rate, at every moment", () => {
  const pulse = livePulse();
  const rates = [];
  for (let ms = 50; ms < 40_000; ms += 100) {
    pulse.arrive(written(ms), BEGIN + ms, SURE);
    if (ms > 5000) rates.push(pulse.beatAt(BEGIN + ms).rate ?? 0);
  }
  expect(Math.min(...rates)).toBeGreaterThan(9.8);
  expect(Math.max(...rates)).toBeLessThan(10.2);
});

test("what was fetched says when the last event was, and counts as none that arrived", () => {
  const pulse = livePulse();
  pulse.pass(written(-4000, 500));
  const { rate, lastMinute, lastAt } = pulse.beatAt(BEGIN + 1000);
  expect([rate, lastMinute, lastAt]).toEqual([0, 0, BEGIN - 4000]);
});

test("listed records and a reset are no events", () => {
  const pulse = livePulse();
  const [event] = written(0);
  if (event === undefined) throw new Error("there is one");
  const events = [
    { ...event, type: "listed" as const, place: 3 },
    { ...event, type: "reset" as const },
  ];
  pulse.pass(events);
  pulse.arrive(events, BEGIN, SURE);
  const { lastMinute, lastAt } = pulse.beatAt(BEGIN + 1000);
  expect([lastMinute, lastAt]).toEqual([0, null]);
});

test("the line has what came in each whole bin, and a gap where nobody counted", () => {
  const pulse = livePulse();
  pulse.arrive(written(0, 3), BEGIN + 100, SURE);
  pulse.setLive(false, BEGIN + BIN_MS + 1);
  pulse.setLive(true, BEGIN + 4 * BIN_MS + 1);
  pulse.arrive(written(0, 2), BEGIN + 4 * BIN_MS + 2, SURE);
  const { line } = pulse.beatAt(BEGIN + 6 * BIN_MS);
  expect(line.slice(-7)).toEqual([null, 3, 0, null, null, 2, 0]);
});

test("however much arrives and however long, it keeps as much", () => {
  const pulse = livePulse();
  for (let ms = 0; ms < 3 * BINS * BIN_MS; ms += BIN_MS) {
    pulse.arrive(written(ms, 20), BEGIN + ms, SURE);
  }
  expect(pulse.beatAt(BEGIN + 3 * BINS * BIN_MS).line).toEqual(Array(BINS - 1).fill(20));
  expect(pulse.beatAt(BEGIN + 10 * BINS * BIN_MS).line).toEqual(Array(BINS - 1).fill(0));
});

test("of the lags of a busy minute the newest 32 are kept", () => {
  const pulse = livePulse();
  for (let n = 0; n < 100; n += 1) pulse.arrive(written(0), BEGIN + 1000, SURE);
  for (let n = 0; n < 32; n += 1) pulse.arrive(written(0), BEGIN + 2000, SURE);
  expect(pulse.beatAt(BEGIN + 2000).lag?.to).toBe(2000);
});

test("a lag is between the bounds that the clocks allow, and never negative", () => {
  const pulse = livePulse();
  pulse.arrive(written(0), BEGIN + 300, { from: -500, to: 200 });
  expect(pulse.beatAt(BEGIN + 400).lag).toEqual({ from: 0, to: 500 });
});

test("without the server's time no lag is said, and none where the clocks cannot both be right", () => {
  const pulse = livePulse();
  pulse.arrive(written(0), BEGIN + 300, null);
  expect(pulse.beatAt(BEGIN + 400).lag).toBeNull();
  pulse.arrive(written(0), BEGIN + 500, SURE);
  pulse.arrive(written(1000), BEGIN + 600, SURE);
  expect(pulse.beatAt(BEGIN + 700).lag).toBeNull();
});

test("one late event among many does not make the lag", () => {
  const pulse = livePulse();
  for (const lag of [200, 9000, 210, 190, 220]) {
    pulse.arrive(written(10_000 - lag), BEGIN + 10_000, SURE);
  }
  expect(pulse.beatAt(BEGIN + 10_000).lag).toEqual({ from: 210, to: 210 });
});

test("while it is not live neither rate nor lag is said", () => {
  const pulse = livePulse();
  pulse.arrive(written(0), BEGIN + 10, SURE);
  pulse.setLive(false, BEGIN + 20);
  const { rate, lag } = pulse.beatAt(BEGIN + 30);
  expect([rate, lag]).toEqual([null, null]);
});

test("a browser's clock that is set back begins the counting anew", () => {
  const pulse = livePulse();
  pulse.arrive(written(0, 5), BEGIN + 10, SURE);
  const { rate, lastMinute, line } = pulse.beatAt(BEGIN - 3_600_000);
  expect([rate, lastMinute, new Set(line)]).toEqual([0, 0, new Set([null])]);
});

test("another life of the feed has no past", () => {
  const pulse = livePulse();
  pulse.arrive(written(0, 5), BEGIN + 10, SURE);
  pulse.clear();
  const { lastMinute, lastAt, lag } = pulse.beatAt(BEGIN + 20);
  expect([lastMinute, lastAt, lag]).toEqual([0, null, null]);
});
