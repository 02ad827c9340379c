import { sizeOf } from "aviso-feed";
import { expect, test } from "vitest";
import { HeldEvents } from "../src/held-events";
import { KEPT_AFTER_TRIM, MOST_KEPT, MOST_KEPT_BYTES } from "../src/kept-limits";
import type { FeedEvent } from "../src/library";
import { eventOf } from "./fake-library";

const many = (from: number, count: number, data = {}) =>
  Array.from({ length: count }, (_, at) => eventOf(from + at, data));
const sequences = (events: readonly FeedEvent[]) => events.map(({ sequence }) => sequence);
const bytes = (events: readonly FeedEvent[]) =>
  events.reduce((sum, event) => sum + sizeOf(event), 0);

test("what waits is given once, in order, and none waits any more", () => {
  const held = new HeldEvents();
  held.add(many(1, 2));
  held.add(many(3, 1));
  expect(held.count).toBe(3);
  const { events, hasHole } = held.take();
  expect([sequences(events), hasHole, held.count]).toEqual([[1, 2, 3], false, 0]);
  expect(held.take()).toEqual({ events: [], hasHole: false });
});

test("of too many the newest are kept, and it is known how many there were", () => {
  const held = new HeldEvents();
  held.add(many(1, MOST_KEPT));
  held.add(many(MOST_KEPT + 1, 1));
  expect(held.count).toBe(MOST_KEPT + 1);
  const { events, hasHole } = held.take();
  expect([events.length, events.at(-1)?.sequence, hasHole]).toEqual([
    KEPT_AFTER_TRIM,
    MOST_KEPT + 1,
    true,
  ]);
  held.add(many(MOST_KEPT + 2, 1));
  expect(held.take().hasHole).toBe(false);
});

test("however large the newest are, together they never take more than they may", () => {
  const held = new HeldEvents();
  const large = { text: "x".repeat(250_000) };
  held.add([...many(1, 1000), ...many(1001, 300, large)]);
  const { events, hasHole } = held.take();
  expect(bytes(events)).toBeLessThanOrEqual(MOST_KEPT_BYTES);
  expect([events.at(-1)?.sequence, hasHole]).toEqual([1300, true]);
});

test("of too many that are large, the newest that are kept take no more than they may", () => {
  const held = new HeldEvents();
  const large = { text: "x".repeat(250_000) };
  held.add([...many(1, MOST_KEPT), ...many(MOST_KEPT + 1, 300, large)]);
  expect(bytes(held.take().events)).toBeLessThanOrEqual(MOST_KEPT_BYTES);
});

test("what is cleared is not missed later", () => {
  const held = new HeldEvents();
  held.add(many(1, MOST_KEPT + 1));
  held.clear();
  held.add(many(MOST_KEPT + 2, 1));
  expect([held.count, held.take().hasHole]).toEqual([1, false]);
});
