// @vitest-environment jsdom
import { beforeEach, describe, expect, expectTypeOf, test } from "vitest";
import { AvisoClient, type ClientOptions } from "../../src/api/client";
import type { RecordsPage } from "../../src/api/records-client";
import { ApiError, AvisoError, ConflictError } from "../../src/model/errors";
import type { FeedRecord } from "../../src/model/event";
import { ExactNumber } from "../../src/model/exact-json";
import { accountToken, makeTicket, makeWorld, settle, type World } from "../fakes";
import { type Order, WritableFeed } from "./writable-feed";

let feed: WritableFeed;
let world: World;

beforeEach(() => {
  feed = new WritableFeed();
  world = feed.world;
});

const failureOf = (call: Promise<unknown>): Promise<ApiError> =>
  call.then(
    () => {
      throw new Error("it succeeded");
    },
    (error) => error,
  );

/** What comes of it while time goes on. */
async function within<Value>(ms: number, call: Promise<Value>): Promise<Value> {
  call.catch(() => {});
  await world.clock.advance(ms);
  return call;
}

describe("list", () => {
  beforeEach(() => {
    const records = [3, 2, 1].map((n) => ({ id: `r${n}`, version: 1, data: { n, even: n === 2 } }));
    world.rest.records.set("orders", records);
  });

  test("gives the newest records, what they are true of, and where it goes on", async () => {
    const page = await feed.client.list<Order>("orders", { limit: 2 });
    expect(page.records.map(({ id, data }) => [id, data.n])).toEqual([
      ["r3", 3],
      ["r2", 2],
    ]);
    expect(page).toMatchObject({
      feed: "orders",
      filter: null,
      position: { epoch: "aaaa", sequence: 0, contains: [] },
    });

    const last = await feed.client.list<Order>("orders", { limit: 2, cursor: page.next });

    expect(last.records.map(({ id }) => id)).toEqual(["r1"]);
    expect(last.next).toBeNull();
    expectTypeOf(last).toEqualTypeOf<RecordsPage<Order>>();
  });

  test("gives those that match, and says what was asked", async () => {
    const page = await feed.client.list<Order & { even: boolean }>("orders", {
      filter: { even: true },
    });
    expect(page.records.map(({ id }) => id)).toEqual(["r2"]);
    expect(page.filter).toEqual({ even: true });
    expect(world.rest.requests.at(-1)).toBe(
      "feeds/orders/records/?data.even=true&position=true&limit=100",
    );
  });

  test("keeps apart a table's rows that have no form", async () => {
    const rows = [
      { id: "1", data: { n: 1 } },
      { id: "2", cause: "too-deep" },
    ];
    world.rest.records.set("orders", rows);
    const page = await feed.client.list("orders");
    expect(page.records.map(({ id }) => id)).toEqual(["1"]);
    expect(page.unavailable).toEqual([{ id: "2", cause: "too-deep" }]);
  });

  test("takes no filter that no server knows", async () => {
    const failure = await failureOf(
      feed.client.list("orders", { filter: { at: new Date(0) as never } }),
    );
    expect(failure.code).toBe("filter-not-valid");
    expect(world.rest.requests).toEqual([]);
  });

  test("does not compile with what no record has", () => {
    type Typed = { readonly status: "open" | "paid"; readonly to: { readonly city: string } };
    const ask = () => [
      feed.client.list<Typed>("orders", { filter: { status: "paid", to: { city: "Madrid" } } }),
      // @ts-expect-error: no status of an order.
      feed.client.list<Typed>("orders", { filter: { status: "lost" } }),
      feed.client.update<Typed>("orders", "a", { to: { city: "Madrid" }, status: null }),
      // @ts-expect-error: no member of an order.
      feed.client.update<Typed>("orders", "a", { state: "paid" }),
      // @ts-expect-error: a part of an order is none.
      feed.client.replace<Typed>("orders", "a", { status: "paid" }),
    ];
    expect(ask).toBeTypeOf("function");
    expectTypeOf(feed.client.get<Typed>).returns.resolves.toEqualTypeOf<FeedRecord<Typed>>();
  });
});

