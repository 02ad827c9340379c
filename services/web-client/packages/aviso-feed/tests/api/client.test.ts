// @vitest-environment jsdom
import { beforeEach, describe, expect, expectTypeOf, test, vi } from "vitest";
import { AvisoClient, type ClientOptions } from "../../src/api/client";
import { FeedView } from "../../src/api/feed-view";
import { MOST_WAITING } from "../../src/engine/change-stream";
import type { Change } from "../../src/engine/emitted";
import type { FeedState } from "../../src/engine/states";
import { AvisoError } from "../../src/model/errors";
import { makeTicket, makeWorld, type World } from "../fakes";

let world: World;

beforeEach(() => {
  world = makeWorld();
  world.rest.feeds.set("orders", { epoch: "aaaa", head: 0 });
  world.rest.feeds.set("stock", { epoch: "bbbb", head: 0 });
});

const make = (options: ClientOptions = {}): AvisoClient => new AvisoClient("", options, world.host);

function write(count: number): void {
  const feed = world.rest.feeds.get("orders");
  if (feed === undefined) throw new Error("no feed");
  world.xmpp.publish("orders", feed.epoch, feed.head + 1, count);
  feed.head += count;
}

const sequenceOf = ({ sequence }: Change): number => sequence;

describe("a client", () => {
  test("connects with the first subscription, and all share the one connection", async () => {
    const client = make();
    await world.clock.advance(0);
    expect([client.state.kind, world.xmpp.links.length]).toEqual(["offline", 0]);

    const subscriptions = ["orders", "stock", "orders"].map((feed) => client.subscribe(feed));
    await world.clock.advance(0);

    expect(subscriptions.map(({ state }) => state.kind)).toEqual(["live", "live", "live"]);
    expect(world.xmpp.links.length).toBe(1);
  });

  test("tells whoever listens at once of everything", async () => {
    write(2);
    const orders = make().subscribe("orders");
    const seen: unknown[] = [orders.state.kind];

    orders.on("change", (change) => seen.push(change.sequence));
    orders.on("state", ({ kind }) => seen.push(kind));
    await world.clock.advance(0);

    expect(seen.slice(0, 1)).toEqual(["connecting"]);
    expect(seen.filter((each) => typeof each === "number")).toEqual([1, 2]);
    expect(seen.at(-1)).toBe("live");
  });

  test("goes on after close and connect", async () => {
    const client = make();
    const orders = client.subscribe("orders");
    await world.clock.advance(0);

    client.close();
    expect(orders.state.kind).toBe("offline");
    write(1);
    client.connect();
    await world.clock.advance(1_000);

    expect([orders.state.kind, orders.position?.sequence]).toEqual(["live", 1]);
  });

  test("takes a ticket by its short name", async () => {
    const exp = world.clock.now / 1000 + 600;
    make({ ticket: makeTicket({ sub: "u-17@ticket.localhost", feeds: [], exp }) }).connect();
    await world.clock.advance(0);
    expect(world.xmpp.link.request.credentials).toMatchObject({ kind: "ticket", username: "u-17" });
  });
});

