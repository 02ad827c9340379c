// @vitest-environment jsdom
import { beforeEach, expect, test } from "vitest";
import { BrowserMemory } from "../src/browser-memory";
import { MOST_REMEMBERED } from "../src/feed-memory";
import { rememberedPositions } from "../src/storage";

const at = (sequence: number, epoch = "k3f9") => ({ epoch, sequence });

beforeEach(() => localStorage.clear());

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
