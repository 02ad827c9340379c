// @vitest-environment jsdom
import { beforeEach, describe, expect, test, vi } from "vitest";
import { Connection } from "../../src/engine/connection";
import type { ProblemDetail } from "../../src/engine/emitted";
import type { ConnectionOptions, SubscriptionOptions } from "../../src/engine/options";
import type { FeedState } from "../../src/engine/states";
import { Subscription } from "../../src/engine/subscription";
import type { Timings } from "../../src/engine/timings";
import { textOf } from "../batch-writer";
import { makeWorld, settle, type World } from "../fakes";

const ROOM = "orders@feeds.localhost";

let world: World;

beforeEach(() => {
  world = makeWorld();
  world.rest.feeds.set("orders", { epoch: "aaaa", head: 0 });
});

type Watched = {
  connection: Connection;
  subscription: Subscription;
  /** Sequences in the order in which they came since the last reset. */
  sequences: number[];
  live: boolean[];
  states: string[];
  problems: ProblemDetail["code"][];
  resets: { epoch: string; sequence: number }[];
  /** Where it moved on without an event. */
  moves: number[];
};

function short(state: FeedState): string {
  return state.kind === "catching-up" ? `catching-up ${state.left}` : state.kind;
}

async function follow(
  options: SubscriptionOptions = {},
  connection: ConnectionOptions = {},
  timings: Partial<Timings> = {},
): Promise<Watched> {
  const shared = new Connection("", connection, world.host, { timings });
  const subscription = new Subscription("orders", shared, options);
  const watched: Watched = {
    connection: shared,
    subscription,
    sequences: [],
    live: [],
    states: [],
    problems: [],
    resets: [],
    moves: [],
  };
  subscription.on("events", (detail) => {
    watched.sequences.push(...detail.events.map(({ sequence }) => sequence));
    watched.live.push(detail.live);
  });
  subscription.on("state", (detail) => watched.states.push(short(detail)));
  subscription.on("problem", (detail) => watched.problems.push(detail.code));
  subscription.on("position", (detail) => watched.moves.push(detail.sequence));
  subscription.on("reset", (detail) => {
    watched.resets.push(detail);
    watched.sequences.length = 0;
  });
  subscription.start();
  await world.clock.advance(0);
  return watched;
}

/** The writer writes and the pusher sends. */
function write(
  count: number,
  options: { isLost?: boolean; payload?: string; type?: string; namespace?: string } = {},
): void {
  const feed = world.rest.feeds.get("orders");
  if (feed === undefined) throw new Error("no feed");
  world.xmpp.publish("orders", feed.epoch, feed.head + 1, count, options);
  if (options.type !== undefined) {
    for (let n = 1; n <= count; n += 1) world.rest.types.set(feed.head + n, options.type);
  }
  feed.head += count;
}

/** Written, and not relayed yet. */
function writeOnly(count: number): void {
  const feed = world.rest.feeds.get("orders");
  if (feed !== undefined) feed.head += count;
}

const upTo = (last: number, first = 1): number[] =>
  Array.from({ length: last - first + 1 }, (_, index) => first + index);