describe("a subscription", () => {
  test("on() returns the function that ends it", async () => {
    const orders = make().subscribe("orders");
    const seen: number[] = [];
    const off = orders.on("change", (change) => seen.push(change.sequence));
    await world.clock.advance(0);
    write(1);
    await world.clock.advance(0);

    off();
    off();
    write(1);
    await world.clock.advance(0);

    expect(seen).toEqual([1]);
  });

  test("is ready when it is live", async () => {
    write(3);
    const orders = make().subscribe("orders");
    const ready = orders.ready();
    await world.clock.advance(0);
    expect(await ready).toEqual({ epoch: "aaaa", sequence: 3 });
    expect(await orders.ready()).toEqual({ epoch: "aaaa", sequence: 3 });
  });

  test("is never ready where it is refused, and says why", async () => {
    const ready = make().subscribe("No Feed").ready();
    const failure = await ready.catch((error) => error);
    expect(failure).toBeInstanceOf(AvisoError);
    expect([failure.code, failure.docs]).toEqual(["not-open", "/feed-client/errors.md#not-open"]);
  });

  test("with a filter that no server knows is not made", () => {
    const wrong = { filter: { at: new Date(0) as never } };
    expect(() => make().subscribe("orders", wrong)).toThrowError(
      expect.objectContaining({ code: "filter-not-valid" }),
    );
  });

  test("is refused where this server does not know its filter, until the next connection", async () => {
    write(3);
    world.rest.failure = { status: 400, detail: "Not by fields", path: /records/ };
    const client = make();
    const orders = client.subscribe("orders", { filter: { n: 1 } });
    const failure = await Promise.all([
      orders.ready().catch((error) => error),
      world.clock.advance(60_000),
    ]);
    expect(failure[0]).toMatchObject({ code: "filter-refused", message: "Not by fields" });
    const asked = () => world.rest.requests.filter((each) => each.includes("records/")).length;
    expect(asked()).toBe(1);

    world.rest.failure = null;
    client.close();
    client.connect();
    await world.clock.advance(60_000);

    expect([orders.state.kind, asked()]).toEqual(["live", 2]);
  });

  test("is never ready once it is closed", async () => {
    const orders = make().subscribe("orders");
    const ready = orders.ready();
    orders.close();
    await expect(ready).rejects.toMatchObject({ code: "subscription-closed" });
    await expect(orders.ready()).rejects.toMatchObject({ code: "subscription-closed" });
  });

  test.each(["before it begins", "while it is live"])("is closed by a signal %s", async (when) => {
    const ending = new AbortController();
    const orders = make().subscribe("orders", { signal: ending.signal });
    if (when === "while it is live") await world.clock.advance(0);

    ending.abort();
    await world.clock.advance(60_000);

    expect(orders.closing.aborted).toBe(true);
    expect(orders.state.kind).not.toBe("live");
    expect(world.xmpp.links.flatMap(({ occupancies }) => [...occupancies])).toEqual([]);
  });

  test("that is closed before it began asks for nothing", async () => {
    make().subscribe("orders", { signal: AbortSignal.abort() });
    make().subscribe("orders").close();
    await world.clock.advance(60_000);
    expect([world.rest.requests, world.xmpp.links]).toEqual([[], []]);
  });

  test("gives its changes to a loop, in order, resets among them, until it is closed", async () => {
    write(2);
    const orders = make().subscribe("orders");
    const seen: string[] = [];
    const loop = (async () => {
      for await (const change of orders) seen.push(`${change.type} ${change.sequence}`);
    })();
    await world.clock.advance(0);

    world.rest.feeds.set("orders", { epoch: "cccc", head: 0 });
    write(1);
    await world.clock.advance(60_000);
    orders.close();
    await loop;

    expect(seen).toEqual(["created 1", "created 2", "reset 0", "created 1"]);
  });

  test("goes on when a loop is left", async () => {
    const orders = make().subscribe("orders");
    await world.clock.advance(0);
    const first = (async () => {
      for await (const change of orders) return change;
      return null;
    })();
    write(1);
    expect((await first)?.sequence).toBe(1);
    write(1);
    await world.clock.advance(0);
    expect([orders.state.kind, orders.position?.sequence]).toEqual(["live", 2]);
  });

  test("ends a loop that takes too little, and says so", async () => {
    const orders = make().subscribe("orders");
    await world.clock.advance(0);
    const loop = orders[Symbol.asyncIterator]();
    for (let left = MOST_WAITING + 250; left > 0; left -= 250) write(250);
    await world.clock.advance(0);

    const taken: number[] = [];
    const failure = await (async () => {
      for await (const change of loop) taken.push(sequenceOf(change));
    })().catch((error) => error);

    expect(failure).toMatchObject({ code: "too-slow" });
    expect([taken.length, taken.at(-1)]).toEqual([MOST_WAITING, MOST_WAITING]);
    expect(orders.state.kind).toBe("live");
  });
});

