// @vitest-environment jsdom
/**
 * A page that receives anything makes progress: slow lines, busy ones, archives that do not answer.
 *
 * What the line carries a second and how many events there are is a tenth of what the tests' names
 * say, so that they are quick; what takes how long stays the same.
 */

import { beforeEach, describe, expect, test } from "vitest";
import { Connection } from "../../src/engine/connection";
import type { SubscriptionOptions } from "../../src/engine/options";
import { Subscription } from "../../src/engine/subscription";
import { makeWorld, type World } from "../fakes";

const ROOM = "orders@feeds.localhost";
const SECOND = 1_000;

let world: World;

beforeEach(() => {
  world = makeWorld();
  world.rest.feeds.set("orders", { epoch: "aaaa", head: 0 });
});

async function follow(
  options: SubscriptionOptions = {},
): Promise<{ subscription: Subscription; sequences: number[] }> {
  const subscription = new Subscription("orders", new Connection("", {}, world.host), options);
  const sequences: number[] = [];
  subscription.on("events", (detail) => {
    sequences.push(...detail.events.map(({ sequence }) => sequence));
  });
  subscription.start();
  await world.clock.advance(0);
  return { subscription, sequences };
}

function write(count: number, options: { isLost?: boolean; padding?: number } = {}): void {
  const feed = world.rest.feeds.get("orders");
  if (feed === undefined) throw new Error("no feed");
  world.xmpp.publish("orders", feed.epoch, feed.head + 1, count, options);
  feed.head += count;
}

/** Let time pass until the feed is live; gives up after an hour of it. */
async function untilLive(subscription: Subscription, each: () => void = () => {}): Promise<void> {
  for (let second = 0; second < 3600 && subscription.state.kind !== "live"; second += 1) {
    each();
    await world.clock.advance(SECOND);
  }
}

const upTo = (last: number): number[] => Array.from({ length: last }, (_, index) => index + 1);
const head = (): number => world.rest.feeds.get("orders")?.head ?? 0;

describe("2 Mbit/s, and 25,000 events of 1 kB that were written while the page was away", () => {
  function copy(): void {
    for (let batch = 0; batch < 250; batch += 1) write(10, { isLost: true, padding: 500 });
    world.line.bytesPerSecond = 25_000;
  }

  test("come from the archive", async () => {
    write(1);
    const { subscription, sequences } = await follow();
    world.xmpp.link.die();
    copy();
    world.rest.failure = { status: 503, path: /events/ };

    await world.clock.advance(SECOND);
    await untilLive(subscription);

    expect(sequences).toEqual(upTo(2_501));
    expect(subscription.state.kind).toBe("live");
    expect(world.xmpp.links.length).toBe(2);
    expect(world.xmpp.sentFromArchives).toBeLessThan(260);
  });

  test("come over REST", async () => {
    copy();

    const { subscription, sequences } = await follow({ position: { epoch: "aaaa", sequence: 0 } });
    await untilLive(subscription);

    expect(sequences).toEqual(upTo(2_500));
    expect(subscription.state.kind).toBe("live");
    expect(world.xmpp.links.length).toBe(1);
  });

  test("are not thrown away where the line breaks again and again", async () => {
    write(1);
    const { subscription, sequences } = await follow();
    world.xmpp.link.die();
    copy();
    world.rest.failure = { status: 503, path: /events/ };

    for (let second = 0; second < 3600 && subscription.state.kind !== "live"; second += 1) {
      if (second % 20 === 19) world.xmpp.link.die();
      await world.clock.advance(SECOND);
    }

    expect(sequences).toEqual(upTo(2_501));
    expect(subscription.state.kind).toBe("live");
  });
});