describe("a first start", () => {
  test("shows the history, joins, and is live", async () => {
    write(5);

    const { subscription, sequences, states, live } = await follow();

    expect(sequences).toEqual([1, 2, 3, 4, 5]);
    expect(live.every((isLive) => !isLive)).toBe(true);
    expect(states.at(-1)).toBe("live");
    expect(subscription.position).toEqual({ epoch: "aaaa", sequence: 5 });
  });

  test("begins with as much history as is asked for", async () => {
    write(250);

    const { sequences } = await follow({ history: 10 });

    expect(sequences).toEqual(upTo(250, 241));
  });

  test("begins at the head where no history is asked for", async () => {
    write(5);

    const { sequences, subscription } = await follow({ history: 0 });

    expect(sequences).toEqual([]);
    expect(subscription.position?.sequence).toBe(5);
    expect(subscription.state.kind).toBe("live");
  });

  test("gets what is written and not relayed yet, and takes it once", async () => {
    write(2);
    writeOnly(3);

    const { sequences } = await follow();
    world.xmpp.publish("orders", "aaaa", 3, 3);
    await world.clock.advance(0);

    expect(sequences).toEqual([1, 2, 3, 4, 5]);
  });

  test("shows the history even where no connection can be had, and says so", async () => {
    write(3);
    world.xmpp.opening.websocket = "lost";
    world.xmpp.opening.bosh = "lost";

    const { sequences, subscription } = await follow();

    expect(sequences).toEqual([1, 2, 3]);
    expect(subscription.state.kind).toBe("offline");
  });

  test("takes the history from the archive where REST may not be read", async () => {
    for (let n = 0; n < 30; n += 1) write(2);
    world.rest.failure = { status: 404, path: /feeds/ };

    const { sequences, subscription } = await follow({ history: 20 });

    expect(sequences).toEqual(upTo(60, 41));
    expect(subscription.state.kind).toBe("live");
  });

  test("is live in an empty room of a feed that REST does not show", async () => {
    world.rest.failure = { status: 404, path: /feeds/ };

    const { subscription, sequences, live } = await follow();
    expect(subscription.state.kind).toBe("live");
    write(1);
    await world.clock.advance(0);

    expect(sequences).toEqual([1]);
    expect(live).toEqual([false]);
    expect(subscription.state.kind).toBe("live");
  });

  test("is not live while REST does not answer and the room knows nothing", async () => {
    writeOnly(2);
    world.rest.failure = { status: 502, path: /feeds/ };

    const { subscription, sequences } = await follow();
    expect(subscription.state.kind).toBe("catching-up");
    world.rest.failure = null;
    await world.clock.advance(5_000);

    expect(sequences).toEqual([1, 2]);
    expect(subscription.state.kind).toBe("live");
  });

  test("waits for a room that is not there yet, and says so", async () => {
    write(2);
    world.xmpp.refusals.set(ROOM, "forbidden");

    const { subscription, sequences } = await follow();
    expect(subscription.state).toMatchObject({ kind: "offline", retryAt: expect.any(Date) });
    expect(sequences).toEqual([1, 2]);
    world.xmpp.refusals.clear();
    await world.clock.advance(2_000);

    expect(subscription.state.kind).toBe("live");
  });
});