describe("get", () => {
  test("gives a record as it is now, with all digits", async () => {
    await feed.putText("a/b", '{"n":1234567890123456789}');
    const { data } = await feed.client.get<{ n: ExactNumber }>("orders", "a/b");
    expect(String(data.n)).toBe("1234567890123456789");
  });

  test("says that there is none", async () => {
    const failure = await failureOf(feed.client.get("orders", "a"));
    expect(failure).toBeInstanceOf(ApiError);
    expect([failure.code, failure.docs]).toEqual(["not-found", "/feed-client/errors.md#not-found"]);
  });

  test("says why a table's row has no form", async () => {
    world.rest.onRecord = async () => Response.json({ id: "a", cause: "too-deep" });
    const failure = await failureOf(feed.client.get("orders", "a"));
    expect([failure.code, failure.message]).toEqual(["unavailable", "too-deep"]);
  });
});

describe("writing", () => {
  test("makes, changes, replaces and removes a record, each digit kept", async () => {
    const big = new ExactNumber("1234567890123456789");
    const options = { id: "a", idempotencyKey: "once" };
    const made = await feed.client.create("orders", { n: 1, big }, options);
    expect([made.id, made.version, feed.headers.get("Idempotency-Key")]).toEqual(["a", 1, "once"]);
    expectTypeOf(made.data).toEqualTypeOf<{ n: number; big: ExactNumber }>();

    const changed = await feed.client.update<Order>("orders", "a", { item: "tea" }, { version: 1 });
    expect(changed).toMatchObject({ version: 2, data: { n: 1, item: "tea" } });
    const replaced = await feed.client.replace<Order>("orders", "a", { n: 7 });
    expect(replaced).toMatchObject({ version: 3, data: { n: 7 } });
    await feed.client.remove("orders", "a", { version: 3 });

    expect(feed.records.size).toBe(0);
    expect(feed.writes).toEqual([
      `POST {"id":"a","data":{"n":1,"big":${big}}}`,
      'PATCH a "1" {"data":{"item":"tea"}}',
      'PUT a {"data":{"n":7}}',
      'DELETE a "3"',
    ]);
  });

  test("makes many at once, and says their ids", async () => {
    const drafts = [{ id: "a", data: { n: 1 } }, { data: { n: 2 } }];
    expect(await feed.client.createAll<Order>("orders", drafts)).toEqual(["a", "made-1"]);
  });

  test("of a version that is past tells what is there, and what was to be", async () => {
    await feed.put("a", { n: 1 });
    await feed.put("a", { n: 2 });

    const failure = await failureOf(
      feed.client.update<Order>("orders", "a", { n: 5 }, { version: 1 }),
    );
    const removal = await failureOf(feed.client.remove("orders", "a", { version: 1 }));

    expect(failure).toBeInstanceOf(ConflictError);
    expect(failure).toMatchObject({
      code: "conflict",
      status: 412,
      current: { id: "a", version: 2, data: { n: 2 } },
      wanted: { n: 5 },
    });
    expect(removal).toMatchObject({ code: "conflict", current: { version: 2 }, wanted: null });
  });

  test("without the right to is refused, once", async () => {
    feed.refusal = { status: 403, detail: "You may not write this feed." };
    const failure = await failureOf(feed.client.create("orders", { n: 1 }));
    expect(failure).toMatchObject({
      code: "not-allowed",
      message: "You may not write this feed.",
    });
    expect(feed.writes).toHaveLength(1);
  });
});

describe("a server that says when to come again", () => {
  const busy = (seconds: number) => ({
    status: 503,
    detail: "Busy.",
    headers: { "Retry-After": String(seconds) },
  });

  test("is asked again then, for writes too: it did nothing", async () => {
    feed.refusal = busy(2);
    const made = feed.client.create("orders", { n: 1 });
    await world.clock.advance(1_900);
    expect(feed.writes).toHaveLength(1);
    feed.refusal = null;
    expect(await within(400, made)).toMatchObject({ version: 1 });
    expect(feed.writes).toHaveLength(2);
  });

  test.each([
    ["ten seconds", 4, 3],
    ["five times", 0, 5],
  ])("is not asked for more than %s", async (_what, seconds, times) => {
    feed.refusal = busy(seconds);
    const failure = await failureOf(within(60_000, feed.client.create("orders", { n: 1 })));
    expect([failure.code, failure.retryAfterMs]).toEqual(["server-error", seconds * 1_000]);
    expect(feed.writes).toHaveLength(times);
  });

  test("is not waited for where it wants to be left alone for long", async () => {
    feed.refusal = busy(60);
    const failure = await failureOf(feed.client.create("orders", { n: 1 }));
    expect([failure.retryAfterMs, feed.writes.length]).toEqual([60_000, 1]);
  });

  test("is not asked again of what failed otherwise", async () => {
    feed.refusal = { status: 502, detail: "Bad gateway." };
    const failure = await failureOf(within(60_000, feed.client.create("orders", { n: 1 })));
    expect([failure.code, feed.writes.length]).toEqual(["server-error", 1]);
  });
});