describe("the debug log", () => {
  test("tells what happens, and neither secrets nor what records hold", async () => {
    const lines: string[] = [];
    const client = make({
      credentials: { kind: "account", username: "ada", password: "s3cret" },
      debug: (what, facts) => lines.push(`${what} ${JSON.stringify(facts)}`),
    });
    client.subscribe("orders");
    await world.clock.advance(0);
    world.xmpp.publish("orders", "aaaa", 1, 1, { payload: "{" });
    await world.clock.advance(1_000);
    world.xmpp.link.die();
    await world.clock.advance(60_000);

    const text = lines.join("\n");
    for (const what of ["opening", "connection", "closed", "feed", "caught up", "problem"]) {
      expect(text).toMatch(new RegExp(`^${what} `, "m"));
    }
    expect(text).not.toContain("s3cret");
    expect(text).not.toContain("item");
  });

  test("goes to the console where it is asked for, and nowhere else", async () => {
    const debug = vi.spyOn(console, "debug").mockImplementation(() => {});
    make().subscribe("orders");
    await world.clock.advance(0);
    expect(debug).not.toHaveBeenCalled();
    make({ debug: true }).subscribe("orders");
    await world.clock.advance(0);
    expect(debug).toHaveBeenCalled();
  });
});

test("what is no event, or not what an order holds, does not compile", () => {
  type Order = { readonly item: string; readonly count: number };
  const client = make();
  const orders = client.subscribe<Order>("orders", { signal: AbortSignal.abort() });

  // @ts-expect-error: no event of a client.
  client.on("states", () => {});
  // @ts-expect-error: no event of a subscription.
  orders.on("changed", () => {});
  orders.on("change", (change) => {
    expectTypeOf(change).toEqualTypeOf<Change<Order>>();
    if (change.type === "reset") return;
    expectTypeOf(change.record?.data.count).toEqualTypeOf<number | undefined>();
    // @ts-expect-error: no field of an order.
    change.record?.data.price;
  });
  orders.on("events", ({ events }) => {
    expectTypeOf(events[0]?.record?.data).toEqualTypeOf<Order | undefined>();
  });
  expectTypeOf(orders.state).toEqualTypeOf<FeedState>();
  expect(orders.closing.aborted).toBe(true);
});

describe("after signing out", () => {
  test("nothing more is read, whatever was under way", async () => {
    world.rest.feeds.set("orders", { epoch: "aaaa", head: 3_000 });
    const client = make();
    const subscription = client.subscribe("orders", { position: { epoch: "aaaa", sequence: 0 } });
    const given: number[] = [];
    subscription.on("events", ({ events }) =>
      given.push(...events.map(({ sequence }) => sequence)),
    );
    world.line.bytesPerSecond = 100_000;
    for (let tries = 0; tries < 100 && given.length === 0; tries += 1) {
      await world.clock.advance(200);
    }
    expect(given.length).toBeGreaterThan(0);

    client.signOut();
    const [before, asked] = [given.length, world.rest.requests.length];
    await world.clock.advance(60_000);

    expect([given.length, world.rest.requests.length]).toEqual([before, asked]);
  });

  test("a view begins anew when it is connected again", async () => {
    write(3);
    const client = make();
    const view = new FeedView(client, "orders");
    view.subscribe(() => {});
    await world.clock.advance(1_000);
    expect(view.snapshot().records).toHaveLength(3);

    client.signOut();
    await world.clock.advance(1_000);
    expect(view.snapshot().records).toHaveLength(0);
    client.connect();
    await world.clock.advance(5_000);

    expect([view.snapshot().state.kind, view.snapshot().records.length]).toEqual(["live", 3]);
  });
});
