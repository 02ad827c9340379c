import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { FeedEvent } from "../../src/model/event";
import { type Batch, Follower } from "../../src/model/positions";

function event(epoch: string, sequence: number): FeedEvent {
  const id = `${epoch}-${sequence}`;
  return { id, type: "created", feed: "orders", epoch, sequence, time: "2026-11-24T09:30:00Z" };
}

function batch(epoch: string, first: number, last: number): Batch {
  const items = [];
  for (let sequence = first; sequence <= last; sequence += 1) {
    items.push({ sequence, event: event(epoch, sequence) });
  }
  return { epoch, first, last, items };
}

function sequencesOf(offered: ReturnType<Follower["offer"]>): number[] {
  expect(offered.kind).toBe("taken");
  return offered.kind === "taken" ? offered.events.map(({ sequence }) => sequence) : [];
}

function followerAt(sequence: number, epoch = "aaaa"): Follower {
  const follower = new Follower();
  follower.begin({ epoch, sequence });
  return follower;
}

describe("a follower", () => {
  test("has no position before it begins, and takes nothing", () => {
    const follower = new Follower();

    const offered = follower.offer(batch("aaaa", 1, 2));

    expect(offered).toEqual({ kind: "other-epoch" });
    expect(follower.position).toBeNull();
    expect(follower.gap).toBeNull();
    expect(follower.left).toBe(0);
  });

  test("gives out what follows its position", () => {
    const follower = followerAt(10);

    expect(sequencesOf(follower.offer(batch("aaaa", 11, 13)))).toEqual([11, 12, 13]);
    expect(follower.position).toEqual({ epoch: "aaaa", sequence: 13 });
    expect(follower.gap).toBeNull();
  });

  test("drops what is at or below its position", () => {
    const follower = followerAt(10);

    expect(sequencesOf(follower.offer(batch("aaaa", 8, 10)))).toEqual([]);
    expect(follower.position).toEqual({ epoch: "aaaa", sequence: 10 });
  });

  test("takes only the new part of a batch that overlaps", () => {
    const follower = followerAt(10);

    expect(sequencesOf(follower.offer(batch("aaaa", 9, 12)))).toEqual([11, 12]);
  });

  test("holds what is above a gap and names the gap", () => {
    const follower = followerAt(10);

    expect(sequencesOf(follower.offer(batch("aaaa", 13, 14)))).toEqual([]);
    expect(follower.gap).toEqual({ from: 11, to: 12 });
    expect(follower.left).toBe(4);
  });

  test("gives out what it held once the gap is filled", () => {
    const follower = followerAt(10);
    follower.offer(batch("aaaa", 13, 14));

    expect(sequencesOf(follower.offer(batch("aaaa", 11, 12)))).toEqual([11, 12, 13, 14]);
    expect(follower.left).toBe(0);
  });

  test("names the first of several gaps", () => {
    const follower = followerAt(0);
    follower.offer(batch("aaaa", 8, 8));
    follower.offer(batch("aaaa", 3, 4));

    expect(follower.gap).toEqual({ from: 1, to: 2 });
  });

  test("lets an event of an unknown kind keep its place, and shows nothing for it", () => {
    const follower = followerAt(0);
    const items = [
      { sequence: 1, event: event("aaaa", 1) },
      { sequence: 2, event: null },
      { sequence: 3, event: event("aaaa", 3) },
    ];

    const offered = follower.offer({ epoch: "aaaa", first: 1, last: 3, items });

    expect(sequencesOf(offered)).toEqual([1, 3]);
    expect(follower.position?.sequence).toBe(3);
  });

  test("learns from an empty batch that events before it exist", () => {
    const follower = followerAt(10);

    expect(sequencesOf(follower.offer(batch("aaaa", 15, 14)))).toEqual([]);
    expect(follower.gap).toEqual({ from: 11, to: 14 });
  });

  test("learns of a head, but not of another epoch's", () => {
    const follower = followerAt(10);

    follower.learn("bbbb", 99);
    expect(follower.left).toBe(0);
    follower.learn("aaaa", 12);
    expect(follower.gap).toEqual({ from: 11, to: 12 });
    follower.learn("aaaa", 3);
    expect(follower.left).toBe(2);
  });

  test("leaves another epoch's batch alone", () => {
    const follower = followerAt(10);

    expect(follower.offer(batch("bbbb", 11, 12))).toEqual({ kind: "other-epoch" });
    expect(follower.position).toEqual({ epoch: "aaaa", sequence: 10 });
    expect(follower.gap).toBeNull();
  });

  test("forgets what it held when another epoch begins", () => {
    const follower = followerAt(10);
    follower.offer(batch("aaaa", 13, 14));

    expect(follower.begin({ epoch: "bbbb", sequence: 12 })).toEqual([]);
    expect(follower.left).toBe(0);
    expect(sequencesOf(follower.offer(batch("bbbb", 13, 13)))).toEqual([13]);
  });

  test("gives out what it held when it begins again behind a gap of the same epoch", () => {
    const follower = followerAt(10);
    follower.offer(batch("aaaa", 13, 14));

    const events = follower.begin({ epoch: "aaaa", sequence: 12 });

    expect(events.map(({ sequence }) => sequence)).toEqual([13, 14]);
  });

  test("is where it was before it began once it forgets", () => {
    const follower = followerAt(10);
    follower.offer(batch("aaaa", 13, 14));

    follower.forget();

    expect(follower.position).toBeNull();
    expect(follower.left).toBe(0);
  });

  test("holds 50,000 events above one gap and gives them out in order", () => {
    const follower = followerAt(0);
    for (let first = 49_902; first > 1; first -= 100) {
      follower.offer(batch("aaaa", first, first + 99));
    }

    const given = sequencesOf(follower.offer(batch("aaaa", 1, 1)));

    expect(given.length).toBe(50_001);
    expect(given.every((sequence, index) => sequence === index + 1)).toBe(true);
  });
});

