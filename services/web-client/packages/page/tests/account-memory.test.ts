// @vitest-environment jsdom
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { AccountMemory } from "../src/account-memory";
import type { FeedMarks } from "../src/library";
import { FakeClient } from "./fake-library";

const at = (sequence: number, epoch = "k3f9") => ({ epoch, sequence });
const kept = (
  feed: string,
  seen: FeedMarks["seen"],
  ...marks: FeedMarks["marks"][number][]
): FeedMarks => ({ feed, seen, marks });

let client: FakeClient;
let told: string[][];
let memory: AccountMemory;

beforeEach(() => {
  vi.useFakeTimers();
  localStorage.clear();
  client = new FakeClient();
  told = [];
  memory = new AccountMemory(client, (slugs) => told.push([...slugs]));
});

afterEach(() => vi.useRealTimers());

async function goOnline(...marks: FeedMarks[]): Promise<void> {
  client.kept = marks;
  client.become({ kind: "online", jid: "ada@localhost/a" });
  await vi.advanceTimersByTimeAsync(0);
}

const pass = (ms: number) => vi.advanceTimersByTimeAsync(ms);

test("what the server keeps is known once it has said so", async () => {
  await goOnline(kept("orders", at(7), "muted"), kept("stock", null, "pinned"));
  expect([memory.seenOf("orders"), memory.has("orders", "muted")]).toEqual([at(7), true]);
  expect([memory.seenOf("stock"), memory.withMark("pinned")]).toEqual([null, ["stock"]]);
  expect(told).toEqual([["orders", "stock"]]);
});

test("what the server knows takes the place of where a feed began, not of what was seen", async () => {
  memory.begin("orders", at(9));
  memory.begin("new", at(3));
  memory.noteSeen("stock", at(9));
  await goOnline(kept("orders", at(7)), kept("stock", at(7)));
  expect([memory.seenOf("orders"), memory.seenOf("stock")]).toEqual([at(7), at(9)]);
  expect(client.changes.flat()).toEqual([
    { feed: "new", seen: at(3), begins: true },
    { feed: "stock", seen: at(9) },
  ]);
});

test("another device moves it forward and never back", async () => {
  await goOnline(kept("orders", at(7)));
  client.tellMarks(kept("orders", at(9)));
  client.tellMarks(kept("orders", at(8)));
  expect(memory.seenOf("orders")).toEqual(at(9));
});

test("what another device says of another epoch counts, unless this one has just seen it", async () => {
  await goOnline(kept("orders", at(7)));
  client.tellMarks(kept("orders", at(2, "n3w1")));
  expect(memory.seenOf("orders")).toEqual(at(2, "n3w1"));
  memory.noteSeen("orders", at(3, "n3w2"));
  client.tellMarks(kept("orders", at(4, "n3w1")));
  expect(memory.seenOf("orders")).toEqual(at(3, "n3w2"));
});

test("the server is told soon, of all in one, and then at a pace", async () => {
  await goOnline();
  for (let n = 1; n <= 5; n += 1) memory.noteSeen("orders", at(n));
  await pass(1_000);
  expect(client.changes).toEqual([[{ feed: "orders", seen: at(5) }]]);
  memory.noteSeen("orders", at(6));
  await pass(3_000);
  expect(client.changes.length).toBe(1);
  await pass(2_000);
  expect(client.changes.at(-1)).toEqual([{ feed: "orders", seen: at(6) }]);
});

test("a mark is told at once, and what is taken back is not set", async () => {
  await goOnline();
  memory.mark("orders", "muted", true);
  memory.mark("orders", "pinned", true);
  memory.mark("orders", "muted", false);
  await pass(100);
  expect(client.changes.flat()).toEqual([{ feed: "orders", set: ["pinned"], unset: ["muted"] }]);
});

test("a mark that was not told yet is not taken back by what the server says", async () => {
  await goOnline(kept("orders", null, "muted"));
  memory.mark("orders", "muted", false);
  memory.mark("orders", "pinned", true);
  client.tellMarks(kept("orders", null, "muted"));
  expect([memory.has("orders", "muted"), memory.has("orders", "pinned")]).toEqual([false, true]);
});

test("nor while the server is told of it", async () => {
  await goOnline(kept("orders", null));
  let resolve = (): void => {};
  client.changeMarks = () =>
    new Promise((done) => {
      resolve = done;
    });
  memory.mark("orders", "pinned", true);
  await pass(100);
  client.tellMarks(kept("orders", null));
  expect(memory.withMark("pinned")).toEqual(["orders"]);
  resolve();
  await pass(0);
  client.tellMarks(kept("orders", null));
  expect(memory.withMark("pinned")).toEqual([]);
});

test("what could not be told is told later, and nothing between is lost", async () => {
  await goOnline();
  client.kept = new Error("gone");
  memory.mark("orders", "muted", true);
  await pass(100);
  memory.noteSeen("orders", at(5));
  client.kept = [];
  await pass(20_000);
  expect(client.changes.flat()).toEqual([{ feed: "orders", seen: at(5), set: ["muted"] }]);
});

test("what the server can't read is not sent again", async () => {
  await goOnline();
  client.kept = Object.assign(new Error("no"), { condition: "bad-request" });
  memory.mark("orders", "muted", true);
  await pass(100);
  client.kept = [];
  await pass(60_000);
  expect(client.changes).toEqual([]);
});

test("after an absence the server is asked again", async () => {
  await goOnline(kept("orders", at(7)));
  client.become({ kind: "offline", reason: "", retryAt: null });
  memory.mark("stock", "pinned", true);
  await pass(60_000);
  await goOnline(kept("orders", at(12)));
  expect([memory.seenOf("orders"), client.changes.flat()]).toEqual([
    at(12),
    [{ feed: "stock", set: ["pinned"] }],
  ]);
});

test("no more than a hundred changes go at once", async () => {
  await goOnline();
  for (let n = 0; n < 150; n += 1) memory.begin(`feed-${n}`, at(1));
  await pass(30_000);
  expect(client.changes.map(({ length }) => length)).toEqual([100, 50]);
});

test("where more feeds begin than the server keeps is not told, what was seen of them is", async () => {
  await goOnline();
  for (let n = 0; n < 1_200; n += 1) memory.begin(`feed-${n}`, at(1));
  await pass(120_000);
  expect(client.changes.flat().length).toBe(1_000);
  expect(memory.seenOf("feed-1100")).toEqual(at(1));
  memory.noteSeen("feed-1100", at(2));
  await pass(10_000);
  expect(client.changes.at(-1)).toEqual([{ feed: "feed-1100", seen: at(2) }]);
});

test("nothing of it is in the browser's storage", async () => {
  await goOnline(kept("orders", at(7), "muted"));
  memory.noteSeen("orders", at(9));
  memory.save();
  expect([localStorage.length, sessionStorage.length]).toEqual([0, 0]);
});
