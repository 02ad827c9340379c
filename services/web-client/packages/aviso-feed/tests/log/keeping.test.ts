// @vitest-environment jsdom
import { beforeEach, describe, expect, test } from "vitest";
import { AvisoClient, type ClientOptions, type SubscribeOptions } from "../../src/api/client";
import type { FeedState } from "../../src/engine/states";
import type { FeedEvent } from "../../src/model/event";
import type { EventLog, Kept } from "../../src/model/event-log";
import { memoryLog } from "../../src/model/memory-log";
import { eventJson, makeTicket, makeWorld, type World } from "../fakes";

const ORDERS = { origin: "", reader: "", feed: "orders" };

let world: World;
let log: EventLog;

beforeEach(() => {
  world = makeWorld();
  world.rest.feeds.set("orders", { epoch: "aaaa", head: 3 });
  log = memoryLog();
});

const numbers = (from: number, to: number): number[] =>
  Array.from({ length: to - from + 1 }, (_, index) => from + index);

/** A page is opened: it follows the feed. */
async function open(options: ClientOptions = {}, subscribe: SubscribeOptions = {}) {
  const client = new AvisoClient("", { log, ...options }, world.host);
  const subscription = client.subscribe("orders", subscribe);
  const [shown, states, kept, resets]: [number[], string[], Date[], number[]] = [[], [], [], []];
  subscription.on("events", ({ events, live, keptAt }) => {
    shown.push(...events.map(({ sequence }) => sequence));
    if (keptAt !== undefined && !live) kept.push(keptAt);
  });
  subscription.on("state", (state: FeedState) => states.push(state.kind));
  subscription.on("reset", ({ sequence }) => {
    resets.push(sequence);
    shown.length = 0;
  });
  await world.clock.advance(1_000);
  const close = async () => {
    subscription.close();
    client.close();
    await world.clock.advance(1_000);
  };
  return { client, subscription, shown, states, kept, resets, close };
}

const write = (count: number): void => {
  const feed = world.rest.feeds.get("orders") as { epoch: string; head: number };
  world.xmpp.publish("orders", feed.epoch, feed.head + 1, count);
  feed.head += count;
};

const inLog = async (reader = ""): Promise<Kept | null> => log.read({ ...ORDERS, reader });