describe("the session's rights", () => {
  const make = (options: ClientOptions): AvisoClient => new AvisoClient("", options, world.host);
  const account = { kind: "account", username: "ada", password: "secret" } as const;
  const ticket = (): string => {
    const iat = world.clock.now / 1000;
    return makeTicket({ sub: "u-17@ticket.localhost", feeds: ["orders"], iat, exp: iat + 600 });
  };

  test("of a guest, and of a ticket, take no connection", async () => {
    const shown = ticket();
    await make({}).list("orders");
    await make({ ticket: shown }).list("orders");
    expect(world.rest.bearers).toEqual(["", shown]);
    expect(world.xmpp.links).toEqual([]);
  });

  test("of an account come over its stream, and are waited for", async () => {
    const token = accountToken(world, "1");
    world.xmpp.token = () => token;
    await within(100, make({ credentials: account }).list("orders"));
    expect(world.rest.bearers.at(-1)).toBe(token);
  });

  test("of a first ticket that is asked for are waited for", async () => {
    const shown = ticket();
    const client = make({ ticket: "", renewTicket: async () => shown });
    await within(5_000, client.list("orders"));
    expect(world.rest.bearers.at(-1)).toBe(shown);
  });

  test("are waited for 15 s, and no longer", async () => {
    world.rest.failure = "unreachable";
    const failing = failureOf(make({ credentials: account }).list("orders"));
    await world.clock.advance(14_900);
    expect(world.rest.requests.filter((path) => path.includes("records"))).toEqual([]);
    const failure = await within(200, failing);
    expect([failure.code, failure.message]).toEqual([
      "unreachable",
      "The server cannot be reached.",
    ]);
  });

  test("that are refused are said to be", async () => {
    world.xmpp.opening.websocket = "refused";
    const failure = await failureOf(within(100, make({ credentials: account }).list("orders")));
    expect(failure).toBeInstanceOf(AvisoError);
    expect(failure.code).toBe("credentials");
    const malformed = await failureOf(make({ ticket: "none" }).list("orders"));
    expect(malformed.code).toBe("ticket-malformed");
  });

  test("of a session that was ended do not begin another", async () => {
    const client = make({ credentials: account });
    client.signOut();
    expect((await failureOf(client.list("orders"))).code).toBe("signed-out");
    expect(world.xmpp.links).toEqual([]);
  });

  test("are not those of a call that has a key of its own", async () => {
    await make({ credentials: account }).list("orders", { token: "key" });
    expect([world.rest.bearers, world.xmpp.links]).toEqual([["key"], []]);
  });
});

