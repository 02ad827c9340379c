// @vitest-environment jsdom
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { BrowserMemory } from "../src/browser-memory";
import { MOST_REMEMBERED } from "../src/feed-memory";
import { rememberedPositions } from "../src/storage";

const at = (sequence: number, epoch = "k3f9") => ({ epoch, sequence });

beforeEach(() => {
  vi.useFakeTimers();
  localStorage.clear();
});

afterEach(() => vi.useRealTimers());

/** A browser says it to the other tabs, never to the one that wrote. */
const tellTabs = (key: string) => dispatchEvent(new StorageEvent("storage", { key }));

test("what was seen and marked is known to the next page", () => {
  const memory = new BrowserMemory();
  memory.noteSeen("orders", at(7));
  memory.mark("orders", "muted", true);
  memory.mark("stock", "pinned", true);
  memory.save();
  const next = new BrowserMemory();
  expect([next.seenOf("orders"), next.has("orders", "muted"), next.withMark("pinned")]).toEqual([
    at(7),
    true,
    ["stock"],
  ]);
});

test("what is no longer marked is not written down", () => {
  const memory = new BrowserMemory();
  memory.mark("orders", "muted", true);
  memory.mark("orders", "muted", false);
  expect([memory.has("orders", "muted"), localStorage.length]).toEqual([false, 0]);
});

test("a position only moves forward, but for another epoch", () => {
  const memory = new BrowserMemory();
  memory.noteSeen("orders", at(7));
  memory.noteSeen("orders", at(5));
  expect(memory.seenOf("orders")).toEqual(at(7));
  memory.noteSeen("orders", at(2, "n3w1"));
  expect(memory.seenOf("orders")).toEqual(at(2, "n3w1"));
});

test("where a feed begins says nothing where it was seen", () => {
  const memory = new BrowserMemory();
  memory.noteSeen("orders", at(7));
  memory.begin("orders", at(9));
  memory.begin("stock", at(3));
  expect([memory.seenOf("orders"), memory.seenOf("stock")]).toEqual([at(7), at(3)]);
});

test("feeds that are gone are forgotten, and written down no more", () => {
  const memory = new BrowserMemory();
  memory.noteSeen("secret", at(7));
  memory.mark("secret", "muted", true);
  memory.save();
  memory.forget(["secret", "never-known"]);
  expect([memory.seenOf("secret"), memory.has("secret", "muted")]).toEqual([null, false]);
  expect(JSON.stringify({ ...localStorage })).not.toContain("secret");
});

test("so many are kept, those noted last", () => {
  const memory = new BrowserMemory();
  for (let n = 0; n < MOST_REMEMBERED + 5; n += 1) memory.noteSeen(`feed-${n}`, at(n));
  memory.noteSeen("feed-5", at(2_000));
  memory.noteSeen("one-more", at(1));
  memory.save();
  const kept = rememberedPositions().map(([slug]) => slug);
  expect([kept.length, kept.includes("feed-5"), kept.includes("feed-6")]).toEqual([
    MOST_REMEMBERED,
    true,
    false,
  ]);
});

test("of two tabs the one that saw further counts, and both keep their marks", () => {
  const [one, other] = [new BrowserMemory(), new BrowserMemory()];
  one.noteSeen("orders", at(9));
  other.noteSeen("orders", at(7));
  other.noteSeen("stock", at(3));
  one.mark("orders", "muted", true);
  other.mark("stock", "pinned", true);
  one.save();
  other.save();
  expect(new Map(rememberedPositions())).toEqual(
    new Map([
      ["orders", at(9)],
      ["stock", at(3)],
    ]),
  );
  const next = new BrowserMemory();
  expect([next.has("orders", "muted"), next.has("stock", "pinned")]).toEqual([true, true]);
});

test("what one tab has seen and marked another one is told", () => {
  const told: (readonly string[])[] = [];
  const there = new BrowserMemory();
  there.mark("stock", "muted", true);
  const here = new BrowserMemory((slugs) => told.push(slugs));
  here.noteSeen("orders", at(5));
  here.noteSeen("others", at(9));
  there.noteSeen("orders", at(7));
  there.noteSeen("others", at(3));
  vi.advanceTimersByTime(1_000);
  tellTabs("aviso.seen");
  there.mark("orders", "notify", true);
  there.mark("stock", "muted", false);
  tellTabs("aviso.marks");
  tellTabs("aviso.theme");
  expect([here.seenOf("orders"), here.seenOf("others")]).toEqual([at(7), at(9)]);
  expect([here.withMark("notify"), here.withMark("muted")]).toEqual([["orders"], []]);
  expect(told.map((slugs) => [...slugs].sort())).toEqual([["orders"], ["orders", "stock"]]);
});

test("what was seen here of another epoch is not taken back by what was there", () => {
  const [here, there] = [new BrowserMemory(), new BrowserMemory()];
  there.noteSeen("orders", at(7));
  there.save();
  here.noteSeen("orders", at(2, "n3w1"));
  tellTabs("aviso.seen");
  expect(here.seenOf("orders")).toEqual(at(2, "n3w1"));
  here.save();
  there.save();
  tellTabs("aviso.seen");
  expect(there.seenOf("orders")).toEqual(at(2, "n3w1"));
});

test("however much is seen it is written down at a pace", () => {
  const memory = new BrowserMemory();
  const kept = () => rememberedPositions()[0]?.[1].sequence;
  const steps = [];
  for (let n = 1; n <= 60; n += 1) {
    memory.noteSeen("orders", at(n));
    vi.advanceTimersByTime(100);
    steps.push(kept());
  }
  expect([...new Set(steps)]).toEqual([undefined, 10, 60]);
});

test.each(["", "no json", "{}", "[1]", '[["a"]]', '[["a","e","x"]]', '[[1,"e",2]]'])(
  "what stands there as %j is no position",
  (text) => {
    localStorage.setItem("aviso.seen", text);
    expect(new BrowserMemory().seenOf("a")).toBeNull();
  },
);

test.each(["{", "{}", "[1]", '[["a"]]', '[["a",["loud"]]]', '[[1,["muted"]]]'])(
  "what stands there as %j is no mark",
  (text) => {
    localStorage.setItem("aviso.marks", text);
    expect(new BrowserMemory().withMark("muted")).toEqual([]);
  },
);
