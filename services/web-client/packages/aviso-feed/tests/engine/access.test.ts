// @vitest-environment jsdom
/** Who may read: tickets, an account's token, rooms that are shut. */

import { beforeEach, describe, expect, test } from "vitest";
import { Connection } from "../../src/engine/connection";
import type { ConnectionOptions } from "../../src/engine/options";
import { Subscription } from "../../src/engine/subscription";
import { ApiError } from "../../src/model/errors";
import { escapeXml } from "../../src/protocol/xml";
import { textOf } from "../batch-writer";
import { accountToken, eventJson, makeTicket, makeWorld, type World } from "../fakes";

const ROOM = "orders@feeds.localhost";
const ACCOUNT = { kind: "account", username: "ada", password: "secret" } as const;

let world: World;

beforeEach(() => {
  world = makeWorld();
  world.rest.feeds.set("orders", { epoch: "aaaa", head: 3 });
  world.xmpp.publish("orders", "aaaa", 1, 3);
});

function ticket(lifeS = 600, name = "u-17"): string {
  const iat = world.clock.now / 1000;
  return makeTicket({ sub: `${name}@ticket.localhost`, feeds: ["orders"], iat, exp: iat + lifeS });
}

async function follow(options: ConnectionOptions) {
  const connection = new Connection("", options, world.host);
  const subscription = new Subscription("orders", connection);
  const sequences: number[] = [];
  const expiring: Date[] = [];
  subscription.on("events", (detail) => {
    sequences.push(...detail.events.map(({ sequence }) => sequence));
  });
  subscription.on("ticket-expiring", (detail) => expiring.push(detail.expiresAt));
  subscription.start();
  await world.clock.advance(0);
  return { connection, subscription, sequences, expiring };
}

const withTicket = (text: string): ConnectionOptions => ({
  credentials: { kind: "ticket", ticket: text },
});

describe("a ticket", () => {
  test("logs in at its own host, with its reader's name, and opens REST", async () => {
    const text = ticket();
    const { subscription, sequences } = await follow(withTicket(text));

    expect(world.xmpp.link.request).toMatchObject({
      domain: "ticket.localhost",
      credentials: { kind: "ticket", username: "u-17", ticket: text },
    });
    expect(subscription.state.kind).toBe("live");
    expect(sequences).toEqual([1, 2, 3]);
    expect(world.rest.bearers.at(-1)).toBe(text);
  });

  test("works over BOSH too", async () => {
    world.xmpp.opening.websocket = "lost";
    const { subscription, connection } = await follow(withTicket(ticket()));
    expect([subscription.state.kind, connection.transport]).toEqual(["live", "bosh"]);
  });

  test("that cannot be read is refused before anything is sent", async () => {
    const { subscription } = await follow(withTicket("nonsense"));
    expect(subscription.state).toEqual({
      kind: "refused",
      code: "ticket-malformed",
      reason: "The ticket is no JSON Web Token.",
    });
    expect(world.xmpp.links.length).toBe(0);
  });

  test("is renewed at three quarters of its life, without a new login", async () => {
    const renewed: string[] = [];
    const renewTicket = async () => {
      const text = ticket();
      renewed.push(text);
      return text;
    };
    const { subscription, expiring } = await follow({ ...withTicket(ticket()), renewTicket });

    await world.clock.advance(440_000);
    expect(renewed).toEqual([]);
    await world.clock.advance(20_000);

    expect(world.xmpp.fresh).toEqual(renewed);
    expect([renewed.length, expiring.length, world.xmpp.links.length]).toEqual([1, 1, 1]);
    expect(subscription.state.kind).toBe("live");
  });

  test("that does not carry the connection on is logged in with", async () => {
    const { subscription, sequences, connection } = await follow(withTicket(ticket()));
    world.xmpp.takesFresh = false;

    const fresh = ticket(900);
    connection.setTicket(fresh);
    await world.clock.advance(5_000);

    expect(world.xmpp.link.request.credentials).toMatchObject({ ticket: fresh });
    expect([subscription.state.kind, subscription.position?.sequence]).toEqual(["live", 3]);
    expect(sequences).toEqual([1, 2, 3]);
  });

  test("of another reader begins a new connection", async () => {
    const { connection } = await follow(withTicket(ticket()));
    connection.setTicket(ticket(600, "u-18"));
    await world.clock.advance(0);
    expect(world.xmpp.fresh).toEqual([]);
    expect(world.xmpp.link.request.credentials).toMatchObject({ username: "u-18" });
  });

  test("that has ended is said to be, and a new one brings everything back", async () => {
    const { subscription, connection, sequences } = await follow(withTicket(ticket(60)));
    await world.clock.advance(60_000);
    world.xmpp.link.die();
    await world.clock.advance(2_000);
    expect(subscription.state).toMatchObject({ kind: "refused", code: "ticket-ended" });
    expect(subscription.state).toMatchObject({ reason: expect.stringContaining("no way to get") });
    world.rest.feeds.set("orders", { epoch: "aaaa", head: 4 });
    world.xmpp.publish("orders", "aaaa", 4, 1);

    connection.setTicket(ticket());
    await world.clock.advance(0);

    expect(subscription.state.kind).toBe("live");
    expect(sequences).toEqual([1, 2, 3, 4]);
  });

  test("that the server refuses is not tried again, and asked for anew at a growing pace", async () => {
    world.xmpp.opening.websocket = "refused";
    let asked = 0;
    const renewTicket = async () => {
      asked += 1;
      return ticket();
    };
    const { subscription } = await follow({ ...withTicket(ticket()), renewTicket });
    expect(subscription.state).toMatchObject({ kind: "refused", code: "ticket-refused" });

    await world.clock.advance(60_000);
    expect(asked).toBeLessThan(20);
    world.xmpp.opening.websocket = "up";
    await world.clock.advance(30_000);

    expect(subscription.state.kind).toBe("live");
  });

  test("is fetched where only the way to get one is known", async () => {
    const { subscription } = await follow({ ...withTicket(""), renewTicket: async () => ticket() });
    await world.clock.advance(2_000);
    expect(subscription.state.kind).toBe("live");
  });

  test("a renewal that fails is tried again before the end", async () => {
    let asked = 0;
    const renewTicket = async () => {
      asked += 1;
      if (asked < 3) throw new Error("the site is away");
      return ticket();
    };
    await follow({ ...withTicket(ticket()), renewTicket });
    await world.clock.advance(500_000);
    expect([asked, world.xmpp.fresh.length]).toEqual([3, 1]);
  });
});