describe("live events", () => {
  test("come by themselves, and are said to be live", async () => {
    const { sequences, live, subscription } = await follow();

    write(1);
    write(3);
    await world.clock.advance(0);

    expect(sequences).toEqual([1, 2, 3, 4]);
    expect(live).toEqual([true, true]);
    expect(subscription.state.kind).toBe("live");
  });

  test("are shown once though they come twice", async () => {
    const { sequences } = await follow();

    write(2);
    world.xmpp.publish("orders", "aaaa", 1, 2);
    world.xmpp.publish("orders", "aaaa", 2, 1);
    await world.clock.advance(0);

    expect(sequences).toEqual([1, 2]);
  });

  test("of somebody who is no owner are not shown, and that is said", async () => {
    const { sequences, problems } = await follow();

    world.xmpp.publish("orders", "aaaa", 1, 1, { nick: "mallory" });
    await world.clock.advance(0);

    expect(sequences).toEqual([]);
    expect(problems).toEqual(["untrusted"]);
  });

  test("behind a dropped message wait until the archive gave it", async () => {
    write(1);
    const { sequences, states } = await follow();
    states.length = 0;
    world.rest.requests.length = 0;
    world.xmpp.queries.length = 0;

    write(2, { isLost: true });
    write(1);
    await world.clock.advance(0);

    expect(sequences).toEqual([1, 2, 3, 4]);
    expect(states).toEqual(["catching-up 3", "catching-up 0", "live"]);
    expect(world.xmpp.queries).toEqual(["newest max 1 in 1002-", "after 1001 max 2 in 1001-1002"]);
    expect(world.rest.requests).toEqual([]);
  });

  test("that were dropped, the last for a while, are found after a silence", async () => {
    const { sequences, subscription } = await follow();
    write(1);
    await world.clock.advance(0);

    write(1, { isLost: true });
    await world.clock.advance(1_000);
    expect(sequences).toEqual([1]);
    await world.clock.advance(40_000);

    expect(sequences).toEqual([1, 2]);
    expect(subscription.state.kind).toBe("live");
  });

  test("that an archive in trouble does not show are no proof that nothing came", async () => {
    const { sequences, subscription } = await follow();
    write(1);
    await world.clock.advance(0);

    write(1, { isLost: true });
    world.xmpp.archiveFails = true;
    await world.clock.advance(40_000);
    expect(subscription.state.kind).not.toBe("live");

    world.xmpp.archiveFails = false;
    await world.clock.advance(60_000);
    expect(sequences).toEqual([1, 2]);
    expect(subscription.state.kind).toBe("live");
  });

  test("that cannot be read are replaced over REST", async () => {
    const { sequences, problems, subscription } = await follow();

    write(2, { payload: "[{" });
    await world.clock.advance(0);

    expect(sequences).toEqual([1, 2]);
    expect(problems).toEqual(["malformed"]);
    expect(subscription.state.kind).toBe("live");
  });

  test("that cannot be read are not forgotten while REST is away", async () => {
    const { sequences, subscription } = await follow();

    world.rest.failure = { status: 502 };
    write(1, { payload: "[{" });
    await world.clock.advance(0);
    expect(subscription.state.kind).toBe("catching-up");
    world.rest.failure = null;
    await world.clock.advance(5_000);

    expect(sequences).toEqual([1]);
    expect(subscription.state.kind).toBe("live");
  });

  test("of a type from the future keep their place, and the page is said to be too old", async () => {
    const { sequences, problems, subscription } = await follow();

    write(1, { payload: textOf([futureEvent()]) });
    write(1);
    await world.clock.advance(0);

    expect(sequences).toEqual([2]);
    expect(problems).toEqual(["page-too-old"]);
    expect(subscription.state.kind).toBe("live");
  });

  test("of the archive that are of a type from the future are said too", async () => {
    const { connection, subscription, sequences, problems } = await follow();
    write(1);
    await world.clock.advance(0);
    subscription.stop();
    write(1, { payload: textOf([{ ...futureEvent(), feedseq: "2" }]), isLost: true });
    write(1, { isLost: true });

    subscription.start();
    await world.clock.advance(0);

    expect([sequences, problems, subscription.state.kind]).toEqual([
      [1, 3],
      ["page-too-old"],
      "live",
    ]);
    connection.close();
  });

  test("of a later version's server come over REST, and the page is said to be too old, once", async () => {
    const { sequences, problems, subscription } = await follow();

    write(2, { namespace: "urn:aviso:feed:3" });
    await world.clock.advance(0);
    write(1, { namespace: "urn:aviso:feed:3" });
    await world.clock.advance(0);

    expect([sequences, problems]).toEqual([[1, 2, 3], ["page-too-old"]]);
    expect(subscription.state.kind).toBe("live");
  });

  test.each([
    ["cannot be read", { payload: "[{" }],
    ["are of a later version's server", { namespace: "urn:aviso:feed:3" }],
  ])("that were dropped and %s are found after a silence", async (_what, options) => {
    const { sequences, subscription } = await follow();

    write(1, { ...options, isLost: true });
    await world.clock.advance(60_000);

    expect([sequences, subscription.state.kind]).toEqual([[1], "live"]);
  });

  test("of an earlier version's server are no reason to call the page old", async () => {
    write(2, { namespace: "urn:aviso:feed:1" });
    const { sequences, problems } = await follow();

    write(1, { namespace: "urn:aviso:feed:1" });
    await world.clock.advance(0);

    expect([sequences, problems]).toEqual([[1, 2, 3], []]);
  });

  test("are asked for after a silence no more often than it is quiet", async () => {
    await follow();
    await world.clock.advance(1_000);
    world.xmpp.queries.length = 0;

    for (let second = 0; second < 60; second += 1) {
      write(1);
      await world.clock.advance(1_000);
    }

    expect(world.xmpp.queries).toEqual([]);
  });
});

function futureEvent(): Record<string, unknown> {
  return {
    specversion: "1.0",
    id: "00000002-0000-4000-8000-000000000001",
    source: "/feeds/orders",
    type: "aviso.record.merged.v9",
    time: "2026-11-24T09:30:00Z",
    feed: "orders",
    feedepoch: "aaaa",
    feedseq: "1",
    data: {},
  };
}