describe("2 s of latency, each way", () => {
  beforeEach(() => {
    world.line.delayMs = 2 * SECOND;
  });

  test("are no reason to give a WebSocket up", async () => {
    write(5);
    const { subscription, sequences } = await follow();

    await untilLive(subscription);
    write(3);
    await world.clock.advance(10 * SECOND);

    expect(sequences).toEqual(upTo(8));
    expect(subscription.state.kind).toBe("live");
    expect(world.xmpp.links.map(({ request }) => request.transport)).toEqual(["websocket"]);
  });

  test("are known where somebody comes back before anything was asked", async () => {
    const { subscription } = await follow();
    await untilLive(subscription, () => world.browser.wake());
    expect(subscription.state.kind).toBe("live");
    expect(world.xmpp.links.length).toBe(1);
  });

  test("do not hide a server that says nothing", async () => {
    world.xmpp.opening.websocket = "hangs";
    const { subscription } = await follow();

    await untilLive(subscription);

    expect(world.xmpp.links.map(({ request }) => request.transport)).toEqual(["websocket", "bosh"]);
  });
});

describe("a gap of one event in a room of 128 KiB batches", () => {
  test("asks for one event where the page was opened a moment before", async () => {
    for (let batch = 0; batch < 60; batch += 1) write(1, { padding: 13_000 });
    world.xmpp.opening.websocket = "lost";
    world.xmpp.opening.bosh = "lost";
    const { subscription, sequences } = await follow({ history: 10 });
    write(1, { padding: 13_000 });
    world.xmpp.opening.websocket = "up";
    world.rest.requests.length = 0;

    await untilLive(subscription);

    expect(sequences.at(-1)).toBe(61);
    // The newest message is asked for in any case: it may be what is missing.
    expect(world.xmpp.sentFromArchives).toBe(1);
    expect(world.rest.requests.filter((path) => path.includes("events"))).toEqual([]);
  });

  test("asks for no more messages than fit into a page of a mebibyte", async () => {
    for (let batch = 0; batch < 3; batch += 1) write(25, { padding: 5_000 });
    const { subscription, sequences } = await follow({ history: 10 });
    world.rest.failure = { status: 503, path: /events/ };
    for (let batch = 0; batch < 30; batch += 1) write(25, { isLost: true, padding: 5_000 });
    write(25, { padding: 5_000 });
    world.xmpp.queries.length = 0;
    world.xmpp.sentFromArchives = 0;

    await world.clock.advance(0);
    await untilLive(subscription);

    expect(sequences).toEqual(upTo(34 * 25).slice(-31 * 25 - 10));
    // Each of the 31 once, and the newest that is asked for beforehand.
    expect(world.xmpp.sentFromArchives).toBeLessThanOrEqual(33);
    const sizes = world.xmpp.queries.map((query) => Number(/max (\d+)/.exec(query)?.[1]));
    expect(sizes.slice(2).every((size) => size <= 8)).toBe(true);
  });

  test("asks for one message where only the archive's end is known", async () => {
    for (let batch = 0; batch < 60; batch += 1) write(1, { padding: 13_000 });
    world.rest.failure = { status: 404, path: /feeds/ };

    const { subscription, sequences } = await follow({ position: { epoch: "aaaa", sequence: 58 } });
    await untilLive(subscription);

    expect(sequences).toEqual([59, 60]);
    // The newest, and the one that is missing below it.
    expect(world.xmpp.sentFromArchives).toBe(2);
  });

  test("asks for one message where one was dropped", async () => {
    for (let batch = 0; batch < 60; batch += 1) write(1, { padding: 13_000 });
    const { subscription, sequences } = await follow({ history: 10 });
    write(1, { padding: 13_000 });
    await world.clock.advance(0);
    world.xmpp.queries.length = 0;
    world.xmpp.sentFromArchives = 0;

    write(1, { isLost: true, padding: 13_000 });
    write(1, { padding: 13_000 });
    await world.clock.advance(0);
    await untilLive(subscription);

    expect(sequences.slice(-3)).toEqual([61, 62, 63]);
    expect(world.xmpp.queries.at(-1)).toMatch(/^after \d+ max 1 /);
    expect(world.xmpp.sentFromArchives).toBe(2);
  });
});

