// @vitest-environment jsdom
import { beforeEach, describe, expect, test } from "vitest";
import type { AvisoClient, ClientOptions } from "../../../src/api/client";
import { memoryLog } from "../../../src/model/memory-log";
import { makeTicket } from "../../fakes";
import { FakeBrowser, type FakeTab } from "./fake-browser";

let browser: FakeBrowser;

beforeEach(() => {
  browser = new FakeBrowser();
  browser.world.rest.feeds.set("orders", { epoch: "k3f9", head: 0 });
});

const advance = (ms: number): Promise<void> => browser.advance(ms);

async function openTabs(count: number, options: ClientOptions = {}): Promise<FakeTab[]> {
  const tabs: FakeTab[] = [];
  for (let n = 0; n < count; n += 1) {
    const tab = browser.open(options);
    tab.follow();
    tabs.push(tab);
    await advance(50);
  }
  return tabs;
}

const upTo = (last: number): number[] => Array.from({ length: last }, (_, index) => index + 1);

const ticket = (feeds: string[], jti = "1", life = 3600): string => {
  const iat = browser.world.clock.now / 1000;
  return makeTicket({ sub: "u-17@ticket.localhost", feeds, jti, iat, exp: iat + life });
};

function expectComplete(tabs: readonly FakeTab[], head: number): void {
  for (const tab of tabs) {
    expect(tab.sequences).toEqual(upTo(head));
    expect(tab.states.at(-1)).toBe("live");
  }
}

describe("tabs of one reader", () => {
  test("share one connection, and each is complete", async () => {
    browser.publish(3);
    const tabs = await openTabs(3);
    browser.publish(2);
    await advance(100);

    expect(browser.openLinks).toBe(1);
    expect(browser.world.xmpp.links).toHaveLength(1);
    expectComplete(tabs, 5);
    expect(tabs[1]?.client.state).toEqual(tabs[0]?.client.state);
    expect(tabs[1]?.client.transport).toBe("websocket");
  });

  test("go on without a tab that is closed", async () => {
    const [leader, ...others] = await openTabs(3);
    leader?.client.close();
    browser.publish(2);
    await advance(500);

    expect(browser.openLinks).toBe(1);
    expectComplete(others, 2);
  });

  test("go on without one that crashes, and miss nothing of the time between", async () => {
    const [leader, ...others] = await openTabs(3);
    browser.publish(1);
    await advance(10);
    leader?.crash();
    browser.publish(5);
    await advance(500);

    expectComplete(others, 6);
    expect(browser.leaders).toHaveLength(1);
  });

  test("take over from one that stands still within two seconds", async () => {
    const [leader, ...others] = await openTabs(3);
    await advance(5_000);
    leader?.standStill();
    browser.publish(5);
    await advance(2_000);

    expectComplete(others, 5);
    expect(browser.leaders).not.toContain(leader);
    expect(browser.leaders).toHaveLength(1);
  });

  test("listen no more to one that was robbed, and it follows when it wakes up", async () => {
    const [leader, ...others] = await openTabs(3);
    await advance(5_000);
    leader?.standStill();
    browser.publish(2);
    await advance(3_000);
    leader?.goOn();
    browser.publish(2);
    await advance(1_000);

    expect(browser.openLinks).toBe(1);
    expect(browser.leaders).not.toContain(leader);
    expectComplete([leader as FakeTab, ...others], 4);
  });

  test("say that nothing is live as soon as the leader does not answer", async () => {
    const [leader, follower] = await openTabs(2);
    await advance(5_000);
    leader?.standStill();
    browser.world.xmpp.opening.websocket = "hangs";
    await advance(1_500);

    expect(follower?.client.state.kind).toBe("connecting");
    expect(follower?.states.at(-1)).toBe("connecting");
  });

  test("lose the leader at once where the browser freezes it, and it comes back", async () => {
    const [leader, ...others] = await openTabs(3);
    leader?.freeze();
    browser.publish(2);
    await advance(300);
    expectComplete(others, 2);

    leader?.thaw();
    await advance(500);
    expectComplete([leader as FakeTab], 2);
    expect(browser.openLinks).toBe(1);
  });

  test("leave a busy machine in peace: thefts make patient", async () => {
    const tabs = await openTabs(2);
    await advance(5_000);
    for (let n = 0; n < 20; n += 1) {
      browser.leaders[0]?.standStill();
      await advance(1_000);
      for (const tab of tabs) tab.goOn();
      await advance(1_000);
    }

    expect(browser.world.xmpp.links.length).toBeLessThan(6);
  });

  test("take over from a hidden one that is offline, for it is throttled", async () => {
    const [leader, follower] = await openTabs(2);
    if (leader) leader.isVisible = false;
    browser.world.rest.failure = "unreachable";
    browser.world.xmpp.link.die();
    await advance(1_500);
    browser.world.rest.failure = null;
    await advance(40_000);

    expect(browser.leaders).toEqual([follower]);
    expectComplete([follower as FakeTab], 0);
  });

  test("show the leader's troubles", async () => {
    const [, follower] = await openTabs(2);
    const problems: string[] = [];
    const subscription = follower?.client.subscribe("orders");
    subscription?.on("problem", ({ code }) => problems.push(code));
    await advance(50);
    browser.world.xmpp.publish("orders", "k3f9", 1, 1, { nick: "somebody" });
    await advance(50);
    browser.world.rest.failure = { status: 503, detail: "Away." };
    browser.world.xmpp.link.die();
    await advance(10);

    expect(problems).toEqual(["untrusted"]);
    expect(follower?.client.state).toMatchObject({ kind: "offline", retryAt: expect.any(Date) });
  });

  test("notice what was not handed to them", async () => {
    const [, follower] = await openTabs(2);
    browser.isDeaf = true;
    browser.publish(3);
    await advance(100);
    browser.isDeaf = false;
    expect(follower?.sequences).toEqual([]);
    await advance(1_000);

    expectComplete([follower as FakeTab], 3);
  });

  test("go alone where they can't hear one another", async () => {
    browser.isDeaf = true;
    const tabs = await openTabs(3);
    await advance(60_000);
    browser.publish(2);
    await advance(1_000);

    expectComplete(tabs, 2);
  });

  test("leave rooms that nobody wants any more", async () => {
    const [, follower] = await openTabs(2);
    const { occupancies } = browser.world.xmpp.link;
    browser.world.rest.feeds.set("stock", { epoch: "k3f9", head: 0 });
    const stock = follower?.client.subscribe("stock");
    await advance(50);
    expect([...occupancies.keys()]).toContain("stock@feeds.localhost");

    stock?.close();
    await advance(50);
    expect([...occupancies.keys()]).toEqual(["orders@feeds.localhost"]);

    follower?.client.subscribe("stock");
    await advance(50);
    follower?.crash();
    await advance(300_000);
    expect([...occupancies.keys()]).toEqual(["orders@feeds.localhost"]);
  });
});

