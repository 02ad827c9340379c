// @vitest-environment jsdom
import { beforeEach, describe, expect, test, vi } from "vitest";
import { Connection } from "../../src/engine/connection";
import type { ConnectionOptions } from "../../src/engine/options";
import { Subscription } from "../../src/engine/subscription";
import { makeTicket, makeWorld, settle, type World } from "../fakes";

let world: World;

beforeEach(() => {
  world = makeWorld();
});

const ACCOUNT = { kind: "account", username: "ada", password: "secret" } as const;

async function connect(options: ConnectionOptions = {}, origin = ""): Promise<Connection> {
  const connection = new Connection(origin, options, world.host);
  connection.connect();
  await world.clock.advance(0);
  return connection;
}

const transports = (): string[] => world.xmpp.links.map(({ request }) => request.transport);

describe("a connection", () => {
  test("begins unconnected", () => {
    const connection = new Connection("", {}, world.host);
    expect(connection.state).toEqual({ kind: "offline", reason: "Not connected.", retryAt: null });
    expect(connection.transport).toBeNull();
  });

  test("logs guests in at the guests' domain and accounts at the accounts'", async () => {
    await connect();
    await connect({ credentials: ACCOUNT });

    expect(world.xmpp.links.map(({ request }) => [request.domain, request.credentials])).toEqual([
      ["guest.localhost", { kind: "guest" }],
      ["localhost", ACCOUNT],
    ]);
  });

  test("uses a WebSocket where it can be had", async () => {
    const connection = await connect();

    expect(connection.state).toMatchObject({ kind: "online" });
    expect(connection.transport).toBe("websocket");
    expect(world.xmpp.link.request.url).toBe("ws://localhost:3000/xmpp-websocket");
  });

  test("falls back to BOSH at once where a WebSocket cannot be opened", async () => {
    world.xmpp.opening.websocket = "lost";

    const connection = await connect();

    expect(connection.transport).toBe("bosh");
    expect(world.xmpp.link.request.url).toBe("http://localhost:3000/http-bind");
  });

  test("falls back to BOSH where a WebSocket hangs", async () => {
    world.xmpp.opening.websocket = "hangs";

    const connection = await connect();
    expect(connection.state.kind).toBe("connecting");
    await world.clock.advance(8_000);

    expect(connection.transport).toBe("bosh");
    expect(world.xmpp.dropped).toBe(1);
  });

  test("tries a WebSocket again at the next connection", async () => {
    world.xmpp.opening.websocket = "lost";
    const connection = await connect();
    world.xmpp.opening.websocket = "up";

    world.xmpp.link.die();
    await world.clock.advance(1_000);

    expect(transports()).toEqual(["websocket", "bosh", "websocket"]);
    expect(connection.transport).toBe("websocket");
  });

  test.each(["websocket", "bosh"] as const)(
    "keeps to %s where it is told to",
    async (transport) => {
      world.xmpp.opening[transport] = "lost";

      const connection = await connect({ transport });

      expect(connection.state.kind).toBe("offline");
      expect(new Set(transports())).toEqual(new Set([transport]));
    },
  );

  test("does not resume over a WebSocket what was another connection over BOSH", async () => {
    await connect({ credentials: ACCOUNT });
    world.xmpp.link.request.memory.set("strophe-sm:ada@localhost", { id: "1" });
    world.xmpp.opening.websocket = "lost";

    world.xmpp.link.die();
    await world.clock.advance(1_000);

    expect(world.xmpp.link.request.transport).toBe("bosh");
    expect(world.xmpp.link.request.memory.size).toBe(0);
  });

  test("keeps the memory of a connection for the WebSocket that follows", async () => {
    await connect({ credentials: ACCOUNT });
    world.xmpp.link.request.memory.set("strophe-sm:ada@localhost", { id: "1" });

    world.xmpp.link.die();
    await world.clock.advance(1_000);

    expect(world.xmpp.link.request.memory.size).toBe(1);
  });
});

