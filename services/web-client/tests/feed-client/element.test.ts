import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import type { FeedEvent, FeedState } from "../../src/feed-client/types";

/** The client that the element makes; driven by hand. */
class FakeClient extends EventTarget {
  static made: FakeClient[] = [];
  state: FeedState = { kind: "connecting" };
  isRunning = false;

  constructor(readonly options: object) {
    super();
    FakeClient.made.push(this);
  }

  start(): void {
    this.isRunning = true;
  }

  stop(): void {
    this.isRunning = false;
  }

  say(type: string, detail: unknown): void {
    if (type === "state") this.state = detail as FeedState;
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }
}

vi.mock("../../src/feed-client/feed-client", () => ({ FeedClient: FakeClient }));
const { RecordFeed } = await import("../../src/feed-client/element");

type Element = InstanceType<typeof RecordFeed>;

beforeEach(() => {
  FakeClient.made = [];
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

const client = (): FakeClient => FakeClient.made.at(-1) as FakeClient;

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

    expect(FakeClient.made.length).toBe(1);
    expect(client().options).toEqual({
      feed: "orders",
      origin: "https://aviso.example",
      history: 7,
    });
    expect(client().isRunning).toBe(true);
  });

  test("follows nothing without a name", async () => {
    await show("");
    expect(FakeClient.made.length).toBe(0);
  });

  test("shows records as text, the newest first", async () => {
    const element = await show();

    client().say("events", {
      events: [event(1, { item: "tea" }), event(2, { item: "<b>café</b>", size: { l: 1 } })],
      live: false,
    });
    await element.updateComplete;

    expect(textOf(element, "name")).toEqual(["item", "size", "item"]);
    expect(textOf(element, "value")).toEqual(["<b>café</b>", '{"l":1}', "tea"]);
    expect(element.renderRoot.querySelector("b")).toBeNull();
  });

  test("shows no more records than its history", async () => {
    const element = await show('feed="orders" history="2"');

    client().say("events", { events: [1, 2, 3].map((n) => event(n, { n })), live: false });
    await element.updateComplete;

    expect(textOf(element, "value")).toEqual(["3", "2"]);
  });

  test.each<[FeedState, string]>([
    [{ kind: "connecting" }, "Connecting …"],
    [{ kind: "catching-up", left: 7 }, "Catching up: 7 left"],
    [{ kind: "live" }, "Live"],
    [
      { kind: "offline", reason: "This device is offline.", retryAt: null },
      "This device is offline.",
    ],
    [{ kind: "refused", code: "credentials", reason: "Wrong password." }, "Wrong password."],
  ])("shows the state %o", async (state, text) => {
    const element = await show();

    client().say("state", state);
    await element.updateComplete;

    expect(textOf(element, "state")).toEqual([text]);
  });

  test("is read aloud politely, but not while it catches up", async () => {
    const element = await show();
    expect(list(element).getAttribute("aria-live")).toBe("polite");
    expect(list(element).getAttribute("aria-label")).toBe("orders");
    expect(list(element).getAttribute("aria-busy")).toBe("true");

    client().say("state", { kind: "live" });
    await element.updateComplete;

    expect(list(element).getAttribute("aria-busy")).toBe("false");
  });

  test("forgets what it showed at a reset", async () => {
    const element = await show();
    client().say("events", { events: [event(1, { n: 1 })], live: true });

    client().say("reset", { epoch: "bbbb", sequence: 0 });
    await element.updateComplete;

    expect(textOf(element, "record")).toEqual([]);
  });

  test("tells of a problem", async () => {
    const element = await show();

    client().say("problem", { code: "page-too-old", message: "This page is too old." });
    await element.updateComplete;

    expect(textOf(element, "problem")).toEqual(["This page is too old."]);
  });

  test("stops when it leaves the page, and starts when it comes back", async () => {
    const element = await show();
    const first = client();

    element.remove();
    expect(first.isRunning).toBe(false);
    document.body.append(element);
    await element.updateComplete;

    expect(client()).not.toBe(first);
    expect(client().isRunning).toBe(true);
  });

  test("changes to another feed", async () => {
    const element = await show();
    client().say("events", { events: [event(1, { n: 1 })], live: true });
    const first = client();

    element.feed = "stock";
    await element.updateComplete;
    first.say("events", { events: [event(2, { n: 2 })], live: true });
    await element.updateComplete;

    expect(first.isRunning).toBe(false);
    expect(client().options).toMatchObject({ feed: "stock" });
    expect(textOf(element, "record")).toEqual([]);
  });
});