describe("behind live traffic", () => {
  /** Live messages take more than half of what the line carries. */
  function traffic(): void {
    for (let n = 0; n < 10; n += 1) write(1, { padding: 200 });
  }

  test("a page makes progress, and gets there", async () => {
    write(1);
    const { subscription, sequences } = await follow();
    world.xmpp.link.die();
    for (let n = 0; n < 400; n += 1) write(1, { isLost: true, padding: 200 });
    world.line.bytesPerSecond = 28_000;
    world.rest.failure = { status: 503, path: /events/ };

    await world.clock.advance(SECOND);
    await untilLive(subscription, traffic);
    await world.clock.advance(60 * SECOND);

    expect(subscription.state.kind).toBe("live");
    expect(sequences).toEqual(upTo(head()));
    expect(world.xmpp.links.length).toBe(2);
  });

  test("an archive that never answers holds up nothing that REST has", async () => {
    write(5);
    const { sequences } = await follow();
    world.xmpp.eatsQueries = true;
    write(20, { isLost: true });

    for (let second = 0; second < 100; second += 1) {
      write(1);
      await world.clock.advance(SECOND);
    }

    expect(sequences).toEqual(upTo(head()));
  });
});

describe("a server that says when to come again", () => {
  test("is not asked at each message that comes meanwhile", async () => {
    write(3);
    const { subscription, sequences } = await follow();
    write(1, { isLost: true });
    world.xmpp.archives.set(ROOM, []);
    world.rest.failure = { status: 429, path: /feeds/, headers: { "Retry-After": "60" } };
    world.rest.requests.length = 0;
    world.xmpp.queries.length = 0;

    for (let n = 0; n < 500; n += 1) {
      write(1);
      if (n % 100 === 50) world.browser.wake();
      await world.clock.advance(SECOND / 10);
    }
    expect(world.rest.requests.length).toBe(1);
    expect(world.xmpp.queries.length).toBeLessThan(5);
    expect(subscription.state.kind).toBe("catching-up");

    world.rest.failure = null;
    await world.clock.advance(30 * SECOND);
    expect(sequences).toEqual(upTo(head()));
    expect(subscription.state.kind).toBe("live");
  });

  test("is not asked at a new join either", async () => {
    write(3);
    const { subscription } = await follow();
    world.rest.failure = { status: 429, path: /feeds/, headers: { "Retry-After": "60" } };
    write(1, { isLost: true });
    world.xmpp.archives.set(ROOM, []);
    world.xmpp.putOut(ROOM, ["307"]);
    await world.clock.advance(5 * SECOND);
    world.rest.requests.length = 0;

    for (let n = 0; n < 5; n += 1) {
      world.xmpp.putOut(ROOM, ["307"]);
      await world.clock.advance(5 * SECOND);
    }

    expect(world.rest.requests).toEqual([]);
    expect(subscription.position?.sequence).toBe(3);
  });
});

describe("what ejabberd counts", () => {
  const HOUR = 3600 * SECOND;
  const DAY = 24 * HOUR;
  const timed = (time: number) => (event: Record<string, unknown>) => ({
    ...event,
    time: new Date(time).toISOString().replace("Z", "000Z"),
  });

  test("is what is new, not the room's past, at the opening and after", async () => {
    for (let n = 0; n < 400; n += 1) write(1);
    await world.clock.advance(30 * DAY);
    write(2);
    world.rest.spoil = timed(world.clock.now);
    await world.clock.advance(10 * DAY);

    const { subscription } = await follow({ history: 1 });
    write(1, { isLost: true });
    await world.clock.advance(60 * SECOND);

    expect(subscription.position?.sequence).toBe(403);
    expect(world.xmpp.counted.length).toBeGreaterThan(1);
    expect(Math.max(...world.xmpp.counted)).toBeLessThan(5);
  });
});
