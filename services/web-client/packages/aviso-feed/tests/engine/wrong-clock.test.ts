// @vitest-environment jsdom
/** A browser's clock that is an hour wrong, or is set while somebody reads, costs nothing. */

import { beforeEach, describe, expect, test } from "vitest";
import { Connection } from "../../src/engine/connection";
import type { ConnectionOptions } from "../../src/engine/options";
import { Subscription } from "../../src/engine/subscription";
import { accountToken, makeTicket, makeWorld, type World } from "../fakes";

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const ACCOUNT = { kind: "account", username: "ada", password: "secret" } as const;

let world: World;

beforeEach(() => {
  world = makeWorld();
  world.rest.feeds.set("orders", { epoch: "aaaa", head: 3 });
  world.xmpp.publish("orders", "aaaa", 1, 3);
});

/** `ageS`: so long ago the server made it. */
function ticket({ ageS = 0, hasBegin = true } = {}): string {
  const begin = world.clock.now / 1000 - ageS;
  const claims = { sub: "u-17@ticket.localhost", feeds: ["orders"], exp: begin + 600 };
  return makeTicket(hasBegin ? { ...claims, iat: begin } : claims);
}

async function connect(options: ConnectionOptions) {
  const connection = new Connection("", options, world.host);
  const begin = world.clock.now;
  const expiring: number[] = [];
  connection.on("ticket-expiring", () => expiring.push((world.clock.now - begin) / MINUTE));
  connection.connect();
  await world.clock.advance(0);
  return { connection, expiring };
}

async function follow() {
  const subscription = new Subscription("orders", new Connection("", {}, world.host));
  subscription.start();
  await world.clock.advance(0);
  return subscription;
}

const withTicket = (text: string): ConnectionOptions => ({
  credentials: { kind: "ticket", ticket: text },
});

const CLOCKS = [
  ["right", 0],
  ["an hour ahead", HOUR],
  ["an hour behind", -HOUR],
] as const;

describe.each(CLOCKS)("a clock that is %s", (_word, ahead) => {
  beforeEach(() => {
    world.clock.ahead = ahead;
  });

  test("leaves a guest live, and counts little of the archive", async () => {
    const subscription = await follow();
    world.xmpp.link.die();
    world.rest.feeds.set("orders", { epoch: "aaaa", head: 5 });
    world.xmpp.publish("orders", "aaaa", 4, 2, { isLost: true });
    await world.clock.advance(10_000);
    expect([subscription.state.kind, subscription.position?.sequence]).toEqual(["live", 5]);
    expect(world.xmpp.queries.length).toBeLessThan(6);
  });

  test("leaves an account its token, which is renewed when it has lived three quarters", async () => {
    const made: number[] = [];
    world.xmpp.token = () => {
      made.push(world.clock.now);
      return accountToken(world, `t${made.length}`);
    };
    const { connection } = await connect({ credentials: ACCOUNT });
    for (let minute = 0; minute < 20; minute += 2) {
      expect(await connection.bearer()).toBe(accountToken(world, `t${made.length}`, made.at(-1)));
      await world.clock.advance(2 * MINUTE);
    }
    expect(made.map((at) => (at - (made[0] ?? 0)) / MINUTE)).toEqual([0, 7.5, 15]);
  });

  test("leaves a ticket good after a cut, and tells in time that it ends", async () => {
    const { connection, expiring } = await connect(withTicket(ticket()));
    await world.clock.advance(MINUTE);
    world.xmpp.link.die();
    await world.clock.advance(MINUTE);
    expect([connection.state.kind, world.xmpp.links.length]).toEqual(["online", 2]);
    await world.clock.advance(6 * MINUTE);
    expect(expiring).toEqual([7.5]);
  });

  test("has each ticket that is asked for renewed when it has lived three quarters", async () => {
    const asked: number[] = [];
    const renewTicket = async () => {
      asked.push(world.clock.now);
      return ticket();
    };
    const { connection } = await connect({ ...withTicket(""), renewTicket });
    await world.clock.advance(20 * MINUTE);
    expect([connection.state.kind, world.xmpp.links.length]).toEqual(["online", 1]);
    const gaps = asked.slice(1).map((at, index) => (at - (asked[index] ?? 0)) / MINUTE);
    expect(gaps.length).toBe(2);
    for (const gap of gaps) expect(gap).toBeCloseTo(7.5, 1);
  });

  test("lets the server say that a ticket has ended which was old when it came", async () => {
    let renewed = 0;
    const renewTicket = async () => {
      renewed += 1;
      return ticket();
    };
    const { connection } = await connect({ ...withTicket(ticket({ ageS: 590 })), renewTicket });
    await world.clock.advance(10_000);
    // At the end of its ticket the server ends the session, and takes the ticket no more.
    if (renewed === 0) world.xmpp.link.die();
    await world.clock.advance(10_000);
    expect([connection.state.kind, renewed]).toEqual(["online", 1]);
  });

  test("says of a ticket that the server took and takes no more that it has ended", async () => {
    const { connection } = await connect(withTicket(ticket({ ageS: 590 })));
    await world.clock.advance(10_000);
    world.xmpp.link.die();
    await world.clock.advance(2_000);
    expect(connection.state).toMatchObject({ kind: "refused", code: "ticket-ended" });
  });

  test("leaves a ticket good that does not say when it was made", async () => {
    const { connection } = await connect(withTicket(ticket({ hasBegin: false })));
    await world.clock.advance(MINUTE);
    world.xmpp.link.die();
    await world.clock.advance(MINUTE);
    expect(connection.state.kind).toBe("online");
  });
});

