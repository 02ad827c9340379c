// @vitest-environment jsdom
import { beforeEach, expect, test } from "vitest";
import { Connection } from "../../src/engine/connection";
import type { ResetDetail } from "../../src/engine/emitted";
import type { SubscriptionOptions } from "../../src/engine/options";
import { Subscription } from "../../src/engine/subscription";
import { makeWorld, type World } from "../fakes";

let world: World;

beforeEach(() => {
  world = makeWorld();
  world.rest.feeds.set("orders", { epoch: "aaaa", head: 5_000 });
});

async function follow(options: SubscriptionOptions) {
  const subscription = new Subscription("orders", new Connection("", {}, world.host), options);
  const [sequences, resets]: [number[], ResetDetail[]] = [[], []];
  subscription.on("events", ({ events }) => sequences.push(...events.map((e) => e.sequence)));
  subscription.on("reset", (detail) => {
    resets.push(detail);
    sequences.length = 0;
  });
  subscription.start();
  await world.clock.advance(0);
  return { subscription, sequences, resets };
}

const numbers = (from: number, to: number): number[] =>
  Array.from({ length: to - from + 1 }, (_, index) => from + index);

const questions = (): number => world.rest.requests.filter((path) => /events/.test(path)).length;

test("who is too far behind gets the newest, and is told what was skipped", async () => {
  const options = { position: { epoch: "aaaa", sequence: 10 }, history: 20, catchUpLimit: 1_000 };

  const { subscription, sequences, resets } = await follow(options);

  const skipped = { from: 11, to: 4_980 };
  expect(resets).toEqual([{ epoch: "aaaa", sequence: 4_980, skipped }]);
  expect(sequences).toEqual(numbers(4_981, 5_000));
  expect([subscription.state.kind, questions()]).toEqual(["live", 1]);
});

test("what was skipped can be had", async () => {
  const options = { position: { epoch: "aaaa", sequence: 10 }, history: 20, catchUpLimit: 1_000 };
  const { subscription } = await follow(options);

  const older = await subscription.loadOlder(4_981, 100);

  expect(older.map(({ sequence }) => sequence)).toEqual(numbers(4_881, 4_980));
});

test("up to the limit everything comes", async () => {
  const options = { position: { epoch: "aaaa", sequence: 4_000 }, catchUpLimit: 1_000 };

  const { sequences, resets } = await follow(options);

  expect([resets, sequences]).toEqual([[], numbers(4_001, 5_000)]);
});

test("without a limit everything comes, however much it is", async () => {
  const { sequences, resets } = await follow({ position: { epoch: "aaaa", sequence: 10 } });

  expect([resets, sequences]).toEqual([[], numbers(11, 5_000)]);
});

test("who was away too long skips too, by the archive's word alone", async () => {
  const { sequences, resets, subscription } = await follow({ history: 20, catchUpLimit: 1_000 });
  world.xmpp.link.die();
  for (let first = 5_001; first < 8_000; first += 100) {
    world.xmpp.publish("orders", "aaaa", first, 100);
  }
  world.rest.failure = { status: 503, path: /feeds/ };

  await world.clock.advance(60_000);

  expect(resets.map(({ skipped }) => skipped?.from)).toEqual([5_001]);
  expect(sequences.at(-1)).toBe(8_000);
  expect(sequences).toEqual(numbers(8_001 - sequences.length, 8_000));
  expect(sequences.length).toBeLessThan(200);
  expect(subscription.position?.sequence).toBe(8_000);
});