test("a site that says when to ask again for a ticket is asked then", async () => {
  const asked: number[] = [];
  const renewTicket = async () => {
    asked.push(world.clock.now);
    if (asked.length === 1) throw new ApiError(429, "", null, 200_000);
    return ticket();
  };
  const { subscription } = await follow({ ...withTicket(""), renewTicket });
  await world.clock.advance(190_000);
  expect(asked.length).toBe(1);

  await world.clock.advance(15_000);

  expect((asked[1] ?? 0) - (asked[0] ?? 0)).toBeGreaterThanOrEqual(200_000);
  expect(subscription.state.kind).toBe("live");
});

describe("an account's token", () => {
  test("is what REST is shown, and is renewed before it ends", async () => {
    const first = accountToken(world, "t1");
    world.xmpp.token = () => first;
    const { connection } = await follow({ credentials: ACCOUNT });
    expect(await connection.bearer()).toBe(first);
    expect(world.rest.bearers.at(-1)).toBe(first);

    world.xmpp.token = () => accountToken(world, "t2");
    await world.clock.advance(450_000);
    expect(await connection.bearer()).toBe(accountToken(world, "t2"));
  });

  test("comes to a connection that hints can reach", async () => {
    await follow({ credentials: ACCOUNT });
    expect(world.xmpp.link.sent).toContain('<presence xmlns="jabber:client"/>');
  });

  test("is forgotten with the connection", async () => {
    world.xmpp.token = () => accountToken(world, "t1");
    const { connection } = await follow({ credentials: ACCOUNT });
    connection.close();
    expect(await connection.bearer()).toBeUndefined();
  });

  test("that a server does not give is asked for again, and reading goes on", async () => {
    const { subscription, connection } = await follow({ credentials: ACCOUNT });
    expect([subscription.state.kind, await connection.bearer()]).toEqual(["live", undefined]);
    const token = accountToken(world, "t1");
    world.xmpp.token = () => token;
    await world.clock.advance(60_000);
    expect(await connection.bearer()).toBe(token);
  });
});

