import { beforeEach, expect, test } from "vitest";
import { ArchiveAnchor } from "../../src/engine/archive-anchor";
import type { FeedEvent } from "../../src/model/event";
import type { Batch } from "../../src/model/positions";

const batch = (first: number, last: number): Batch => ({ epoch: "aaaa", first, last, items: [] });
const at = (time: string): FeedEvent => ({ time }) as FeedEvent;

let anchor: ArchiveAnchor;

beforeEach(() => {
  anchor = new ArchiveAnchor();
});

test("stands at the newest message of which every event was given out", () => {
  anchor.hold(batch(1, 3), "100");
  anchor.hold(batch(4, 6), "200");
  anchor.moveTo(5);
  expect(anchor.id).toBe("100");
  anchor.moveTo(6);
  expect(anchor.id).toBe("200");
});

test("does not step back for an older message that came later, however long the ids", () => {
  anchor.restore("1000");
  anchor.hold(batch(1, 3), "999");
  anchor.moveTo(3);
  expect(anchor.id).toBe("1000");
  anchor.hold(batch(4, 4), "1764000000000001");
  anchor.hold(batch(5, 5), "1764000000000002");
  anchor.moveTo(5);
  expect(anchor.id).toBe("1764000000000002");
});

test("a message that waits ends what is to be looked for before it", () => {
  anchor.hold(batch(7, 9), "1764000000000007");
  expect([anchor.endBefore(7), anchor.endBefore(8)]).toEqual([1764000000000006n, null]);
  anchor.moveTo(9);
  expect(anchor.endBefore(7)).toBeNull();
});

test("of too many messages that wait, the later ones are found in the archive again", () => {
  for (let n = 1; n <= 10_001; n += 1) anchor.hold(batch(n, n), String(n));
  expect([anchor.endBefore(10_000), anchor.endBefore(10_001)]).toEqual([9_999n, null]);
});

test("knows when the newest event happened, in microseconds, and keeps that where none came", () => {
  anchor.noteTime([at("2026-11-24T09:30:00Z"), at("2026-11-24T09:30:01.500Z")]);
  anchor.noteTime([]);
  anchor.noteTime([at("nobody knows when")]);
  expect(anchor.since).toBe(BigInt(Date.UTC(2026, 10, 24, 9, 30, 1, 500)) * 1000n);
});

test("of another room it knows nothing", () => {
  anchor.restore("100");
  anchor.hold(batch(4, 6), "200");
  anchor.noteTime([at("2026-11-24T09:30:00Z")]);
  anchor.clear();
  anchor.moveTo(6);
  expect([anchor.id, anchor.since, anchor.endBefore(4)]).toEqual([null, null, null]);
});