describe("readers let in and put out", () => {
  test.each(["granted", "revoked"])("(%s, live) move the position on, unseen", async (type) => {
    const { subscription, sequences, moves, problems } = await follow();

    write(1);
    write(1, { type });
    write(1);
    await world.clock.advance(0);

    expect(sequences).toEqual([1, 3]);
    expect([moves, problems, subscription.position?.sequence]).toEqual([[2], [], 3]);
    expect(subscription.state.kind).toBe("live");
  });

  test("in the archive move the position on, unseen", async () => {
    const { subscription, sequences, moves } = await follow();
    write(1);
    await world.clock.advance(0);
    write(2, { type: "granted", isLost: true });
    world.xmpp.link.die();
    await world.clock.advance(5_000);

    expect([sequences, moves, subscription.position?.sequence]).toEqual([[1], [3], 3]);
    expect(subscription.state.kind).toBe("live");
  });

  test("over REST move the position on, unseen", async () => {
    writeOnly(2);
    world.rest.types.set(1, "granted");
    world.rest.types.set(2, "granted");

    const { subscription, sequences, moves, problems } = await follow();

    expect([sequences, moves, problems, subscription.position?.sequence]).toEqual([[], [2], [], 2]);
    expect(subscription.state.kind).toBe("live");
  });

  test("are passed over on the way to older events", async () => {
    write(3);
    write(20, { type: "granted" });
    write(10);
    const { subscription } = await follow({ history: 10 });

    const older = await subscription.loadOlder(24, 5);

    expect(older.map(({ sequence }) => sequence)).toEqual([1, 2, 3]);
  });

  test("are not looked for where everything older was pruned", async () => {
    write(50);
    world.rest.oldest = 41;
    const { subscription } = await follow({ history: 10 });
    const before = world.rest.requests.length;

    expect(await subscription.loadOlder(41, 5)).toEqual([]);
    expect(world.rest.requests.length).toBe(before + 1);
  });
});