describe("a room that says that it is not there", () => {
  test("is refused where REST does not know the feed either", async () => {
    world.rest.feeds.clear();
    world.xmpp.refusals.set(ROOM, "item-not-found");
    const { subscription } = await follow({});
    expect(subscription.state).toEqual({
      kind: "refused",
      code: "not-open",
      reason: "There is no such feed, or it is not open to you.",
    });
    const joins = world.xmpp.link.sent.length;
    await world.clock.advance(120_000);
    expect(world.xmpp.link.sent.filter((each) => each.includes("<history")).length).toBe(1);
    expect(joins).toBeGreaterThan(0);
  });

  test("is tried again where REST knows the feed", async () => {
    world.xmpp.refusals.set(ROOM, "item-not-found");
    const { subscription } = await follow({});
    expect(subscription.state).toMatchObject({ kind: "offline", retryAt: expect.any(Date) });
    world.xmpp.refusals.clear();
    await world.clock.advance(5_000);
    expect(subscription.state.kind).toBe("live");
  });

  test.each(["301", "321", "322"])(
    "and puts us out (%s) of a feed that is closed to us: no longer open",
    async (status) => {
      const { subscription } = await follow({});
      world.rest.feeds.clear();
      world.xmpp.putOut(ROOM, [status]);
      await world.clock.advance(0);
      expect(subscription.state).toMatchObject({ kind: "refused", code: "no-longer-open" });
      expect(subscription.position).toBeNull();
    },
  );

  test("is entered after a grant, from the history on", async () => {
    world.xmpp.refusals.set(ROOM, "item-not-found");
    world.rest.feeds.clear();
    world.xmpp.token = () => accountToken(world, "t1");
    const { subscription, sequences } = await follow({ credentials: ACCOUNT });
    expect(subscription.state.kind).toBe("refused");
    world.xmpp.refusals.clear();
    world.rest.feeds.set("orders", { epoch: "aaaa", head: 3 });

    world.xmpp.link.deliver(
      `<message xmlns="jabber:client" type="headline" from="pusher@localhost/x">` +
        `<reader xmlns="urn:aviso:feed:2" feed="orders" change="granted"/></message>`,
    );
    await world.clock.advance(0);

    expect(subscription.state.kind).toBe("live");
    expect(sequences).toEqual([1, 2, 3]);
  });
});

test("a server with too many requests is believed when to come again", async () => {
  world.rest.failure = { status: 429, headers: { "Retry-After": "40" } };
  const { subscription } = await follow({});
  expect(subscription.state).toMatchObject({
    kind: "offline",
    code: "too-many-requests",
    reason: "Too many requests.",
    retryAt: new Date(world.clock.now + 40_000),
  });
  world.rest.failure = null;
  await world.clock.advance(41_000);
  expect(subscription.state.kind).toBe("live");
});

describe("nothing is shown of what came", () => {
  const inner = (from: string, attributes = 'type="groupchat"', more = ""): string =>
    `<message xmlns="jabber:client" ${attributes} from="${from}" id="orders:aaaa:4-4">` +
    `<events xmlns="urn:aviso:feed:2" feed="orders" epoch="aaaa" first="4" last="4"/>` +
    `<json xmlns="urn:xmpp:json:0">[]</json>${more}</message>`;
  const owner = `${ROOM}/aviso-1f`;
  const wrapped = (from: string, name: string, namespace: string): string =>
    `<message xmlns="jabber:client" from="${from}" type="groupchat"><${name} xmlns="${namespace}">` +
    `<forwarded xmlns="urn:xmpp:forward:0">${inner(owner)}</forwarded></${name}></message>`;

  test.each<[string, string]>([
    ["with a delay stamp", inner(owner, 'type="groupchat"', '<delay xmlns="urn:xmpp:delay"/>')],
    ["from another nick", inner(`${ROOM}/mallory`)],
    ["from a nick that looks like the owner's", inner(`${ROOM}/Aviso-1f`)],
    ["from the room itself", inner(ROOM)],
    ["as a headline", inner(owner, 'type="headline"')],
    ["as a private message", inner(owner, 'type="chat"')],
    ["as a normal message", inner(owner, "")],
    ["as a direct message", inner("mallory@localhost/x", 'type="chat"')],
    ["from a room of the same name elsewhere", inner("orders@feeds.evil.example/aviso-1f")],
    ["as a carbon copy", wrapped("ada@localhost", "received", "urn:xmpp:carbons:2")],
    ["as a carbon copy through the room", wrapped(owner, "sent", "urn:xmpp:carbons:2")],
    ["forwarded by somebody in the room", wrapped(`${ROOM}/mallory`, "x", "urn:example")],
    [
      "as an archive result nobody asked for",
      `<message xmlns="jabber:client" from="${ROOM}"><result xmlns="urn:xmpp:mam:2" id="9" queryid="q1">` +
        `<forwarded xmlns="urn:xmpp:forward:0">${inner(owner)}</forwarded></result></message>`,
    ],
  ])("%s", async (_what, stanza) => {
    const { subscription, sequences } = await follow({});
    const events = textOf([eventJson("orders", "aaaa", 4)]);

    world.xmpp.link.deliver(stanza.replace("[]", escapeXml(events)));
    await world.clock.advance(0);

    expect([sequences, subscription.position?.sequence]).toEqual([[1, 2, 3], 3]);
  });

  test("while the very same, from the room's owner, is shown", async () => {
    const { sequences } = await follow({});
    world.rest.feeds.set("orders", { epoch: "aaaa", head: 4 });
    world.xmpp.publish("orders", "aaaa", 4, 1);
    await world.clock.advance(0);
    expect(sequences).toEqual([1, 2, 3, 4]);
  });
});