describe("a page that keeps its events", () => {
  test("opens without a server with what it had, and is not live", async () => {
    await (await open()).close();
    world.rest.failure = "unreachable";

    const { shown, states, kept, subscription } = await open();

    expect(shown).toEqual([1, 2, 3]);
    expect(kept).toHaveLength(1);
    expect(subscription.position).toEqual({ epoch: "aaaa", sequence: 3 });
    expect(states).not.toContain("live");
    expect(subscription.state.kind).toBe("offline");
  });

  test("fetches the difference and no more", async () => {
    const first = await open();
    write(4);
    await world.clock.advance(0);
    await first.close();
    write(2);
    world.rest.requests.length = 0;
    world.xmpp.sentFromArchives = 0;

    const { shown, states, resets } = await open();

    expect([shown, states.at(-1), resets]).toEqual([numbers(1, 9), "live", []]);
    expect(world.rest.requests.filter((path) => path.includes("events"))).toEqual([]);
    expect(world.xmpp.sentFromArchives).toBe(1);
  });

  test("goes on over REST where it knows no place in the archive", async () => {
    await (await open()).close();
    (world.rest.feeds.get("orders") as { head: number }).head = 5;
    world.rest.requests.length = 0;

    const { shown } = await open();

    expect(shown).toEqual(numbers(1, 5));
    const asked = world.rest.requests.filter((path) => path.includes("events"));
    expect(asked).toEqual(["feeds/orders/events/?after=3&limit=2"]);
  });

  test("keeps what comes live, and grants and revokes that show nothing", async () => {
    const page = await open();
    write(2);
    world.xmpp.publish("orders", "aaaa", 6, 1, { type: "granted" });
    (world.rest.feeds.get("orders") as { head: number }).head = 6;
    await world.clock.advance(0);
    await page.close();

    expect((await inLog())?.position.sequence).toBe(6);
    expect((await inLog())?.events.map(({ sequence }) => sequence)).toEqual(numbers(1, 5));
  });

  test("asks anew for what could not be relayed", async () => {
    const page = await open();
    world.xmpp.publish("orders", "aaaa", 4, 1, { type: "unavailable" });
    (world.rest.feeds.get("orders") as { head: number }).head = 4;
    await world.clock.advance(0);
    await page.close();
    expect((await inLog())?.events.at(-1)?.type).toBe("unavailable");
    world.rest.requests.length = 0;

    const { shown, kept, states } = await open();

    expect([shown, kept, states.at(-1)]).toEqual([numbers(1, 4), [], "live"]);
    expect(world.rest.requests.filter((path) => path.includes("events"))).toHaveLength(1);
  });

  test.each([0, 2])(
    "shows a table as it was kept until REST answers, %i events on",
    async (more) => {
      const row = (n: number): FeedEvent => ({
        id: `listed:${n}`,
        type: "listed",
        ...{ feed: "orders", epoch: "aaaa", sequence: 3, time: "2026-11-24T09:30:00Z" },
        ...{ subject: `r${n}`, place: 3 - n / 2 ** 20, record: { id: `r${n}`, data: { n } } },
      });
      const to = { epoch: "aaaa", sequence: 3 };
      await log.append(ORDERS, { from: null, to, events: [1, 2, 3].map(row), anchor: null });
      if (more > 0) write(more);
      const { rest } = world.host;
      const { feed } = rest;
      const table = { schema: "public", name: "orders", columns: ["n"], key: ["n"] };
      rest.feed = async (...asked) => ({ ...(await feed.apply(rest, asked)), table });
      let listings = 0;
      rest.rows = async () => {
        listings += 1;
        const rows = [{ id: "r1", data: { n: 1 } }];
        return { epoch: "aaaa", sequence: 3 + more, contains: [], cursor: null, rows };
      };
      world.rest.failure = { status: 503, path: /feeds/ };
      const { shown, states, resets } = await open();
      expect([shown, resets, states.includes("live")]).toEqual([[3, 3, 3], [], false]);

      world.rest.failure = null;
      await world.clock.advance(100_000);

      expect([listings, states.at(-1)]).toEqual([1, "live"]);
      expect((await inLog())?.isListed).toBe(true);
    },
  );

  test("drops what it had in a new epoch", async () => {
    await (await open()).close();
    world.rest.feeds.set("orders", { epoch: "bbbb", head: 1 });

    const { shown, resets, close } = await open();
    await close();

    expect([shown, resets]).toEqual([[1], [0]]);
    expect(await inLog()).toMatchObject({ position: { epoch: "bbbb", sequence: 1 } });
    expect((await inLog())?.events).toHaveLength(1);
  });

  test("keeps the newest where it was too far behind", async () => {
    await (await open()).close();
    (world.rest.feeds.get("orders") as { head: number }).head = 5_000;

    const { shown, close } = await open({}, { history: 10, catchUpLimit: 1_000 });
    await close();

    expect(shown).toEqual(numbers(4_991, 5_000));
    expect((await inLog())?.events.map(({ sequence }) => sequence)).toEqual(numbers(4_991, 5_000));
  });

  test("leaves nothing of a feed that is not open any more", async () => {
    await (await open()).close();
    world.rest.feeds.delete("orders");
    world.xmpp.refusals.set("orders@feeds.localhost", "forbidden");

    const { subscription } = await open();

    expect(subscription.state).toMatchObject({ kind: "refused", code: "not-open" });
    expect(await inLog()).toBeNull();
  });

  test("a position or a key of its own has no part in it", async () => {
    await (await open({}, { position: { epoch: "aaaa", sequence: 1 } })).close();
    await (await open({}, { token: "secret" })).close();

    expect(await inLog()).toBeNull();
  });

  test("does not wait for a log that does not answer", async () => {
    log = Object.assign(memoryLog(), { read: () => new Promise<null>(() => {}) });

    const { states } = await open();
    await world.clock.advance(2_000);

    expect(states.at(-1)).toBe("live");
  });

  test("waits for a slow log as long as no server has what it keeps", async () => {
    await (await open()).close();
    world.rest.failure = "unreachable";
    const kept = log;
    log = Object.assign(memoryLog(), {
      read: async (key: Parameters<EventLog["read"]>[0]) => {
        await new Promise<void>((resolve) => world.clock.setTimer(resolve, 10_000));
        return kept.read(key);
      },
    });

    const { client, shown, subscription } = await open();
    await world.clock.advance(2_000);
    expect(client.state.kind).toBe("offline");
    await world.clock.advance(8_000);

    expect(shown).toEqual([1, 2, 3]);
    expect(subscription.state.kind).toBe("offline");
  });
});

