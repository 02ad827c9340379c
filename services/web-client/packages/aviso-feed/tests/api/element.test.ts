// @vitest-environment jsdom
import "fake-indexeddb/auto";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { indexedDbLog } from "../../src/edges/indexed-db-log";
import type { Connection } from "../../src/engine/connection";
import type { SubscriptionEvents } from "../../src/engine/emitted";
import { Emitter } from "../../src/engine/emitter";
import type { SubscriptionOptions } from "../../src/engine/options";
import type { FeedState } from "../../src/engine/states";
import type { FeedEvent } from "../../src/model/event";
import { ExactNumber, parseExactJson } from "../../src/model/exact-json";

import { makeTicket } from "../fakes";

/** The subscription that the element makes; driven by hand. */
class FakeSubscription extends Emitter<SubscriptionEvents> {
  static made: FakeSubscription[] = [];
  state: FeedState = { kind: "connecting" };
  isRunning = false;
  readonly closing = new AbortController().signal;
  readonly position = null;
  readonly anchor = null;

  constructor(
    readonly feed: string,
    readonly connection: Connection,
    readonly options: SubscriptionOptions,
  ) {
    super();
    FakeSubscription.made.push(this);
  }

  start(): void {
    this.isRunning = true;
  }

  close(): void {
    this.isRunning = false;
  }

  give(events: readonly FeedEvent[], kept: { keptAt?: Date } = {}): void {
    const position = { epoch: "aaaa", sequence: 1 };
    this.emit("events", { events, live: true, position, ...kept });
  }

  say<Name extends keyof SubscriptionEvents>(name: Name, detail: SubscriptionEvents[Name]): void {
    if (name === "state") this.state = detail as FeedState;
    this.emit(name, detail);
  }
}

/** When elements may draw again: at once, unless a test lets them wait. */
let round = Promise.resolve();

vi.mock("../../src/engine/subscription", () => ({ Subscription: FakeSubscription }));
vi.mock("../../src/api/drawing-rounds", () => ({ drawingRound: () => round }));
const { RecordFeed } = await import("../../src/api/element");

type Element = InstanceType<typeof RecordFeed>;

beforeEach(() => {
  FakeSubscription.made = [];
  round = Promise.resolve();
});

afterEach(() => {
  document.body.replaceChildren();
});

async function show(attributes = 'feed="orders"'): Promise<Element> {
  document.body.innerHTML = `<record-feed ${attributes}></record-feed>`;
  const element = document.querySelector("record-feed") as Element;
  await element.updateComplete;
  return element;
}

const subscription = (): FakeSubscription => FakeSubscription.made.at(-1) as FakeSubscription;

const textOf = (element: Element, part: string): string[] =>
  Array.from(element.renderRoot.querySelectorAll(`[part~="${part}"]`)).map((found) =>
    (found.textContent ?? "").replace(/\s+/g, " ").trim(),
  );

const list = (element: Element): HTMLElement =>
  element.renderRoot.querySelector("ol") as HTMLElement;

function event(sequence: number, data: Record<string, unknown>, version = 1): FeedEvent {
  const time = "2026-11-24T09:30:00Z";
  const id = `r${sequence}`;
  return {
    id: `e${sequence}`,
    type: "created",
    feed: "orders",
    epoch: "aaaa",
    sequence,
    time,
    subject: id,
    record: { id, version, created_at: time, updated_at: time, data },
  };
}