describe("who shares with whom", () => {
  test.each<[string, ClientOptions, ClientOptions]>([
    ["a guest and an account", {}, { credentials: account("mia", "one") }],
    [
      "two passwords of one account",
      { credentials: account("mia", "one") },
      { credentials: account("mia", "two") },
    ],
    ["two ways to the server", {}, { transport: "bosh" }],
    ["who does not want to", {}, { tabs: undefined }],
  ])("not %s", async (_, one, other) => {
    await openTabs(1, one);
    await openTabs(1, other);

    expect(browser.openLinks).toBe(2);
  });

  test("not tickets that open other feeds; those that open the same do", async () => {
    browser.world.rest.feeds.set("stock", { epoch: "k3f9", head: 0 });
    await openTabs(1, { ticket: ticket(["orders"]) });
    await openTabs(1, { ticket: ticket(["orders"], "2") });
    expect(browser.openLinks).toBe(1);

    await openTabs(1, { ticket: ticket(["orders", "stock"]) });
    expect(browser.openLinks).toBe(2);
  });

  test("a page at another server's address does not", async () => {
    browser.open({}, "https://one.test").follow();
    browser.open({}, "https://other.test").follow();
    await advance(100);

    expect(browser.openLinks).toBe(2);
  });
});

const position = { epoch: "k3f9", sequence: 1 };

function account(username: string, password: string) {
  return { kind: "account", username, password } as const;
}