describe("after it was lost", () => {
  test("the next try is announced, and waits longer each time, 30 s at most", async () => {
    world.xmpp.opening.websocket = "lost";
    world.xmpp.opening.bosh = "lost";
    const connection = new Connection("", {}, world.host);
    const waits: number[] = [];
    connection.on("state", (detail) => {
      if (detail.kind === "offline" && detail.retryAt !== null) {
        waits.push(detail.retryAt.getTime() - world.clock.now);
      }
    });

    connection.connect();
    await world.clock.advance(300_000);

    waits.forEach((wait, tries) => {
      expect(wait).toBeLessThanOrEqual(Math.min(30_000, 1_000 * 2 ** tries));
    });
    expect(Math.max(...waits)).toBeGreaterThan(15_000);
    expect(waits.length).toBeGreaterThan(10);
    expect(new Set(waits).size).toBeGreaterThan(10);
  });

  test("the waiting begins anew only after a connection that lasted", async () => {
    const random = vi.spyOn(world.host, "random").mockReturnValue(1);
    const connection = await connect();
    const nextWait = (): number => {
      world.xmpp.link.die();
      const { state } = connection;
      return state.kind === "offline" ? (state.retryAt?.getTime() ?? 0) - world.clock.now : -1;
    };
    const first = nextWait();
    await world.clock.advance(first);
    const second = nextWait();
    await world.clock.advance(second + 10_000);
    const third = nextWait();
    random.mockRestore();

    expect([first, second, third]).toEqual([1_000, 2_000, 1_000]);
  });

  test.each([
    [
      "ends it in its fifth second, once it gave something, costs no more each time",
      true,
      5_000,
      1,
    ],
    ["ends it at once, though it gave something, is left alone for longer", true, 500, 32],
    ["ends it in its fifth second, and gave nothing, is left alone for longer", false, 5_000, 32],
  ])("a proxy or a server that %s", async (_what, gives, lastsMs, times) => {
    const random = vi.spyOn(world.host, "random").mockReturnValue(1);
    world.xmpp.isDeaf = !gives;
    const connection = await connect();
    const room = connection.room("orders@feeds.localhost");
    room.attach({ state: () => {}, message: () => {}, untrusted: () => {} });
    let waitMs = 0;
    for (let n = 0; n < 6; n += 1) {
      await world.clock.advance(waitMs);
      await settle();
      expect(connection.state.kind).toBe("online");
      void room.page({ start: 0n }, 1, () => {}).catch(() => {});
      await world.clock.advance(lastsMs);
      world.xmpp.link.die();
      const { state } = connection;
      waitMs = state.kind === "offline" ? (state.retryAt?.getTime() ?? 0) - world.clock.now : -1;
    }
    random.mockRestore();
    expect(waitMs).toBe(Math.min(30, times) * 1_000);
  });

  test("an unreachable server is an honest state", async () => {
    world.rest.failure = "unreachable";

    const connection = await connect();

    expect(connection.state).toMatchObject({
      kind: "offline",
      reason: "The server cannot be reached.",
      retryAt: expect.any(Date),
    });
    world.rest.failure = null;
    await world.clock.advance(1_000);
    expect(connection.state.kind).toBe("online");
  });

  test("a browser that is online again is enough", async () => {
    world.xmpp.opening.websocket = "lost";
    world.xmpp.opening.bosh = "lost";
    const connection = await connect();
    await world.clock.advance(60_000);
    world.xmpp.opening.websocket = "up";

    world.browser.online();
    await world.clock.advance(0);

    expect(connection.state.kind).toBe("online");
  });

  test("somebody who looks at the page need not wait", async () => {
    world.xmpp.opening.websocket = "lost";
    world.xmpp.opening.bosh = "lost";
    const connection = await connect();
    await world.clock.advance(60_000);
    world.xmpp.opening.websocket = "up";

    world.browser.wake();
    await world.clock.advance(0);

    expect(connection.state.kind).toBe("online");
  });
});

describe("a browser that says it is offline", () => {
  test("is believed at once, and tried against now and then", async () => {
    const connection = await connect();

    world.browser.offline();
    expect(connection.state).toMatchObject({ kind: "offline", reason: "This device is offline." });
    expect(connection.transport).toBeNull();
    await world.clock.advance(30_000);

    expect(connection.state.kind).toBe("online");
  });
});

describe("a stream that may be dead", () => {
  test("is asked when somebody comes back, and left where it does not answer", async () => {
    const connection = await connect();
    world.xmpp.isDeaf = true;

    world.browser.wake();
    await world.clock.advance(2_900);
    expect(connection.state.kind).toBe("online");
    world.xmpp.isDeaf = false;
    await world.clock.advance(200);

    expect(world.xmpp.dropped).toBe(1);
    expect(world.xmpp.links.length).toBe(2);
    expect(connection.state.kind).toBe("online");
  });

  test("is kept where it answers", async () => {
    await connect();

    world.browser.wake();
    await world.clock.advance(10_000);

    expect(world.xmpp.links.length).toBe(1);
  });
});