describe("who reads by an account or a ticket", () => {
  const ticket = () => {
    const now = world.clock.now / 1000;
    return makeTicket({
      sub: "t1@ticket.localhost",
      feeds: ["orders"],
      iat: now,
      exp: now + 3_600,
    });
  };

  const say = (visibility: string): void => {
    const { fetch } = world.rest;
    Object.assign(world.rest, {
      fetch: async (input: string, init?: RequestInit) => {
        const answer = await fetch(input, init);
        if (!/feeds\/orders\/$/.test(String(input)) || !answer.ok) return answer;
        return new Response(JSON.stringify({ ...(await answer.json()), visibility }));
      },
    });
  };

  test("keeps a feed that everybody may read in everybody's log", async () => {
    say("public");
    await (await open({ ticket: ticket() })).close();

    expect((await inLog())?.position.sequence).toBe(3);
  });

  test("keeps nothing of a private one", async () => {
    say("private");
    await (await open({ ticket: ticket() })).close();

    expect([await inLog(), await inLog("ticket:t1")]).toEqual([null, null]);
  });

  test("keeps a private one where that was asked for, for himself alone", async () => {
    log = memoryLog({ private: true });
    say("private");
    const page = await open({ ticket: ticket() });
    await page.close();

    expect([await inLog(), (await inLog("ticket:t1"))?.position.sequence]).toEqual([null, 3]);
    world.rest.failure = "unreachable";
    expect((await open()).shown).toEqual([]);
    expect((await open({ ticket: ticket() })).shown).toEqual([1, 2, 3]);
  });

  test("takes it with him when he goes", async () => {
    log = memoryLog({ private: true });
    say("private");
    const page = await open({ ticket: ticket() });
    await page.close();

    await page.client.forget();

    expect(await inLog("ticket:t1")).toBeNull();
  });

  test("takes everybody's with him when nobody knows who he is", async () => {
    log = memoryLog({ private: true });
    say("private");
    await (await open({ ticket: ticket() })).close();
    const { client } = await open({ ticket: "", renewTicket: () => new Promise(() => {}) });

    client.signOut();
    await world.clock.advance(0);

    expect(await inLog("ticket:t1")).toBeNull();
  });

  const wellAfter = 5_000;

  test.each(["sign out", "forget, then close", "close, then forget"])(
    "nothing comes back into the log: %s",
    async (how) => {
      log = memoryLog({ private: true });
      say("private");
      const { client, subscription } = await open({ ticket: ticket() });
      await world.clock.advance(wellAfter);
      write(2);
      await world.clock.advance(100);

      if (how === "sign out") client.signOut();
      else if (how === "forget, then close") {
        await client.forget();
        subscription.close();
        client.close();
      } else {
        subscription.close();
        client.close();
        await client.forget();
      }
      await world.clock.advance(wellAfter);

      expect(await inLog("ticket:t1")).toBeNull();
    },
  );

  test("keeps it under the name of the ticket that is read by", async () => {
    log = memoryLog({ private: true });
    say("private");
    await open({ ticket: "", renewTicket: async () => ticket() });
    await world.clock.advance(wellAfter);

    expect((await inLog("ticket:t1"))?.position.sequence).toBe(3);
  });

  test("a sign-out while the log is read is one", async () => {
    log = Object.assign(memoryLog({ private: true }), {
      read: async () => {
        await new Promise<void>((resolve) => world.clock.setTimer(resolve, 1_500));
        return null;
      },
    });
    const { client, subscription } = await open({ ticket: ticket() });

    client.signOut();
    await world.clock.advance(wellAfter);

    expect([client.state.kind, subscription.state.kind]).not.toContain("online");
    expect(world.xmpp.links).toHaveLength(0);
  });

  test("what became private while it was read leaves everybody's log", async () => {
    say("public");
    await open({ ticket: ticket() });
    await world.clock.advance(wellAfter);
    expect((await inLog())?.position.sequence).toBe(3);
    say("private");
    await world.clock.advance(60_000);

    write(1);
    await world.clock.advance(wellAfter);

    expect(await inLog()).toBeNull();
  });

  test("what became public is kept once, and newest", async () => {
    log = memoryLog({ private: true });
    say("private");
    await (await open({ ticket: ticket() })).close();
    say("public");
    write(2);

    await (await open({ ticket: ticket() })).close();

    expect([await inLog("ticket:t1"), (await inLog())?.position.sequence]).toEqual([null, 5]);
    // In the log of everybody it begins with what came since.
    expect((await open({ ticket: ticket() })).shown).toEqual([4, 5]);
  });

  test("a feed that became private is no longer in everybody's log", async () => {
    await (await open()).close();
    say("private");

    await (await open({ ticket: ticket() })).close();

    expect(await inLog()).toBeNull();
  });
});

test("what was written is what the contract says", async () => {
  await (await open()).close();
  expect((await inLog())?.events[2]?.id).toBe(eventJson("orders", "aaaa", 3).id);
});