describe("an account", () => {
  const options = { credentials: account("mia", "secret") };

  test("gives its token to all tabs", async () => {
    const { clock, xmpp } = browser.world;
    xmpp.token = { text: "token-1", expires: clock.now / 1000 + 3600 };
    const tabs = await openTabs(2, options);

    for (const tab of tabs) expect(await tab.client.bearer()).toBe("token-1");
    expect(browser.openLinks).toBe(1);
  });

  test("that is resumed is live in all tabs, though more is written all the while", async () => {
    const tabs = await openTabs(3, options);
    browser.world.xmpp.opening.websocket = "resume";

    browser.world.xmpp.link.die();
    for (let n = 0; n < 100; n += 1) {
      await advance(50);
      browser.publish(1);
    }
    await advance(50);

    expectComplete(tabs, 100);
    expect(browser.openLinks).toBe(1);
  });

  test("that is refused is refused in all tabs, and asked for once", async () => {
    browser.world.xmpp.opening.websocket = "refused";
    const tabs = await openTabs(3, options);
    await advance(10_000);

    expect(tabs.map(({ client }) => client.state)).toEqual(
      tabs.map(() => expect.objectContaining({ kind: "refused", code: "credentials" })),
    );
    expect(browser.world.xmpp.links).toHaveLength(1);
  });

  test("that was put out comes back in all tabs when one asks to", async () => {
    const tabs = await openTabs(3, options);
    browser.world.xmpp.link.replace();
    await advance(100);
    expect(tabs.map(({ client }) => client.state.kind)).toEqual(["refused", "refused", "refused"]);

    tabs[1]?.client.close();
    tabs[1]?.client.connect();
    await advance(500);
    expectComplete(tabs, 0);
    expect(browser.openLinks).toBe(1);
  });

  test("is signed out in all tabs at once", async () => {
    const tabs = await openTabs(3, options);
    const told: number[] = [];
    tabs.forEach((tab, index) => void tab.client.on("signed-out", () => told.push(index)));
    tabs[1]?.client.signOut();
    await advance(100);

    expect(told.sort()).toEqual([0, 1, 2]);
    for (const { client } of tabs) {
      expect(client.state).toMatchObject({ kind: "refused", code: "signed-out" });
    }
    expect(browser.openLinks).toBe(0);

    tabs[0]?.client.connect();
    await advance(100);
    expect(tabs[0]?.client.state.kind).toBe("online");
  });

  test.each<[string, (client: AvisoClient) => void]>([
    ["was closed before", (client) => client.close()],
    [
      "has not found the others yet",
      (client) => {
        client.close();
        client.connect();
      },
    ],
  ])("is signed out in all tabs by one that %s", async (_, before) => {
    const log = memoryLog({ private: true });
    const tabs = await openTabs(3, { ...options, log });
    browser.publish(1);
    await advance(1_000);
    const key = { origin: "", reader: "account:mia", feed: "orders" };
    await log.append(key, { from: null, to: position, events: [], anchor: null });
    const client = tabs[1]?.client as AvisoClient;
    let told = 0;
    client.on("signed-out", () => (told += 1));

    before(client);
    client.signOut();
    await advance(1_000);

    expect(told).toBe(1);
    for (const { client } of tabs) {
      expect(client.state).toMatchObject({ kind: "refused", code: "signed-out" });
    }
    expect(browser.openLinks).toBe(0);
    expect(await log.read(key)).toBeNull();
  });
});

describe("tickets", () => {
  test("the first one may have to be asked for", async () => {
    const renewTicket = async () => ticket(["orders"]);
    const tabs = await openTabs(2, { ticket: "", renewTicket });
    await advance(3_000);

    expect(browser.openLinks).toBe(1);
    expectComplete(tabs, 0);
  });

  test("a leader whose ticket ends leaves the others alone", async () => {
    const [leader] = await openTabs(1, { ticket: ticket(["orders"], "1", 60) });
    const [follower] = await openTabs(1, { ticket: ticket(["orders"], "2", 3600) });
    await advance(70_000);
    browser.world.xmpp.link.die();
    await advance(40_000);

    expect(leader?.client.state).toMatchObject({ kind: "refused", code: "ticket-ended" });
    expectComplete([follower as FakeTab], 0);

    leader?.client.setTicket(ticket(["orders"], "3"));
    await advance(1_000);
    expect(leader?.states.at(-1)).toBe("live");
    expect(browser.openLinks).toBe(1);
  });

  test("a follower's own decides how long it reads", async () => {
    await openTabs(1, { ticket: ticket(["orders"], "1", 3600) });
    const [follower] = await openTabs(1, { ticket: ticket(["orders"], "2", 60) });
    await advance(50_000);
    browser.world.xmpp.opening.websocket = "refused";
    await advance(20_000);

    expect(follower?.client.state).toMatchObject({ kind: "refused", code: "ticket-ended" });
  });

  test("what the leader has is for those alone to whom the server opens it", async () => {
    await openTabs(1, { ticket: ticket(["orders"]) });
    browser.publish(1);
    await advance(100);
    browser.world.rest.failure = { status: 404, path: /feeds/ };
    const [follower] = await openTabs(1, { ticket: ticket(["orders"], "taken-back") });
    browser.publish(1);
    await advance(3_000);

    expect(follower?.sequences).toEqual([]);
    expect(follower?.states.at(-1)).toBe("refused");
  });

  test("one that cannot be read is told as ever", async () => {
    const [tab] = await openTabs(1, { ticket: "none" });

    expect(tab?.client.state).toMatchObject({ kind: "refused", code: "ticket-malformed" });
  });

  test("another reader's is followed by other tabs", async () => {
    const [one, other] = await openTabs(2, { ticket: ticket(["orders"]) });
    browser.world.rest.feeds.set("stock", { epoch: "k3f9", head: 0 });
    other?.client.setTicket(ticket(["stock"]));
    await advance(1_000);

    expect(browser.openLinks).toBe(2);
    expect(one?.client.state.kind).toBe("online");
    expect(other?.client.state.kind).toBe("online");
  });
});
