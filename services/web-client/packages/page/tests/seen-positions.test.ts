// @vitest-environment jsdom
import { beforeEach, expect, test } from "vitest";
import { MOST_SEEN, SeenPositions } from "../src/seen-positions";
import { rememberedPositions } from "../src/storage";

const at = (sequence: number, epoch = "k3f9") => ({ epoch, sequence });

beforeEach(() => localStorage.clear());

test("what was seen is known to the next page, of public feeds", () => {
  const seen = new SeenPositions();
  seen.note("orders", at(7), true);
  seen.note("secret", at(7), false);
  seen.save();
  const next = new SeenPositions();
  expect([next.get("orders"), next.get("secret"), seen.get("secret")]).toEqual([
    at(7),
    null,
    at(7),
  ]);
  expect(JSON.stringify({ ...localStorage })).not.toContain("secret");
});

test("a feed that became private is forgotten where it was written down", () => {
  const seen = new SeenPositions();
  seen.note("orders", at(7), true);
  seen.save();
  seen.note("orders", at(7), false);
  seen.save();
  expect(rememberedPositions()).toEqual([]);
});

test("so many are kept, those noted last", () => {
  const seen = new SeenPositions();
  for (let n = 0; n < MOST_SEEN + 5; n += 1) seen.note(`feed-${n}`, at(n), true);
  seen.note("feed-5", at(99), true);
  seen.note("one-more", at(1), true);
  seen.save();
  const kept = rememberedPositions().map(([slug]) => slug);
  expect([kept.length, kept.includes("feed-5"), kept.includes("feed-6")]).toEqual([
    MOST_SEEN,
    true,
    false,
  ]);
});

test("of two tabs the one that saw further counts", () => {
  const [one, other] = [new SeenPositions(), new SeenPositions()];
  one.note("orders", at(9), true);
  other.note("orders", at(7), true);
  other.note("stock", at(3), true);
  one.save();
  other.save();
  expect(new Map(rememberedPositions())).toEqual(
    new Map([
      ["orders", at(9)],
      ["stock", at(3)],
    ]),
  );
});

test.each(["", "no json", "{}", "[1]", '[["a"]]', '[["a","e","x"]]', '[[1,"e",2]]'])(
  "what stands there as %j is no position",
  (text) => {
    localStorage.setItem("aviso.seen", text);
    expect(new SeenPositions().get("a")).toBeNull();
  },
);
