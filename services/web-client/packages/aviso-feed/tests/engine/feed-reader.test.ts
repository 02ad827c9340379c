import { expect, test } from "vitest";
import { FeedReader } from "../../src/engine/feed-reader";
import type { FeedEvent } from "../../src/model/event";
import type { Item } from "../../src/model/positions";
import { RequestError } from "../../src/protocol/iq";

const LIMITS = { history: 100, catchUpLimit: Infinity };

/** Reads an empty feed whose room answers archive queries with this error. */
function catchUpAgainst(condition: string): Promise<void> {
  const rest = {
    feed: async () => ({ epoch: "aaaa", head: 0 }),
    events: async () => ({ epoch: "aaaa", head: 0, batch: null, unknownTypes: [], unreadable: 0 }),
    rows: () => Promise.reject(new Error("it has no table")),
    now: () => 0,
    wall: () => 0,
    pause: async () => {},
  };
  const output = { events: () => {}, moved: () => {}, reset: () => {}, problem: () => {} };
  const reader = new FeedReader("orders", LIMITS, null, rest, output);
  const page = () => Promise.reject(new RequestError(condition, null));
  return reader.catchUp({ page, now: () => 0, wall: () => 0 }, true);
}

test.each(["forbidden", "feature-not-implemented", "service-unavailable", "item-not-found"])(
  "a room that answers %s has no archive, and REST is enough",
  async (condition) => {
    await expect(catchUpAgainst(condition)).resolves.toBeUndefined();
  },
);

test.each(["internal-server-error", "resource-constraint", "timeout", "gone"])(
  "a room that answers %s has to be asked again",
  async (condition) => {
    await expect(catchUpAgainst(condition)).rejects.toMatchObject({ condition });
  },
);

/** Catches up with 5,000 events over REST, whose pages take `pageMs`. */
async function catchUpOverRest(pageMs: number): Promise<{ story: string[]; given: number[] }> {
  const [epoch, head] = ["aaaa", 5_000];
  const story: string[] = [];
  const given: number[] = [];
  let now = 0;
  const rest = {
    feed: async () => ({ epoch, head }),
    events: async ({ after, limit }: { after: number; limit: number }) => {
      story.push(`asked after ${after}`);
      await Promise.resolve();
      now += pageMs;
      const last = Math.min(head, after + limit);
      const items = Array.from({ length: last - after }, (_, index) =>
        itemAt(epoch, after + 1 + index),
      );
      const batch = { epoch, first: after + 1, last, items };
      return { epoch, head, batch, unknownTypes: [], unreadable: 0 };
    },
    rows: () => Promise.reject(new Error("it has no table")),
    now: () => now,
    wall: () => now,
    pause: async () => {},
  };
  const output = {
    events: (events: readonly FeedEvent[]) => {
      given.push(...events.map(({ sequence }) => sequence));
      story.push(`gave up to ${given.at(-1)}`);
    },
    moved: () => {},
    reset: () => {},
    problem: () => {},
  };
  const reader = new FeedReader("orders", LIMITS, { epoch, sequence: 0 }, rest, output);
  await reader.catchUp(null, true);
  return { story, given };
}

function itemAt(epoch: string, sequence: number): Item {
  const time = "2026-11-24T09:30:00Z";
  const id = String(sequence);
  return { sequence, event: { id, type: "created", feed: "orders", epoch, sequence, time } };
}

test("what follows a page is asked for while that is given out", async () => {
  const { story, given } = await catchUpOverRest(100);

  expect(story.slice(0, 5)).toEqual([
    "asked after 0",
    "asked after 250",
    "gave up to 250",
    "asked after 750",
    "gave up to 750",
  ]);
  expect(given).toEqual(Array.from({ length: 5_000 }, (_, index) => index + 1));
});

test("over a slow line one page is asked for after the other", async () => {
  const { story, given } = await catchUpOverRest(1_500);

  const kinds = story.map((line) => line.slice(0, 5));
  expect(kinds).toEqual(kinds.map((_, index) => (index % 2 === 0 ? "asked" : "gave ")));
  expect(given).toHaveLength(5_000);
});