describe("a stream that carries much", () => {
  const chatter = `<message xmlns="jabber:client" from="feeds.localhost"><x xmlns="${"x".repeat(900)}"/></message>`;

  test("is kept though an answer stands behind it for long", async () => {
    const connection = await connect();
    world.line.bytesPerSecond = 1_000;
    for (let n = 0; n < 20; n += 1) world.xmpp.link.deliver(chatter);

    world.browser.wake();
    await world.clock.advance(40_000);

    expect([world.xmpp.links.length, connection.state.kind]).toEqual([1, "online"]);
  });

  test("is not taken for dead by a page that stood still and has not looked yet", async () => {
    const connection = await connect();
    world.xmpp.isDeaf = true;

    world.browser.wake();
    world.clock.setTimer(() => world.xmpp.link.deliver(chatter), 3_001);
    await world.clock.advance(5_000);

    expect([world.xmpp.links.length, connection.state.kind]).toEqual([1, "online"]);
  });

  test("is kept though an answer was lost", async () => {
    const connection = await connect();
    world.xmpp.isDeaf = true;

    world.browser.wake();
    for (let second = 0; second < 120; second += 1) {
      world.xmpp.link.deliver(chatter);
      await world.clock.advance(1_000);
    }

    expect([world.xmpp.links.length, connection.state.kind]).toEqual([1, "online"]);
  });
});

describe("a server that says when to come again", () => {
  const refuse = { status: 429, headers: { "Retry-After": "60" } };

  test("is not asked before, whatever the browser says meanwhile", async () => {
    world.rest.failure = refuse;
    const connection = await connect();
    for (let n = 0; n < 10; n += 1) {
      world.browser.online();
      world.browser.wake();
      world.browser.offline();
      await world.clock.advance(5_000);
    }
    expect(world.rest.requests).toEqual(["connection/"]);
    world.browser.online();
    expect(connection.state).toMatchObject({ kind: "connecting" });
    await world.clock.advance(0);
    expect(connection.state).toMatchObject({ kind: "offline", code: "too-many-requests" });

    world.rest.failure = null;
    await world.clock.advance(15_000);

    expect(world.rest.requests).toEqual(["connection/", "connection/"]);
    expect(connection.state.kind).toBe("online");
  });
});

describe("credentials that are refused", () => {
  test("are not tried again by themselves", async () => {
    world.xmpp.opening.websocket = "refused";
    const connection = await connect({ credentials: ACCOUNT });
    expect(connection.state).toEqual({
      kind: "refused",
      code: "credentials",
      reason: "Wrong password.",
    });

    world.browser.online();
    world.browser.wake();
    world.browser.offline();
    await world.clock.advance(600_000);

    expect(world.xmpp.links.length).toBe(1);
    expect(connection.state.kind).toBe("refused");
  });

  test("may be tried again by whoever asks for it", async () => {
    world.xmpp.opening.websocket = "refused";
    const connection = await connect({ credentials: ACCOUNT });
    world.xmpp.opening.websocket = "up";

    connection.close();
    connection.connect();
    await world.clock.advance(0);

    expect(connection.state.kind).toBe("online");
  });

  test("do not end a guest, who has none", async () => {
    world.xmpp.opening.websocket = "refused";
    const connection = await connect();
    expect(connection.state).toMatchObject({ kind: "offline", retryAt: expect.any(Date) });
    world.xmpp.opening.websocket = "up";

    await world.clock.advance(1_000);

    expect(connection.state.kind).toBe("online");
  });
});

describe("closing", () => {
  test("says goodbye, and nothing is tried again", async () => {
    const connection = await connect();

    connection.close();
    world.browser.online();
    await world.clock.advance(60_000);

    expect(world.xmpp.closed).toBe(1);
    expect(world.xmpp.links.length).toBe(1);
    expect(connection.state).toMatchObject({ kind: "offline", retryAt: null });
  });

  test("ends a connection that is on its way", async () => {
    const connection = new Connection("", {}, world.host);
    connection.connect();

    connection.close();
    await world.clock.advance(60_000);

    expect(world.xmpp.links.length).toBe(0);
    expect(connection.state.kind).toBe("offline");
  });

  test("of the page says goodbye", async () => {
    await connect();

    world.browser.leave();

    expect(world.xmpp.closed).toBe(1);
  });
});

describe("what the server asks", () => {
  const ask = async (payload: string, attributes = 'type="get"'): Promise<string> => {
    await connect();
    world.xmpp.link.deliver(
      `<iq xmlns="jabber:client" from="localhost" id="s&quot;1" ${attributes}>${payload}</iq>`,
    );
    await settle();
    return world.xmpp.link.sent.at(-1) ?? "";
  };

  test("a ping, is answered", async () => {
    expect(await ask('<ping xmlns="urn:xmpp:ping"/>')).toBe(
      '<iq xmlns="jabber:client" id="s&quot;1" to="localhost" type="result"/>',
    );
  });

  test("anything else, is refused politely", async () => {
    const answer = await ask('<query xmlns="jabber:iq:version"/>');
    expect(answer).toContain('type="error"');
    expect(answer).toContain("<service-unavailable ");
  });

  test("an answer that nobody waits for, is not answered", async () => {
    expect(await ask("", 'type="result"')).toBe("");
  });
});