test("with a right clock a ticket that was old when it came is renewed in time", async () => {
  const { expiring } = await connect(withTicket(ticket({ ageS: 300 })));
  await world.clock.advance(9 * MINUTE);
  expect(expiring).toEqual([2.5]);
});

describe.each([
  ["ahead", HOUR],
  ["back", -HOUR],
] as const)("a clock that is set an hour %s", (_word, step) => {
  test("leaves the connection as it is, and a dead one is noticed as ever", async () => {
    const { connection } = await connect({});
    world.clock.ahead = step;
    await world.clock.advance(MINUTE);
    expect([connection.state.kind, world.xmpp.links.length]).toEqual(["online", 1]);

    world.xmpp.isDeaf = true;
    world.browser.wake();
    await world.clock.advance(3_500);

    expect([connection.state.kind, world.xmpp.links.length]).toEqual(["online", 2]);
  });

  test("leaves what a server said of when to come again as long as it is", async () => {
    world.rest.failure = { status: 429, headers: { "Retry-After": "40" } };
    const { connection } = await connect({});
    world.rest.failure = null;
    world.clock.ahead = step;
    await world.clock.advance(30_000);
    world.browser.online();
    await world.clock.advance(2_000);
    expect(connection.state.kind).toBe("offline");
    await world.clock.advance(15_000);
    expect(connection.state.kind).toBe("online");
  });

  test("leaves an account a token that is good", async () => {
    let made = 0;
    world.xmpp.token = () => {
      made += 1;
      return accountToken(world, `t${made}`);
    };
    const { connection } = await connect({ credentials: ACCOUNT });
    world.clock.ahead = step;
    for (let minute = 0; minute < 20; minute += 2) {
      await world.clock.advance(2 * MINUTE);
      expect(await connection.bearer()).toBeDefined();
    }
    expect(made).toBeLessThan(5);
  });
});

test("an account that slept over its token has a fresh one before REST is asked", async () => {
  let made = 0;
  world.xmpp.token = () => {
    made += 1;
    return accountToken(world, `t${made}`);
  };
  const { connection } = await connect({ credentials: ACCOUNT });
  const begin = world.clock.now;
  // While a computer sleeps, the one clock goes on and the other does not.
  world.clock.ahead += HOUR;
  expect(await connection.bearer()).toBe(accountToken(world, "t2", begin));
});

test("a ticket's client that was closed and is opened again is told when its ticket ends", async () => {
  const { connection, expiring } = await connect(withTicket(ticket()));
  await world.clock.advance(MINUTE);
  connection.close();
  await world.clock.advance(MINUTE);
  connection.connect();
  await world.clock.advance(6 * MINUTE);
  expect(expiring).toEqual([7.5]);
});