describe("a bearer that is not good any more", () => {
  const make = (options: ClientOptions): AvisoClient => new AvisoClient("", options, world.host);
  const ticket = (lifeS = 600, at = world.clock.now, jti = ""): string => {
    const iat = at / 1000;
    const sub = "u-17@ticket.localhost";
    return makeTicket({ sub, feeds: ["orders"], iat, exp: iat + lifeS, jti });
  };
  let asked: number;
  const renewTicket = async (): Promise<string> => {
    asked += 1;
    return ticket(600, world.clock.now, `${asked}`);
  };
  /** What the lists were asked with. */
  const shown = (): string[] =>
    world.rest.bearers.filter((_, index) => world.rest.requests[index]?.includes("records"));

  beforeEach(() => {
    asked = 0;
  });

  test("a ticket that has ended is renewed before a call goes out, once for all of them", async () => {
    const first = ticket(60);
    const client = make({ ticket: first, renewTicket });
    await client.list("orders");
    await world.clock.advance(61_000);

    await Promise.all([
      client.list("orders"),
      client.list("orders"),
      client.create("orders", { n: 1 }),
    ]);
    await client.list("orders");

    const fresh = ticket(600, world.clock.now, "1");
    expect([asked, shown()]).toEqual([1, [first, fresh, fresh, fresh, fresh]]);
    expect(world.xmpp.links).toEqual([]);
  });

  test("nobody is asked for tickets between calls", async () => {
    const client = make({ ticket: ticket(60), renewTicket });
    await client.list("orders");
    client.setTicket(ticket(60));
    await world.clock.advance(600_000);
    expect(asked).toBe(0);
  });

  test("one that the server does not take is renewed, and the call made again, once", async () => {
    const old = ticket(600, world.clock.now - 3_600_000);
    world.rest.isRefused = (bearer) => bearer === old;
    const client = make({ ticket: old, renewTicket });
    await Promise.all([client.list("orders"), client.list("orders")]);
    const fresh = ticket(600, world.clock.now, "1");
    expect([asked, shown()]).toEqual([1, [old, old, fresh, fresh]]);

    world.rest.isRefused = () => true;
    const failure = await failureOf(client.list("orders"));
    expect([failure.code, asked, shown().length]).toEqual(["not-signed-in", 2, 6]);
  });

  test("without a source there is no other", async () => {
    const client = make({ ticket: ticket() });
    world.rest.isRefused = () => true;
    expect((await failureOf(client.list("orders"))).code).toBe("not-signed-in");
    expect(shown()).toHaveLength(1);
  });

  test("a first ticket is asked for without a connection", async () => {
    const client = make({ ticket: "", renewTicket });
    await client.list("orders");
    expect([asked, shown(), world.xmpp.links]).toEqual([
      1,
      [ticket(600, world.clock.now, "1")],
      [],
    ]);
  });

  test("a source that gives none is said to, with its own reason, and asked anew by the next call", async () => {
    const reason = new Error("not signed in");
    const answers: (() => Promise<string>)[] = [
      () => Promise.reject(reason),
      async () => "nonsense",
      () => Promise.reject(new ApiError(503, "Busy.", null, 5_000)),
      async () => ticket(),
    ];
    const client = make({ ticket: "", renewTicket: () => (answers.shift() ?? renewTicket)() });

    const failures = [
      await failureOf(client.list("orders")),
      await failureOf(client.list("orders")),
      await failureOf(client.list("orders")),
      // The site wants to be asked no earlier.
      await failureOf(client.list("orders")),
    ];

    expect(failures.map(({ code }) => code)).toEqual(Array(4).fill("ticket-not-renewed"));
    expect([failures[0]?.message, failures[0]?.cause]).toEqual([
      "No fresh ticket came: not signed in",
      reason,
    ]);
    expect(shown()).toEqual([]);
    await world.clock.advance(5_000);
    await client.list("orders");
    expect(shown()).toEqual([ticket()]);
  });

  test("a source that does not answer is waited for 15 s, and less where the signal says so", async () => {
    const client = make({ ticket: "", renewTicket: () => new Promise(() => {}) });
    const aborting = new AbortController();
    const failing = failureOf(client.list("orders"));
    const left = failureOf(client.list("orders", { signal: aborting.signal }));
    await world.clock.advance(14_900);
    const reason = new Error("left");
    aborting.abort(reason);
    expect(await left).toBe(reason);
    expect((await within(200, failing)).code).toBe("ticket-not-renewed");
  });

  test("a session that goes on has the ticket that a call asked for, and the other way round", async () => {
    const client = make({ ticket: ticket(60), renewTicket });
    client.connect();
    await world.clock.advance(1_000);
    expect(world.xmpp.links).toHaveLength(1);
    // Nobody could say so: the key was changed.
    const dead = await client.bearer();
    world.rest.isRefused = (bearer) => bearer === dead;

    await within(1_000, client.list("orders"));

    expect([asked, await client.bearer()]).toEqual([1, shown().at(-1)]);
    await world.clock.advance(400_000);
    expect(asked).toBe(1);
    await world.clock.advance(60_000);
    expect(asked).toBe(2);
    expect(client.state.kind).toBe("online");
  });

  test("of a session that was refused and has no source, the session's code is told", async () => {
    const client = make({ ticket: ticket(60) });
    client.connect();
    await world.clock.advance(61_000);
    world.xmpp.link.die();
    await world.clock.advance(5_000);
    expect(client.state).toMatchObject({ kind: "refused", code: "ticket-ended" });
    expect((await failureOf(client.list("orders"))).code).toBe("ticket-ended");
    client.signOut();
    expect((await failureOf(client.list("orders"))).code).toBe("signed-out");
    client.setTicket(ticket());
    await client.list("orders");
    expect(shown()).toEqual([ticket()]);
  });

  test("an account's token that the server does not take is got anew, once", async () => {
    const account = { kind: "account", username: "ada", password: "secret" } as const;
    const tokens = ["1", "2", "3"].map((id) => accountToken(world, id));
    world.xmpp.token = () => tokens.shift() ?? "none";
    const [first, second] = tokens;
    const client = make({ credentials: account });
    await within(100, client.list("orders"));
    world.rest.isRefused = (bearer) => bearer === first;
    await within(100, Promise.all([client.list("orders"), client.list("orders")]));
    expect(shown()).toEqual([first, first, first, second, second]);
  });
});