test("an answer counts only from whom it was asked", async () => {
  const connection = await connect();
  world.xmpp.isDeaf = true;
  const answer = connection.stream.request("get", "localhost", '<ping xmlns="urn:xmpp:ping"/>', {
    timeoutMs: 5_000,
  });
  const id = /id="([^"]+)"/.exec(world.xmpp.link.sent.at(-1) ?? "")?.[1];

  world.xmpp.link.deliver(
    `<iq xmlns="jabber:client" from="mallory@guest.localhost/x" id="${id}" type="result"/>`,
  );
  const outcome = answer.then(
    () => "answered",
    (error) => error.condition,
  );
  await world.clock.advance(6_000);

  expect(await outcome).toBe("timeout");
});

test("a password is in no message of an error or a state", async () => {
  world.xmpp.opening.websocket = "refused";
  const connection = await connect({ credentials: ACCOUNT });
  expect(JSON.stringify(connection) + JSON.stringify(connection.state)).not.toContain("secret");
});

describe("a connection that had to give way to a newer one", () => {
  const REFUSED = { kind: "refused", code: "too-many-sessions" };

  test("says so and stays quiet, whatever happens", async () => {
    const connection = await connect({ credentials: ACCOUNT });

    world.xmpp.link.replace();
    expect(connection.state).toMatchObject(REFUSED);
    world.browser.wake();
    world.browser.online();
    await world.clock.advance(3_600_000);

    expect(world.xmpp.links.length).toBe(1);
    expect(connection.state).toMatchObject(REFUSED);
  });

  test("comes again where somebody asks for it", async () => {
    const connection = await connect({ credentials: ACCOUNT });
    world.xmpp.link.replace();

    connection.close();
    connection.connect();
    await world.clock.advance(0);

    expect(connection.state).toMatchObject({ kind: "online" });
  });

  test("does not come with a ticket that renews itself", async () => {
    const claims = { sub: "u-17@ticket.localhost", feeds: ["a"] };
    const now = Math.floor(world.clock.now / 1000);
    const ticket = (exp: number): string => makeTicket({ ...claims, iat: now, exp });
    const renewTicket = vi.fn(async () => ticket(now + 7200));
    const connection = await connect({
      credentials: { kind: "ticket", ticket: ticket(now + 600) },
      renewTicket,
    });

    world.xmpp.link.replace();
    await world.clock.advance(3_600_000);

    expect(connection.state).toMatchObject(REFUSED);
    expect(world.xmpp.links.length).toBe(1);
    connection.setTicket(ticket(now + 7200));
    await world.clock.advance(0);
    expect(connection.state).toMatchObject({ kind: "online" });
  });

  test("is tried again where it is a guest's: a guest has one at a time", async () => {
    const connection = await connect();

    world.xmpp.link.replace();
    expect(connection.state).toMatchObject({ kind: "offline" });
    await world.clock.advance(30_000);

    expect(connection.state).toMatchObject({ kind: "online" });
  });
});

test("an event's name that there is not does not compile", () => {
  const connection = new Connection("", {}, world.host);
  // @ts-expect-error: "states" is no event of a connection.
  connection.on("states", () => {});
  // @ts-expect-error: "event" is no event of a subscription.
  new Subscription("orders", connection).on("event", () => {});
  expect(connection.state.kind).toBe("offline");
});

test("a connection's origin and transport are read as options are", async () => {
  vi.spyOn(console, "warn").mockImplementation(() => {});
  const connection = await connect({ transport: "tcp" as "bosh" }, "http://aviso.test/");
  expect(connection.origin).toBe("http://aviso.test");
  expect(transports()).toEqual(["websocket"]);
});

test.each([
  [
    "https://aviso.example",
    "wss://aviso.example/xmpp-websocket",
    "https://aviso.example/http-bind",
  ],
  [
    "http://127.0.0.1:8090",
    "ws://127.0.0.1:8090/xmpp-websocket",
    "http://127.0.0.1:8090/http-bind",
  ],
])("a server is spoken to at the address that it was reached at: %s", async (origin, ...urls) => {
  world.xmpp.opening.websocket = "lost";
  await connect({}, origin);
  expect(world.xmpp.links.map(({ request }) => request.url)).toEqual(urls);
});

test.each([
  [429, "too-many-requests"],
  [503, "server-error"],
  [421, "other-address"],
  [404, undefined],
])("where connection/ answers %i the state says why: %s", async (status, code) => {
  world.rest.failure = { status, path: /connection/ };
  const connection = await connect();
  expect(connection.state).toMatchObject({ kind: "offline", ...(code && { code }) });
  expect("code" in connection.state).toBe(code !== undefined);

  world.rest.failure = null;
  await world.clock.advance(60_000);

  expect(connection.state.kind).toBe("online");
});