/** Whatever sources say: ranges in any order, copies, gaps, heads, other epochs, resets. */
const step = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      kind: fc.constant("offer" as const),
      epoch: fc.constantFrom("aaaa", "bbbb"),
      first: fc.integer({ min: 1, max: 40 }),
      length: fc.integer({ min: 0, max: 12 }),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant("learn" as const),
      epoch: fc.constantFrom("aaaa", "bbbb"),
      head: fc.integer({ min: 0, max: 40 }),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant("begin" as const),
      epoch: fc.constantFrom("aaaa", "bbbb"),
      sequence: fc.integer({ min: 0, max: 20 }),
    }),
  },
);

describe("whatever comes in whatever order", () => {
  test("events are given out in order, without hole, once, in each life of the feed", () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const follower = followerAt(0);
        let expected = 0;
        let epoch = "aaaa";
        const check = (events: readonly FeedEvent[]): void => {
          for (const given of events) {
            expected += 1;
            expect([given.epoch, given.sequence]).toEqual([epoch, expected]);
          }
          expect(follower.position).toEqual({ epoch, sequence: expected });
        };
        for (const now of steps) {
          if (now.kind === "begin") {
            epoch = now.epoch;
            expected = now.sequence;
            check(follower.begin({ epoch, sequence: now.sequence }));
          } else if (now.kind === "learn") {
            follower.learn(now.epoch, now.head);
          } else {
            const offered = follower.offer(batch(now.epoch, now.first, now.first + now.length - 1));
            expect(offered.kind).toBe(now.epoch === epoch ? "taken" : "other-epoch");
            check(offered.kind === "taken" ? offered.events : []);
          }
          const { gap } = follower;
          if (gap === null) expect(follower.left).toBe(0);
          else expect(gap.from).toBe(expected + 1);
        }
      }),
      { numRuns: 500 },
    );
  });

  test("filling every gap that is named completes the feed", () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
        const follower = followerAt(0);
        let last = 0;
        for (const now of steps) {
          if (now.kind !== "offer") continue;
          follower.offer(batch("aaaa", now.first, now.first + now.length - 1));
          last = Math.max(last, now.first + now.length - 1);
        }
        for (let gap = follower.gap; gap !== null; gap = follower.gap) {
          follower.offer(batch("aaaa", gap.from, gap.to));
        }
        expect(follower.position?.sequence).toBe(last);
        expect(follower.left).toBe(0);
      }),
    );
  });
});