describe("a signal", () => {
  test("gives up the waiting for a session, for a server, and the request", async () => {
    const account = { kind: "account", username: "ada", password: "secret" } as const;
    const reason = new Error("left");
    world.xmpp.isDeaf = true;
    feed.refusal = { status: 503, detail: "Busy.", headers: { "Retry-After": "5" } };
    const aborting = new AbortController();
    const { signal } = aborting;
    const client = new AvisoClient("", { credentials: account }, world.host);
    const calls = [
      client.list("orders", { signal }),
      feed.client.create("orders", { n: 1 }, { signal }),
    ].map((call) => failureOf(call));
    await world.clock.advance(100);

    aborting.abort(reason);

    expect(await Promise.all(calls)).toEqual([reason, reason]);
    expect(await failureOf(feed.client.list("orders", { signal }))).toBe(reason);
    await world.clock.advance(60_000);
    expect(feed.writes).toHaveLength(1);
  });

  test("is heard before there is anything to wait for", async () => {
    const account = { kind: "account", username: "ada", password: "secret" } as const;
    const reason = new Error("left");
    const aborting = [new AbortController(), new AbortController()];
    const [first, second] = aborting.map(({ signal }) => ({ signal }));
    world.rest.onRecord = async () => {
      aborting[1]?.abort(reason);
      return Response.json({}, { status: 503, headers: { "Retry-After": "5" } });
    };
    const told: unknown[] = [];
    const client = new AvisoClient("", { credentials: account }, world.host);
    void failureOf(client.list("orders", first)).then((failure) => told.push(failure));
    aborting[0]?.abort(reason);
    void failureOf(feed.client.create("orders", { n: 1 }, second)).then((failure) =>
      told.push(failure),
    );

    await settle();

    expect(told).toEqual([reason, reason]);
    expect(world.xmpp.links).toEqual([]);
  });
});

test("a world without records has none", async () => {
  const other = makeWorld();
  const failure = await failureOf(new AvisoClient("", {}, other.host).list("orders"));
  expect(failure.code).toBe("not-found");
});

describe("a page's position", () => {
  const changesOf = async (position: object): Promise<unknown[]> => {
    const orders = feed.client.subscribe<Order>("orders", {
      position: JSON.parse(JSON.stringify(position)),
    });
    const told: unknown[] = [];
    orders.on("change", ({ sequence }) => told.push(sequence));
    await world.clock.advance(1_000);
    expect(orders.state.kind).toBe("live");
    return told;
  };

  test("goes on from there: nothing of it twice, and no hole", async () => {
    await feed.putAll(3);
    const { position } = await feed.client.list<Order>("orders");
    await feed.put("r9", { n: 9 });
    expect(await changesOf(position)).toEqual([4]);
  });

  test("knows of later events that the page has, also as long as they did not come", async () => {
    await feed.putAll(3);
    const position = { epoch: "aaaa", sequence: 1, contains: [{ from: 3, to: 4 }] };
    const first = feed.client.subscribe("orders", { position });
    await world.clock.advance(1_000);
    const kept = first.position;
    expect(kept).toEqual({ epoch: "aaaa", sequence: 3, contains: [{ from: 3, to: 4 }] });
    first.close();

    await feed.put("r4", { n: 4 });
    await feed.put("r5", { n: 5 });

    expect(await changesOf(position)).toEqual([2, 5]);
    expect(await changesOf(kept ?? {})).toEqual([5]);
  });
});
