// @vitest-environment jsdom
import { beforeEach, describe, expect, test, vi } from "vitest";
import type { AvisoClient, ClientOptions } from "../../../src/api/client";
import { shareTabs } from "../../../src/api/tabs";
import { memoryLog } from "../../../src/model/memory-log";
import { accountToken, makeTicket } from "../../fakes";
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

  test("are complete, though one was frozen for long", async () => {
    const [, follower, ...others] = await openTabs(3);
    follower?.freeze();
    for (let n = 0; n < 30; n += 1) {
      browser.publish(10);
      await advance(20_000);
    }
    expectComplete(others, 300);
    expect(follower?.sequences).toEqual([]);

    follower?.thaw();
    await advance(500);
    browser.publish(1);
    await advance(100);

    expectComplete([follower as FakeTab, ...others], 301);
    expect(browser.openLinks).toBe(1);
  });

  test("never hear two leaders of one generation, whoever is frozen, robbed or closed", async () => {
    const tabs = await openTabs(4);
    for (const what of ["freeze", "standStill", "freeze", "standStill", "standStill"] as const) {
      await advance(3_000);
      const [leader] = browser.leaders;
      leader?.[what]();
      browser.publish(2);
      await advance(5_000);
      leader?.thaw();
      browser.publish(2);
      await advance(1_000);
    }

    const speakers = new Map<number, Set<string>>();
    for (const { generation, from } of browser.said) {
      speakers.set(generation, (speakers.get(generation) ?? new Set()).add(from));
    }
    expect([...speakers.values()].filter(({ size }) => size > 1)).toEqual([]);
    expect(speakers.size).toBeGreaterThanOrEqual(6);
    expectComplete(tabs, 20);
  });

  test("share one connection over BOSH, whoever leads", async () => {
    browser.world.xmpp.opening.websocket = "lost";
    const [leader, ...others] = await openTabs(3);
    browser.publish(2);
    await advance(100);
    expect(browser.openLinks).toBe(1);
    expect(others.map(({ client }) => client.transport)).toEqual(["bosh", "bosh"]);

    leader?.crash();
    browser.publish(2);
    await advance(1_000);
    expectComplete(others, 4);
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
    [
      "two accounts",
      { credentials: account("mia", "one") },
      { credentials: account("noa", "one") },
    ],
    ["who does not want to", {}, { tabs: undefined }],
    ["where there are no Web Locks", { tabs: shareTabs() }, { tabs: shareTabs() }],
  ])("not %s", async (_, one, other) => {
    const tabs = [...(await openTabs(1, one)), ...(await openTabs(1, other))];
    browser.publish(2);
    await advance(100);

    expect(browser.openLinks).toBe(2);
    expectComplete(tabs, 2);
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

describe("pages", () => {
  test("share with those that call the same server by another address", async () => {
    const tabs = ["", "https://shop.test"].map((url) => browser.open({}, "https://shop.test", url));
    for (const tab of tabs) tab.follow();
    browser.publish(2);
    await advance(100);

    expect(browser.openLinks).toBe(1);
    expectComplete(tabs, 2);
  });

  test("do not share with those of another version of this library, nor hear them", async () => {
    vi.resetModules();
    vi.doMock("../../../src/protocol/tab-messages", async (load) => ({
      ...(await load<object>()),
      shareName: (rights: string) => `aviso-feed tabs later ${rights}`,
    }));
    const later = await import("./fake-browser");
    const tabs = [...(await openTabs(2))];
    for (let n = 0; n < 2; n += 1) {
      const tab = new later.FakeTab(browser, {}, "https://shop.test") as unknown as FakeTab;
      tab.follow();
      tabs.push(tab);
    }
    browser.publish(2);
    await advance(100);
    expect([browser.openLinks, browser.held.size]).toEqual([2, 2]);
    expectComplete(tabs, 2);

    browser.leaders[0]?.crash();
    browser.publish(1);
    await advance(1_000);
    expect(browser.openLinks).toBe(2);
    expectComplete(browser.alive, 3);
    vi.doUnmock("../../../src/protocol/tab-messages");
  });
});

const position = { epoch: "k3f9", sequence: 1 };
/** What an account keeps of a feed, as it is written and as it is read. */
const KEPT = { feed: "orders", epoch: "k3f9", seen: 7, marks: ["muted"] };
const READ = { feed: "orders", seen: { epoch: "k3f9", sequence: 7 }, marks: ["muted"] };

const toldMarks = (...marks: unknown[]): string =>
  `<message xmlns="jabber:client" from="localhost" type="headline">` +
  `<marks xmlns="urn:aviso:marks:0">${JSON.stringify(marks).replaceAll('"', "&quot;")}</marks></message>`;

async function answerOf<Answer>(question: Promise<Answer>): Promise<Answer> {
  const [answer] = await Promise.all([question, advance(50)]);
  return answer;
}

function account(username: string, password: string) {
  return { kind: "account", username, password } as const;
}

describe("an account", () => {
  const options = { credentials: account("mia", "secret") };

  test("gives its token to all tabs", async () => {
    const { xmpp } = browser.world;
    const token = accountToken(browser.world, "t1");
    xmpp.token = () => token;
    const tabs = await openTabs(2, options);

    for (const tab of tabs) expect(await tab.client.bearer()).toBe(token);
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

  test("that is refused later leaves nothing in any tab, nor in their log", async () => {
    const log = memoryLog({ private: true });
    const tabs = await openTabs(3, { ...options, log });
    browser.publish(1);
    await advance(1_000);
    const key = { origin: "", reader: "account:mia", feed: "orders" };
    await log.append(key, { from: null, to: position, events: [], anchor: null });

    browser.world.xmpp.opening.websocket = "refused";
    browser.world.xmpp.link.die();
    await advance(5_000);

    for (const { client, subscription } of tabs) {
      expect(client.state).toMatchObject({ kind: "refused", code: "credentials" });
      expect(subscription?.position).toBeNull();
    }
    expect(await log.read(key)).toBeNull();
    expect(browser.openLinks).toBe(0);
  });

  test("is told in all tabs that a feed is no longer open, and that it is again", async () => {
    const tabs = await openTabs(3, options);
    browser.publish(2);
    await advance(100);

    browser.world.rest.feeds.delete("orders");
    browser.world.xmpp.refusals.set("orders@feeds.localhost", "registration-required");
    browser.world.xmpp.putOut("orders@feeds.localhost", ["321"]);
    await advance(1_000);
    for (const { subscription } of tabs) {
      expect(subscription?.state).toMatchObject({ kind: "refused", code: "no-longer-open" });
      expect(subscription?.position).toBeNull();
    }

    browser.world.rest.feeds.set("orders", { epoch: "k3f9", head: 2 });
    browser.world.xmpp.refusals.clear();
    browser.world.xmpp.link.deliver(hint("orders", "granted"));
    await advance(1_000);
    for (const tab of tabs) {
      expect(tab.sequences).toEqual([1, 2, 1, 2]);
      expect(tab.states.at(-1)).toBe("live");
    }
  });

  test("is told in all tabs of what it has read and marked, and asks and changes it in each", async () => {
    const { xmpp } = browser.world;
    xmpp.marks = JSON.stringify([KEPT]);
    const tabs = await openTabs(3, options);
    const told = tabs.map(({ client }) => {
      const marks: unknown[] = [];
      client.on("marks", (each) => marks.push(each));
      return marks;
    });

    for (const { client } of tabs) {
      expect(await answerOf(client.marks())).toEqual([READ]);
      await answerOf(client.changeMarks([{ feed: "orders", seen: position, set: ["pinned"] }]));
    }
    expect(xmpp.changes.map((each) => JSON.parse(each))).toEqual(
      tabs.map(() => [{ feed: "orders", set: ["pinned"], epoch: "k3f9", seen: 1 }]),
    );

    xmpp.link.deliver(toldMarks(KEPT));
    await advance(50);
    expect(told).toEqual(tabs.map(() => [[READ]]));
    expect(browser.openLinks).toBe(1);
  });

  test("whose server refuses a change is told so in each tab", async () => {
    const tabs = await openTabs(2, options);
    for (const { client } of tabs) {
      const change = expect(client.changeMarks([{ feed: "orders", set: ["muted"] }])).rejects;
      await Promise.all([change.toMatchObject({ condition: "not-allowed" }), advance(50)]);
    }
  });

  test("waits for its marks no longer than its leader is there, and asks the next one", async () => {
    const { xmpp } = browser.world;
    const [leader, follower] = await openTabs(2, options);
    xmpp.marks = JSON.stringify([KEPT]);
    xmpp.isDeaf = true;
    const lost = expect(follower?.client.marks()).rejects.toMatchObject({ condition: "gone" });
    await advance(50);
    leader?.crash();
    xmpp.isDeaf = false;
    await Promise.all([lost, advance(1_000)]);

    expect(await answerOf((follower as FakeTab).client.marks())).toEqual([READ]);
  });

  test("waits for nothing of a leader without a stream", async () => {
    const { rest, xmpp } = browser.world;
    xmpp.marks = JSON.stringify([KEPT]);
    const [, follower] = await openTabs(2, options);
    rest.failure = "unreachable";
    xmpp.link.die();
    await advance(100);

    const gone = expect(follower?.client.marks()).rejects.toMatchObject({ condition: "gone" });
    await Promise.all([gone, advance(50)]);
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

  test.each([[0], [1]])(
    "is signed out in tab %i too when that is no longer frozen",
    async (index) => {
      const log = memoryLog({ private: true });
      const tabs = await openTabs(2, { ...options, log });
      await advance(180_000);
      const [other] = (await openTabs(1, { ...options, log })) as [FakeTab];
      const frozen = tabs[index] as FakeTab;
      frozen.freeze();
      await advance(60_000);
      other.client.signOut();
      await advance(60_000);
      const key = { origin: "", reader: "account:mia", feed: "orders" };
      await log.append(key, { from: null, to: position, events: [], anchor: null });

      frozen.thaw();
      await advance(1_000);
      expect(frozen.client.state).toMatchObject({ kind: "refused", code: "signed-out" });
      expect(browser.openLinks).toBe(0);
      expect(await log.read(key)).toBeNull();

      // That was then.
      frozen.client.connect();
      await advance(1_000);
      frozen.freeze();
      frozen.thaw();
      await advance(1_000);
      expect(frozen.client.state.kind).toBe("online");
    },
  );

  test("stays signed in where another one signed out while it was frozen", async () => {
    const [tab] = await openTabs(1, options);
    const [other] = await openTabs(1, { credentials: account("noa", "secret") });
    tab?.freeze();
    await advance(1_000);
    other?.client.signOut();
    tab?.thaw();
    await advance(1_000);

    expect(tab?.client.state.kind).toBe("online");
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

describe("a tab that is closed and connected again", () => {
  const goOn = async (tabs: readonly FakeTab[], before: number): Promise<void> => {
    browser.publish(2);
    await advance(1_000);
    expectComplete(tabs, before + 2);
    expect(browser.openLinks).toBe(1);
  };

  test.each([
    ["the leader", [0]],
    ["a follower", [1]],
    ["every one", [0, 1, 2]],
  ])("%s", async (_, which) => {
    const tabs = await openTabs(3);
    for (let n = 0; n < 3; n += 1) {
      for (const index of which) tabs[index]?.client.close();
      for (const index of which) tabs[index]?.client.connect();
      await goOn(tabs, 2 * n);
    }

    for (const index of which) tabs[index]?.client.close();
    browser.publish(3);
    await advance(120_000);
    for (const index of which) tabs[index]?.client.connect();
    await goOn(tabs, 9);
  });

  test.each([[0], [1]])("with a ticket that ended meanwhile, tab %i", async (index) => {
    let count = 0;
    const renewTicket = async () => {
      count += 1;
      return ticket(["orders"], `fresh-${count}`);
    };
    const tabs = await openTabs(2, { ticket: ticket(["orders"], "1", 60), renewTicket });
    const tab = tabs[index] as FakeTab;

    tab.client.close();
    browser.publish(3);
    await advance(600_000);
    // No server takes one that has ended.
    browser.world.xmpp.opening.websocket = "refused";
    tab.client.connect();
    await advance(10);
    browser.world.xmpp.opening.websocket = "up";
    await advance(5_000);

    await goOn(tabs, 3);
  });

  test("with another ticket of the same rights, and with one of others", async () => {
    browser.world.rest.feeds.set("stock", { epoch: "k3f9", head: 0 });
    const tabs = await openTabs(2, { ticket: ticket(["orders"]) });
    const [, tab] = tabs;

    tab?.client.close();
    tab?.client.setTicket(ticket(["orders"], "2"));
    tab?.client.connect();
    await goOn(tabs, 0);

    tab?.client.close();
    tab?.client.setTicket(ticket(["orders", "stock"], "3"));
    tab?.client.connect();
    browser.publish(2);
    await advance(1_000);
    expectComplete(tabs, 4);
    expect(browser.openLinks).toBe(2);
  });

  test("before its first ticket came", async () => {
    const renewTicket = async () => ticket(["orders"]);
    const [tab] = await openTabs(1, { ticket: "", renewTicket });
    for (let n = 0; n < 3; n += 1) {
      tab?.client.close();
      tab?.client.connect();
    }
    await advance(5_000);

    await goOn([tab as FakeTab], 0);
  });

  test("with a ticket that nobody renews says so, and goes on with a fresh one", async () => {
    const [other] = await openTabs(1, { ticket: ticket(["orders"], "1", 3600) });
    const [tab] = await openTabs(1, { ticket: ticket(["orders"], "2", 60) });
    tab?.client.close();
    await advance(100_000);
    browser.world.xmpp.opening.websocket = "refused";
    tab?.client.connect();
    await advance(1_000);
    expect(tab?.client.state).toMatchObject({ kind: "refused", code: "ticket-ended" });

    browser.world.xmpp.opening.websocket = "up";
    tab?.client.setTicket(ticket(["orders"], "3"));
    await advance(1_000);
    await goOn([other as FakeTab, tab as FakeTab], 0);
  });
});

const hint = (feed: string, change: string): string =>
  `<message xmlns="jabber:client" from="localhost" type="headline">` +
  `<reader xmlns="urn:aviso:feed:2" feed="${feed}" change="${change}"/></message>`;