describe("after a break", () => {
  test("a guest joins again under another nick and fills from the archive", async () => {
    write(3);
    const { sequences, subscription, states } = await follow();
    write(1);
    await world.clock.advance(0);
    const nick = world.xmpp.link.occupancies.get(ROOM);
    world.xmpp.queries.length = 0;
    states.length = 0;

    world.xmpp.link.die();
    write(2);
    write(2);
    expect(subscription.state).toMatchObject({ kind: "offline", retryAt: expect.any(Date) });
    await world.clock.advance(1_000);

    expect(sequences).toEqual(upTo(8));
    expect(subscription.state.kind).toBe("live");
    expect(world.xmpp.queries).toEqual(["newest max 1 in 1003-", "after 1002 max 2 in 1002-1003"]);
    expect(world.xmpp.link.occupancies.get(ROOM)).not.toBe(nick);
    expect(states[0]).toBe("offline");
    expect(states.filter((state) => state === "live")).toEqual(["live"]);
  });

  test("a resumed account stays in its room and knows its owner", async () => {
    const account = { kind: "account", username: "ada", password: "x" } as const;
    const { sequences, live, subscription } = await follow({}, { credentials: account });
    world.xmpp.opening.websocket = "resume";

    world.xmpp.link.die();
    await world.clock.advance(1_000);
    write(1);
    await world.clock.advance(0);

    expect(world.xmpp.link.sent.filter((stanza) => stanza.startsWith("<presence"))).toEqual([]);
    expect(sequences).toEqual([1]);
    expect(live).toEqual([true]);
    expect(subscription.state.kind).toBe("live");
  });

  test("a connection that is resumed before its join was answered joins again", async () => {
    const account = { kind: "account", username: "ada", password: "x" } as const;
    world.xmpp.isDeaf = true;
    const { subscription } = await follow({}, { credentials: account });
    world.xmpp.isDeaf = false;
    world.xmpp.opening.websocket = "resume";

    world.xmpp.link.die();
    await world.clock.advance(1_000);

    expect(world.xmpp.link.occupancies.has(ROOM)).toBe(true);
    expect(subscription.state.kind).toBe("live");
  });

  test("an owner of before is nobody until the room names him again", async () => {
    const { sequences, problems } = await follow();
    world.xmpp.pusherIsThere = false;
    world.xmpp.link.die();
    await world.clock.advance(1_000);

    world.xmpp.publish("orders", "aaaa", 1, 1);
    await world.clock.advance(0);

    expect(problems).toEqual(["untrusted"]);
    expect(sequences).toEqual([]);
  });

  test("what is missing in the archive comes over REST", async () => {
    write(3);
    const { sequences, subscription } = await follow();

    world.xmpp.link.die();
    write(4);
    write(2);
    world.xmpp.archives.set(ROOM, (world.xmpp.archives.get(ROOM) ?? []).slice(-1));
    await world.clock.advance(1_000);

    expect(sequences).toEqual(upTo(9));
    expect(subscription.state.kind).toBe("live");
  });

  test("a stored position goes on over REST, from its beginning", async () => {
    for (let n = 0; n < 700; n += 1) write(1);

    const { sequences, subscription } = await follow({
      position: { epoch: "aaaa", sequence: 100 },
    });

    expect(sequences).toEqual(upTo(700, 101));
    expect(subscription.state.kind).toBe("live");
    expect(world.rest.requests).toContain("feeds/orders/events/?after=100&limit=250");
    expect(world.xmpp.sentFromArchives).toBe(1);
  });

  test("a stored position goes on from the archive's end backwards where REST has nothing for us", async () => {
    write(5);
    await world.clock.advance(40 * 24 * 3600_000);
    for (let n = 0; n < 350; n += 1) write(1);
    await world.clock.advance(7200_000);
    for (let n = 0; n < 350; n += 1) write(1);
    world.rest.failure = { status: 404, path: /feeds/ };

    const { sequences, subscription } = await follow({ position: { epoch: "aaaa", sequence: 2 } });

    expect(sequences).toEqual(upTo(705, 3));
    expect(subscription.state.kind).toBe("live");
  });

  test("a stored position of another epoch begins anew", async () => {
    write(5);

    const { sequences, resets } = await follow({ position: { epoch: "zzzz", sequence: 700 } });

    expect(resets).toEqual([{ epoch: "aaaa", sequence: 0 }]);
    expect(sequences).toEqual(upTo(5));
  });

  test("a position beyond the feed's head begins anew", async () => {
    write(5);

    const { sequences, resets } = await follow({ position: { epoch: "aaaa", sequence: 700 } });

    expect(resets).toEqual([{ epoch: "aaaa", sequence: 0 }]);
    expect(sequences).toEqual(upTo(5));
  });

  test("a feed is not live before everything known at the join is there", async () => {
    const { states, subscription } = await follow();
    states.length = 0;
    world.xmpp.link.die();
    writeOnly(1500);
    world.rest.failure = { status: 502, path: /events/ };
    await world.clock.advance(1_000);

    expect(subscription.state).toEqual({ kind: "catching-up", left: 1500 });
    expect(states).not.toContain("live");
    world.rest.failure = null;
    await world.clock.advance(40_000);
    expect(subscription.state.kind).toBe("live");
    expect(states).toContain("catching-up 1250");
  });

  test.each([401, 403, 404, 410])(
    "events that REST refuses with %i are not taken for ones that nobody has",
    async (status) => {
      write(3);
      const { sequences, problems, resets, subscription } = await follow();

      world.xmpp.link.die();
      write(4);
      write(2);
      world.xmpp.archives.set(ROOM, (world.xmpp.archives.get(ROOM) ?? []).slice(-1));
      world.rest.failure = { status, path: /events/ };
      await world.clock.advance(1_000);
      expect([problems, resets, sequences]).toEqual([[], [], [1, 2, 3]]);
      expect(subscription.state).toEqual({ kind: "catching-up", left: 6 });

      world.rest.failure = null;
      await world.clock.advance(60_000);
      expect([problems, resets, sequences]).toEqual([[], [], upTo(9)]);
      expect(subscription.state.kind).toBe("live");
    },
  );

  test("REST that has pruned a part: what is left is shown, and the part is told", async () => {
    write(3);
    const { sequences, problems, resets, subscription } = await follow();

    world.xmpp.link.die();
    write(4);
    write(2);
    world.xmpp.archives.set(ROOM, (world.xmpp.archives.get(ROOM) ?? []).slice(-1));
    world.rest.oldest = 6;
    await world.clock.advance(1_000);

    expect(problems).toEqual(["missing"]);
    expect(resets).toEqual([{ epoch: "aaaa", sequence: 5 }]);
    expect(sequences).toEqual([6, 7, 8, 9]);
    expect(subscription.state.kind).toBe("live");
  });

  test("an event that even REST gives malformed keeps its place", async () => {
    writeOnly(3);
    world.rest.spoil = (event) => (event.feedseq === "2" ? { ...event, data: 5 } : event);

    const { sequences, problems, subscription } = await follow();

    expect(sequences).toEqual([1, 3]);
    expect(problems).toEqual(["malformed"]);
    expect(subscription.state.kind).toBe("live");
  });
});

