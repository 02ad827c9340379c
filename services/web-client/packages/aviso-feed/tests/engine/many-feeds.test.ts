// @vitest-environment jsdom
import { beforeEach, expect, test } from "vitest";
import { Connection } from "../../src/engine/connection";
import { Subscription } from "../../src/engine/subscription";
import { makeWorld, type World } from "../fakes";

const FEEDS = ["orders", "prices", "weather"];
const EACH = 4;

let world: World;

beforeEach(() => {
  world = makeWorld();
  for (const feed of FEEDS) {
    world.rest.feeds.set(feed, { epoch: "aaaa", head: 3 });
    world.xmpp.publish(feed, "aaaa", 1, 3);
  }
});

async function followAll(): Promise<{ connection: Connection; subscriptions: Subscription[] }> {
  const connection = new Connection("", {}, world.host);
  const subscriptions = FEEDS.flatMap((feed) =>
    Array.from({ length: EACH }, () => new Subscription(feed, connection)),
  );
  for (const subscription of subscriptions) subscription.start();
  await world.clock.advance(0);
  return { connection, subscriptions };
}

const states = (subscriptions: readonly Subscription[]): Set<string> =>
  new Set(subscriptions.map(({ state }) => state.kind));

test("many feeds of one connection ask no more of the archives at once than the server answers", async () => {
  const { subscriptions } = await followAll();

  expect(states(subscriptions)).toEqual(new Set(["live"]));
  expect(world.xmpp.refused).toBe(0);
});

test("what waits for its turn is not waited for when the stream dies", async () => {
  world.xmpp.eatsQueries = true;
  const { subscriptions } = await followAll();
  expect(states(subscriptions)).toEqual(new Set(["catching-up"]));

  world.xmpp.eatsQueries = false;
  world.xmpp.link.die();
  await world.clock.advance(1_000);

  expect(states(subscriptions)).toEqual(new Set(["live"]));
  expect(world.xmpp.refused).toBe(0);
});

test("an answer that does not come keeps the next question waiting no longer than itself", async () => {
  world.xmpp.eatsQueries = true;
  const { subscriptions } = await followAll();

  world.xmpp.eatsQueries = false;
  await world.clock.advance(60_000);

  expect(states(subscriptions)).toEqual(new Set(["live"]));
});
