import { expect, test } from "vitest";
import { FeedReader } from "../../src/engine/feed-reader";
import { RequestError } from "../../src/protocol/iq";

/** Reads an empty feed whose room answers archive queries with this error. */
function catchUpAgainst(condition: string): Promise<void> {
  const rest = {
    feed: async () => ({ epoch: "aaaa", head: 0 }),
    events: async () => ({ epoch: "aaaa", head: 0, batch: null, unknownTypes: [], unreadable: 0 }),
    rows: () => Promise.reject(new Error("it has no table")),
    now: () => 0,
    pause: async () => {},
  };
  const output = { events: () => {}, moved: () => {}, reset: () => {}, problem: () => {} };
  const reader = new FeedReader("orders", 100, null, rest, output);
  const page = () => Promise.reject(new RequestError(condition, null));
  return reader.catchUp({ page, now: () => 0 }, true);
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