describe("a new epoch", () => {
  function restore(head: number): void {
    world.rest.feeds.set("orders", { epoch: "bbbb", head });
  }

  test("announced by an empty message shows the feed anew", async () => {
    write(9);
    const { sequences, resets, subscription } = await follow();

    restore(4);
    world.xmpp.publish("orders", "bbbb", 5, 0);
    await world.clock.advance(0);
    expect(resets).toEqual([{ epoch: "bbbb", sequence: 0 }]);
    expect(sequences).toEqual([1, 2, 3, 4]);
    write(1);
    await world.clock.advance(0);

    expect(sequences).toEqual([1, 2, 3, 4, 5]);
    expect(subscription.position).toEqual({ epoch: "bbbb", sequence: 5 });
    expect(subscription.state.kind).toBe("live");
  });

  test("is believed from the room alone where REST may not be read", async () => {
    world.rest.failure = { status: 404, path: /feeds/ };
    write(3);
    const { sequences, resets } = await follow();
    expect(sequences).toEqual([1, 2, 3]);

    world.xmpp.publish("orders", "bbbb", 2, 2);
    await world.clock.advance(0);

    expect(resets).toEqual([{ epoch: "bbbb", sequence: 1 }]);
    expect(sequences).toEqual([2, 3]);
  });

  test("that REST names is not undone by an archive that ends in the old one", async () => {
    write(9);
    restore(4);

    const { sequences, resets, subscription } = await follow();
    await world.clock.advance(120_000);

    expect(resets).toEqual([]);
    expect(sequences).toEqual([1, 2, 3, 4]);
    expect(subscription.position?.epoch).toBe("bbbb");
    expect(subscription.state.kind).toBe("live");
  });

  test("that REST named is kept while REST is away and the archive ends in the old one", async () => {
    write(9);
    restore(4);
    const { sequences, resets } = await follow();

    world.rest.failure = { status: 502, path: /feeds/ };
    await world.clock.advance(120_000);
    world.xmpp.link.die();
    await world.clock.advance(60_000);

    expect(resets).toEqual([]);
    expect(sequences).toEqual([1, 2, 3, 4]);
  });

  test("whose announcement was dropped is found after a silence", async () => {
    write(9);
    const { sequences, resets } = await follow();

    restore(2);
    world.xmpp.publish("orders", "bbbb", 3, 0, { isLost: true });
    await world.clock.advance(40_000);

    expect(resets).toEqual([{ epoch: "bbbb", sequence: 0 }]);
    expect(sequences).toEqual([1, 2]);
  });

  test("is not undone by the old one's last messages", async () => {
    write(9);
    restore(4);
    const { sequences, resets, subscription } = await follow();

    world.xmpp.publish("orders", "aaaa", 10, 2);
    await world.clock.advance(0);

    expect(resets).toEqual([]);
    expect(sequences).toEqual([1, 2, 3, 4]);
    expect(subscription.state.kind).toBe("live");
  });

  test("is found at the next join when it was announced meanwhile", async () => {
    write(9);
    const { sequences, resets } = await follow();

    world.xmpp.link.die();
    restore(2);
    await world.clock.advance(1_000);

    expect(resets).toEqual([{ epoch: "bbbb", sequence: 0 }]);
    expect(sequences).toEqual([1, 2]);
  });
});