describe("<record-feed>", () => {
  test("follows the feed that it names", async () => {
    await show('feed="orders" origin="https://aviso.example" history="7"');

    expect(FakeSubscription.made.length).toBe(1);
    expect(subscription()).toMatchObject({ feed: "orders", options: { history: 7 } });
    expect(subscription().connection.origin).toBe("https://aviso.example");
    expect(subscription().isRunning).toBe(true);
  });

  test("follows nothing without a name", async () => {
    await show("");
    expect(FakeSubscription.made.length).toBe(0);
  });

  test("shows records as text, the newest first", async () => {
    const element = await show();

    subscription().give([
      event(1, { item: "tea" }),
      event(2, { item: "<b>café</b>", size: { l: 1 } }),
    ]);
    await element.updateComplete;

    expect(textOf(element, "name")).toEqual(["item", "size", "item"]);
    expect(textOf(element, "value")).toEqual(["<b>café</b>", '{"l":1}', "tea"]);
    expect(element.renderRoot.querySelector("b")).toBeNull();
  });

  test("says of what was kept that it was, until it is live", async () => {
    const element = await show('feed="orders" lang="en"');
    subscription().give([event(1, { item: "tea" })], { keptAt: new Date(2026, 10, 24, 9, 30) });
    await element.updateComplete;
    expect(textOf(element, "kept")[0]).toMatch(/^Kept by this browser \(11\/24\/26, 9:30:00.AM\);/);
    expect(textOf(element, "value")).toEqual(["tea"]);

    subscription().say("state", { kind: "live" });
    await element.updateComplete;

    expect(textOf(element, "kept")).toEqual([]);
  });

  test.each(["", "private"])(
    "asked to keep what it shows (%s) it follows all the same",
    async (keep) => {
      await show(`feed="orders" keep="${keep}"`);
      // jsdom has no IndexedDB: there is nothing to keep it in.
      await vi.waitFor(() => expect(subscription().isRunning).toBe(true));
    },
  );

  test("shows no more records than its history", async () => {
    const element = await show('feed="orders" history="2"');

    subscription().give([1, 2, 3].map((n) => event(n, { n })));
    await element.updateComplete;

    expect(textOf(element, "value")).toEqual(["3", "2"]);
  });

  test.each<[FeedState, string]>([
    [{ kind: "connecting" }, "Connecting …"],
    [{ kind: "catching-up", left: 7 }, "Catching up: 7 left"],
    [{ kind: "live" }, "Live"],
    [
      { kind: "offline", reason: "This device is offline.", retryAt: null },
      "Offline. Trying again by itself; nothing is lost.",
    ],
    [
      {
        kind: "offline",
        reason: "Too many requests.",
        retryAt: null,
        code: "too-many-requests",
      },
      "Too many requests came from here. Trying again by itself.",
    ],
    [
      { kind: "refused", code: "not-open", reason: "No." },
      "There is no such feed, or it is not open to you.",
    ],
  ])("shows the state %o", async (state, text) => {
    const element = await show();

    subscription().say("state", state);
    await element.updateComplete;

    expect(textOf(element, "state")).toEqual([text]);
  });

  test("is read aloud politely, but not while it catches up", async () => {
    const element = await show();
    expect(list(element).getAttribute("aria-live")).toBe("polite");
    expect(list(element).getAttribute("aria-label")).toBe("orders");
    expect(list(element).getAttribute("aria-busy")).toBe("true");

    subscription().say("state", { kind: "live" });
    await element.updateComplete;

    expect(list(element).getAttribute("aria-busy")).toBe("false");
  });

  test("forgets what it showed at a reset", async () => {
    const element = await show();
    subscription().give([event(1, { n: 1 })]);

    subscription().say("reset", { epoch: "bbbb", sequence: 0 });
    await element.updateComplete;

    expect(textOf(element, "record")).toEqual([]);
  });

  test("is empty after the feed was emptied, and shows what follows", async () => {
    const element = await show();
    subscription().give([event(1, { n: 1 }), event(2, { n: 2 })]);
    const { record: _, subject: __, ...envelope } = event(3, {});

    const reset = { ...envelope, type: "reset", reset: { cause: "truncated" } } as const;
    subscription().give([reset, event(4, { n: 4 })]);
    await element.updateComplete;

    expect(textOf(element, "value")).toEqual(["4"]);
  });

  test("shows a record without version and times, with the event's time", async () => {
    const element = await show();
    const { record: _, ...row } = event(1, {});

    const data = { item: "tea" };
    subscription().give([{ ...row, record: { id: "r1", data } }]);
    await element.updateComplete;

    expect(textOf(element, "value")).toEqual(["tea"]);
    const time = element.renderRoot.querySelector("time");
    expect(time?.getAttribute("datetime")).toBe("2026-11-24T09:30:00Z");
  });

  test("shows no time of a row that nobody knows the time of", async () => {
    const element = await show();
    const { record: _, ...row } = event(1, {});

    subscription().give([{ ...row, type: "listed", record: { id: "r1", data: { item: "tea" } } }]);
    await element.updateComplete;

    expect(textOf(element, "value")).toEqual(["tea"]);
    expect(element.renderRoot.querySelector("time")).toBe(null);
  });

  test("tells of a problem", async () => {
    const element = await show();

    subscription().say("problem", { code: "page-too-old", message: "Too old." });
    await element.updateComplete;

    expect(textOf(element, "problem")).toEqual([
      "This page is too old for some of the feed's events. Load it again.",
    ]);
  });

  test("announces a new record and touches no other", async () => {
    const element = await show('feed="orders" history="3"');
    subscription().say("state", { kind: "live" });
    subscription().give([1, 2, 3].map((n) => event(n, { n })));
    await element.updateComplete;
    const before = Array.from(list(element).children);
    const changes: MutationRecord[] = [];
    const observer = new MutationObserver((records) => changes.push(...records));
    observer.observe(element.renderRoot, {
      subtree: true,
      childList: true,
      characterData: true,
      attributes: true,
    });

    subscription().give([event(4, { n: 4 })]);
    await element.updateComplete;
    changes.push(...observer.takeRecords());

    const elements = (nodes: NodeList): Element[] =>
      Array.from(nodes).filter((node): node is Element => node instanceof Element);
    const added = changes.flatMap(({ addedNodes }) => elements(addedNodes));
    const removed = changes.flatMap(({ removedNodes }) => elements(removedNodes));
    expect(added.map((each) => each.querySelector("dd")?.textContent)).toEqual(["4"]);
    expect(removed).toEqual([before[2]]);
    expect(changes.filter(({ type }) => type !== "childList")).toEqual([]);
    expect(Array.from(list(element).children).slice(1)).toEqual(before.slice(0, 2));
  });

  test("draws together, once it is time to draw, what came until then", async () => {
    const element = await show();
    const render = vi.spyOn(element, "render");
    let draw = () => {};
    round = new Promise((resolve) => {
      draw = resolve;
    });
    for (let n = 1; n <= 20; n += 1) {
      subscription().give([event(n, { n })]);
      // As each comes with a message of its own.
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(render).not.toHaveBeenCalled();

    draw();
    await element.updateComplete;

    expect(render).toHaveBeenCalledTimes(1);
    expect(textOf(element, "value").slice(0, 2)).toEqual(["20", "19"]);
  });

  test.each(["all", "-5", "", "50px", "0"])(
    "takes a history of %j for none, and says so once",
    async (history) => {
      const warn = vi.spyOn(console, "warn").mockImplementation(() => {});

      const element = await show(`feed="orders" history="${history}"`);
      subscription().give([event(1, { n: 1 })]);
      element.ticket = makeTicket({ sub: "u-17@ticket.localhost", exp: 4e9 });
      await element.updateComplete;

      expect(subscription().options.history).toBe(50);
      expect(element.history).toBe(50);
      expect(warn).toHaveBeenCalledTimes(1);
    },
  );

  test("takes a history that a program sets wrongly for none, too", async () => {
    const warn = vi.spyOn(console, "warn").mockImplementation(() => {});
    const element = await show();

    element.history = Number.NaN;
    await element.updateComplete;
    subscription().give([event(1, { n: 1 })]);
    await element.updateComplete;

    expect(subscription().options.history).toBe(50);
    expect(textOf(element, "value")).toEqual(["1"]);
    expect(warn).toHaveBeenCalledTimes(1);
  });

  test("takes an origin with a slash at its end", async () => {
    await show('feed="orders" origin="http://localhost:8090/"');
    expect(subscription().connection.origin).toBe("http://localhost:8090");
  });

  test("keeps the digits of numbers", async () => {
    const element = await show();
    const data = { id: new ExactNumber("1234567890123456789"), at: [new ExactNumber("1e400")] };
    const written = parseExactJson('{"price":43.50,"prices":[1.0,2]}') as Record<string, unknown>;

    subscription().give([event(1, { ...data }), event(2, written)]);
    await element.updateComplete;

    expect(textOf(element, "value")).toEqual([
      "43.50",
      "[1.0,2]",
      "1234567890123456789",
      "[1e400]",
    ]);
  });

  test("stops when it leaves the page, and starts when it comes back", async () => {
    const element = await show();
    const first = subscription();

    element.remove();
    expect(first.isRunning).toBe(false);
    document.body.append(element);
    await element.updateComplete;

    expect(subscription()).not.toBe(first);
    expect(subscription().isRunning).toBe(true);
  });

  test("changes to another feed", async () => {
    const element = await show();
    subscription().give([event(1, { n: 1 })]);
    const first = subscription();

    element.feed = "stock";
    await element.updateComplete;
    first.give([event(2, { n: 2 })]);
    await element.updateComplete;

    expect(first.isRunning).toBe(false);
    expect(subscription()).toMatchObject({ feed: "stock" });
    expect(textOf(element, "record")).toEqual([]);
  });
});

describe("the language of <record-feed>", () => {
  const states = async (html: string): Promise<string[]> => {
    document.body.innerHTML = html;
    const elements = Array.from(document.querySelectorAll("record-feed"));
    for (const element of elements) await element.updateComplete;
    return elements.flatMap((element) => textOf(element, "state"));
  };

  test("is that of the element, or of what it stands in", async () => {
    expect(
      await states(`
        <record-feed feed="a" lang="es"></record-feed>
        <div lang="es-MX"><p><record-feed feed="b"></record-feed></p></div>
        <div lang="es"><p lang="en-GB"><record-feed feed="c"></record-feed></p></div>
        <div lang="fr"><record-feed feed="d"></record-feed></div>`),
    ).toEqual(["Conectando…", "Conectando…", "Connecting …", "Connecting …"]);
  });

  test("is the browser's where nothing on the page says one", async () => {
    vi.spyOn(navigator, "languages", "get").mockReturnValue(["fr", "es-ES", "en"]);
    expect(await states('<record-feed feed="a"></record-feed>')).toEqual(["Conectando…"]);
  });

  test("reaches into a shadow root", async () => {
    document.body.innerHTML = '<section lang="es"></section>';
    const root = document.querySelector("section")?.attachShadow({ mode: "open" }) as ShadowRoot;
    root.innerHTML = '<record-feed feed="a"></record-feed>';
    const element = root.querySelector("record-feed") as Element;
    await element.updateComplete;
    expect(textOf(element, "state")).toEqual(["Conectando…"]);
  });

  test("changes with the page's, in every word", async () => {
    const element = await show();
    subscription().say("state", { kind: "catching-up", left: 12_345 });
    subscription().say("problem", { code: "missing", message: "" });

    document.documentElement.lang = "es";
    await vi.waitFor(() =>
      expect(textOf(element, "state")).toEqual(["Poniéndose al día: faltan 12.345"]),
    );
    expect(textOf(element, "problem")).toEqual([
      "Algunos eventos de este canal ya no se pueden leer.",
    ]);
    const named = Array.from(element.renderRoot.querySelectorAll("[lang]"));
    expect(named.map((each) => each.getAttribute("lang"))).toEqual(["es", "es"]);
    document.documentElement.removeAttribute("lang");
  });

  test("may be no language at all", async () => {
    expect(await states('<record-feed feed="a" lang="en_US !"></record-feed>')).toEqual([
      "Connecting …",
    ]);
  });
});

describe("elements of one page", () => {
  const put = async (...attributes: string[]): Promise<Element[]> => {
    document.body.innerHTML = attributes
      .map((each) => `<record-feed ${each}></record-feed>`)
      .join("");
    const elements = Array.from(document.querySelectorAll("record-feed"));
    for (const element of elements) await element.updateComplete;
    return elements;
  };
  const connections = (): Connection[] => FakeSubscription.made.map((each) => each.connection);
  const ticket = (feeds: string[], id = "1"): string =>
    makeTicket({ sub: "u-17@ticket.localhost", feeds, exp: 4e9, jti: id });

  test("share a connection where server and reader are the same", async () => {
    const mine = `ticket="${ticket(["a"])}"`;
    await put(
      'feed="a"',
      'feed="b" origin=""',
      `feed="a" ${mine}`,
      `feed="a" ${mine}`,
      `feed="a" ticket-url="/t"`,
      `feed="a" ticket-url="/t"`,
      'feed="a" origin="https://one.example/"',
      'feed="a" origin="https://one.example"',
      'feed="a" origin="https://two.example"',
    );

    const all = connections();
    const numbers = all.map((connection) => all.indexOf(connection));
    expect(numbers).toEqual([0, 0, 2, 2, 4, 4, 6, 6, 8]);
  });

  test("end it with the last of them, and not by being moved", async () => {
    const [one, other] = await put('feed="a"', 'feed="b"');
    const connection = connections()[0] as Connection;
    const close = vi.spyOn(connection, "close");

    one?.remove();
    await Promise.resolve();
    expect(close).not.toHaveBeenCalled();
    document.body.prepend(other as Element);
    await other?.updateComplete;
    expect(subscription().connection).toBe(connection);
    await Promise.resolve();
    expect(close).not.toHaveBeenCalled();
    other?.remove();
    await Promise.resolve();

    expect(close).toHaveBeenCalledTimes(1);
    await put('feed="a"');
    expect(subscription().connection).not.toBe(connection);
  });

  test("go on together with a fresh ticket of the same reader, which is given once", async () => {
    const elements = await put(
      ...["a", "b"].map((feed) => `feed="${feed}" ticket="${ticket(["a", "b"])}"`),
    );
    const connection = connections()[0] as Connection;
    const setTicket = vi.spyOn(connection, "setTicket");

    for (const element of elements) {
      element.ticket = ticket(["b", "a", "c"], "2");
      await element.updateComplete;
    }

    expect(setTicket).toHaveBeenCalledTimes(1);
    expect(new Set(connections())).toEqual(new Set([connection]));
    await put(`feed="a" ticket="${ticket(["b", "a", "c"], "2")}"`);
    expect(subscription().connection).toBe(connection);
  });

  test("part where one gets a ticket that would put the other out", async () => {
    const [one] = await put(
      ...["a", "b"].map((feed) => `feed="${feed}" ticket="${ticket(["a", "b"])}"`),
    );
    const [connection] = connections();
    const setTicket = vi.spyOn(connection as Connection, "setTicket");

    (one as Element).ticket = ticket(["a"], "2");
    await one?.updateComplete;

    expect(setTicket).not.toHaveBeenCalled();
    expect(subscription()).toMatchObject({ feed: "a" });
    expect(subscription().connection).not.toBe(connection);
  });

  test("are signed out together, and what was kept for the reader is gone", async () => {
    const mine = `ticket="${ticket(["a", "b"])}" keep="private"`;
    const [one, other] = await put(`feed="a" ${mine}`, `feed="b" ${mine}`);
    const log = indexedDbLog({ private: true });
    const key = { origin: "", reader: "ticket:u-17", feed: "a" };
    const position = { epoch: "aaaa", sequence: 1 };
    await log.append(key, { from: null, to: position, events: [], anchor: null });
    const [connection] = connections();

    await one?.signOut();

    expect(connection?.state).toMatchObject({ kind: "refused", code: "signed-out" });
    expect(await log.read(key)).toBeNull();

    // The next one who reads here has a session of his own.
    (other as Element).ticket = ticket(["a", "b"], "2");
    await other?.updateComplete;
    expect(subscription()).toMatchObject({ feed: "b" });
    expect(subscription().connection).not.toBe(connection);
  });

  test("share with other tabs where that was asked for", async () => {
    const shared: Connection[] = [];
    RecordFeed.tabs = {
      kind: "tabs",
      share: (own) => {
        shared.push(own);
        return own;
      },
    };
    await put('feed="a"', 'feed="b"');
    RecordFeed.tabs = null;

    expect(shared).toEqual([connections()[0]]);
  });

  test("that another tab signed out begin anew with another ticket", async () => {
    const [one] = await put(`feed="a" ticket="${ticket(["a"])}"`);
    const [connection] = connections();
    connection?.signOut();

    (one as Element).ticket = ticket(["a"], "2");
    await one?.updateComplete;
    expect(subscription().connection).not.toBe(connection);
  });
});
