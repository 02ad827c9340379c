/** What is gathered for the log before it can be written. */

import { expect, test, vi } from "vitest";
import type { SubscriptionEvents } from "../../src/engine/emitted";
import { Emitter } from "../../src/engine/emitter";
import { LogKeeper } from "../../src/engine/log-keeper";
import type { FeedState } from "../../src/engine/states";
import type { FeedEvent } from "../../src/model/event";
import { memoryLog } from "../../src/model/memory-log";
import { makeWorld } from "../fakes";

const EPOCH = "aaaa";
const LIVE: FeedState = { kind: "live" };

class Feed extends Emitter<SubscriptionEvents> {
  readonly feed = "orders";
  readonly position = null;
  readonly anchor = null;
  readonly state = LIVE;
  readonly closing = new AbortController().signal;

  give(sequence: number, text: string): void {
    const event: FeedEvent = {
      ...{ id: `e${sequence}`, type: "created", feed: "orders", epoch: EPOCH, sequence },
      ...{ time: "2026-11-24T09:30:00Z", subject: `r${sequence}` },
      record: { id: `r${sequence}`, data: { text } },
    };
    this.emit("events", { events: [event], live: true, position: { epoch: EPOCH, sequence } });
  }
}

test.each([
  ["Latin", "x".repeat(30_000)],
  ["Chinese", "茶".repeat(10_000)],
])("no more than twice what the log holds is gathered, in bytes: %s", async (_, text) => {
  const { clock, host } = makeWorld();
  const log = memoryLog({ limit: { bytes: 1_000_000 } });
  const append = vi.spyOn(log, "append");
  const feed = new Feed();
  const keeper = new LogKeeper(log, feed, {
    ...{ clock: host, origin: "", reader: () => "" },
    isPublic: async () => true,
    served: async () => {},
  });
  keeper.start();

  for (let sequence = 1; sequence <= 400; sequence += 1) feed.give(sequence, text);
  await clock.advance(1_000);

  const [, passage] = append.mock.calls[0] as Parameters<typeof log.append>;
  const sequences = passage.events.map(({ sequence }) => sequence);
  expect(passage.from).toBeNull();
  expect(sequences.at(-1)).toBe(400);
  expect(sequences.length).toBeLessThan(67);
  // The log is filled with it.
  expect(sequences.length).toBeGreaterThan(30);
});