describe("the room", () => {
  test("that puts us out is entered again", async () => {
    const { subscription, states, sequences } = await follow();
    states.length = 0;

    world.xmpp.putOut(ROOM, ["307"]);
    await world.clock.advance(0);
    expect(subscription.state).toMatchObject({
      kind: "offline",
      reason: "You were put out of the feed's room.",
    });
    write(1);
    await world.clock.advance(1_000);

    expect(sequences).toEqual([1]);
    expect(subscription.state.kind).toBe("live");
  });

  test("that says it more than once, as a destroyed one does, is tried again no later", async () => {
    const { subscription, sequences } = await follow();

    world.xmpp.putOut(ROOM, []);
    await world.clock.advance(0);
    const out = subscription.state;
    for (let again = 0; again < 5; again += 1) world.xmpp.putOut(ROOM, ["332"]);
    await world.clock.advance(0);
    expect(subscription.state).toEqual(out);
    write(1);
    await world.clock.advance(1_000);

    expect(sequences).toEqual([1]);
    expect(subscription.state.kind).toBe("live");
  });

  test("that forgot us without a word is entered again after a silence", async () => {
    const { sequences } = await follow();

    world.xmpp.link.occupancies.delete(ROOM);
    await world.clock.advance(40_000);
    write(1);
    await world.clock.advance(0);

    expect(sequences).toEqual([1]);
  });

  test("of a private feed says that it is private, and is tried again ever more seldom", async () => {
    world.xmpp.refusals.set(ROOM, "registration-required");

    const { subscription } = await follow();
    const joins = (): number =>
      world.xmpp.link.sent.filter((stanza) => stanza.startsWith("<presence")).length;
    expect(subscription.state).toMatchObject({ reason: expect.stringContaining("private") });
    await world.clock.advance(60_000);
    const early = joins();
    await world.clock.advance(300_000);

    expect(early).toBeLessThan(15);
    expect(joins()).toBeLessThan(60);
    expect(joins()).toBeGreaterThan(early);
  });

  test("that was left a moment ago is entered again without being put out of it", async () => {
    const { connection, subscription } = await follow();
    const next = new Subscription("orders", connection);
    const states: string[] = [];
    next.on("state", (detail) => states.push(short(detail)));

    subscription.stop();
    next.start();
    await world.clock.advance(60_000);
    write(1);
    await world.clock.advance(0);

    expect(states).not.toContain("offline");
    expect([states.at(-1), next.position?.sequence]).toEqual(["live", 1]);
  });

  test("is shared by two clients of one connection, and left by the last", async () => {
    const { connection, subscription } = await follow();
    const other = new Subscription("orders", connection);
    other.start();
    await world.clock.advance(0);

    const presences = (): string[] =>
      world.xmpp.link.sent.filter((stanza) => stanza.startsWith("<presence"));
    expect(other.state.kind).toBe("live");
    expect(presences().length).toBe(1);
    subscription.stop();
    expect(presences().length).toBe(1);
    other.stop();
    expect(presences().at(-1)).toContain('type="unavailable"');
  });
});

describe("stopping", () => {
  test("ends everything, and starting again goes on where it was", async () => {
    write(2);
    const { subscription, sequences } = await follow();

    subscription.stop();
    write(2);
    await world.clock.advance(60_000);
    expect(sequences).toEqual([1, 2]);
    expect(subscription.state).toMatchObject({ kind: "offline", retryAt: null });
    subscription.start();
    await world.clock.advance(1_000);

    expect(sequences).toEqual([1, 2, 3, 4]);
    expect(subscription.state.kind).toBe("live");
  });
});

test("an answer that comes after the stop is not given out, and not lost", async () => {
  write(5);
  const connection = new Connection("", {}, world.host);
  const subscription = new Subscription("orders", connection);
  const sequences: number[] = [];
  subscription.on("events", (detail) => {
    sequences.push(...detail.events.map(({ sequence }) => sequence));
  });

  subscription.start();
  subscription.stop();
  await world.clock.advance(60_000);
  expect(sequences).toEqual([]);
  subscription.start();
  await world.clock.advance(1_000);

  expect(sequences).toEqual([1, 2, 3, 4, 5]);
  expect(subscription.state.kind).toBe("live");
});

describe("older events", () => {
  test("come over REST, right before those shown", async () => {
    write(50);
    const { subscription } = await follow({ history: 10 });

    const older = await subscription.loadOlder(41, 5);

    expect(older.map(({ sequence }) => sequence)).toEqual([36, 37, 38, 39, 40]);
    expect(await subscription.loadOlder(1, 5)).toEqual([]);
    expect((await subscription.loadOlder(3, 5)).map(({ sequence }) => sequence)).toEqual([1, 2]);
  });

  test("of another epoch are not mixed in", async () => {
    write(50);
    const { subscription } = await follow({ history: 10 });
    world.rest.feeds.set("orders", { epoch: "bbbb", head: 60 });

    expect(await subscription.loadOlder(41, 5)).toEqual([]);
  });

  test("that cannot be had are an ApiError", async () => {
    write(50);
    const { subscription } = await follow({ history: 10 });
    world.rest.failure = { status: 503, detail: "The database is away." };

    await expect(subscription.loadOlder(41, 5)).rejects.toMatchObject({
      name: "ApiError",
      status: 503,
      detail: "The database is away.",
    });
  });
});

test("whatever breaks, the feed ends complete and in order", async () => {
  const { sequences, subscription } = await follow();
  let roll = 7;
  const dice = (sides: number): number => {
    roll = (roll * 16_807) % 2_147_483_647;
    return roll % sides;
  };
  for (let turn = 0; turn < 200; turn += 1) {
    write(1 + dice(4), { isLost: dice(5) === 0, ...(dice(12) === 0 && { payload: "{" }) });
    if (dice(10) === 0) world.xmpp.link.die();
    if (dice(15) === 0) world.xmpp.putOut(ROOM, ["307"]);
    world.xmpp.opening.websocket = dice(4) === 0 ? "lost" : "up";
    world.rest.failure = dice(4) === 0 ? { status: 502 } : null;
    await world.clock.advance(dice(3) * 400);
  }
  world.xmpp.opening.websocket = "up";
  world.rest.failure = null;
  await world.clock.advance(120_000);
  await settle();

  const { head } = world.rest.feeds.get("orders") as { head: number };
  expect(sequences).toEqual(upTo(head));
  expect(subscription.state.kind).toBe("live");
});

describe("what cannot be", () => {
  const made = (options: { feed?: string; history?: number }) => {
    const connection = new Connection("", {}, world.host);
    const subscription = new Subscription(options.feed ?? "orders", connection, { ...options });
    subscription.start();
    return subscription;
  };

  test.each(["Demo", "orders/", "", "a b", "ñ", "x".repeat(65)])(
    "a feed named %j is refused, and nobody is asked",
    async (feed) => {
      const subscription = made({ feed });

      expect(subscription.state).toMatchObject({ kind: "refused", code: "not-open" });
      await world.clock.advance(600_000);
      expect(subscription.state).toMatchObject({ kind: "refused", code: "not-open" });
      expect([world.rest.requests, world.xmpp.links]).toEqual([[], []]);
      subscription.stop();
      expect(subscription.state).toMatchObject({ kind: "offline" });
    },
  );

  test.each([Number.NaN, -5, Number.POSITIVE_INFINITY])(
    "a history of %d is the usual one",
    async (history) => {
      vi.spyOn(console, "warn").mockImplementation(() => {});
      write(250);

      const subscription = made({ history });
      await world.clock.advance(60_000);

      expect(subscription.state).toEqual({ kind: "live" });
      const events = world.rest.requests.filter((request) => request.includes("events"));
      expect(events).toEqual(["feeds/orders/events/?after=150&limit=100"]);
    },
  );

  test("places that are none are not asked for", async () => {
    const { subscription } = await follow();
    await expect(subscription.loadOlder(Number.NaN, 10)).rejects.toThrow(RangeError);
    await expect(subscription.loadOlder(10, Number.NaN)).rejects.toThrow(RangeError);
  });
});
