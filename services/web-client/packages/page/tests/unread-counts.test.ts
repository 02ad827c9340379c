// @vitest-environment jsdom
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { BrowserMemory } from "../src/browser-memory";
import type { FeedHead } from "../src/library";
import { UnreadCounts } from "../src/unread-counts";

const heads = new Map<string, FeedHead>();
let answer: () => Promise<FeedHead[] | null>;
let asked: number[];
let lost: string[];
let seen: BrowserMemory;
let counts: UnreadCounts;

beforeEach(() => {
  vi.useFakeTimers();
  localStorage.clear();
  heads.clear();
  write("a", 5);
  write("b", 5);
  answer = async () => [...heads.values()];
  asked = [];
  lost = [];
  seen = new BrowserMemory();
  counts = new UnreadCounts(() => seen, {
    shown: () => ["a", "b"],
    ask: () => {
      asked.push(Date.now());
      return answer();
    },
    lose: (slugs) => lost.push(...slugs),
    onChange: () => {},
  });
});

afterEach(() => {
  counts.setVisible(false);
  vi.useRealTimers();
});

function write(slug: string, head: number, epoch = "k3f9"): void {
  heads.set(slug, { slug, epoch, head });
}

const pauses = () => asked.slice(1).map((at, index) => at - (asked[index] ?? 0));

test("what a feed begins with is seen, what follows is unread", async () => {
  counts.setVisible(true);
  await vi.advanceTimersByTimeAsync(0);
  write("a", 9);
  await vi.advanceTimersByTimeAsync(10_000);
  expect([counts.of("a"), counts.of("b"), counts.sum(() => true)]).toEqual([4, 0, 4]);
});

test("a new epoch begins anew", async () => {
  counts.setVisible(true);
  await vi.advanceTimersByTimeAsync(0);
  write("a", 2, "n3w1");
  await vi.advanceTimersByTimeAsync(10_000);
  expect(counts.of("a")).toBe(0);
  write("a", 3, "n3w1");
  await vi.advanceTimersByTimeAsync(10_000);
  expect(counts.of("a")).toBe(1);
});

test("while nothing changes it asks less and less often, down to once a minute", async () => {
  counts.setVisible(true);
  await vi.advanceTimersByTimeAsync(10 * 60_000);
  expect(Math.max(...pauses())).toBeLessThanOrEqual(60_000);
  expect(Math.min(...pauses().slice(6))).toBeGreaterThanOrEqual(45_000);

  const before = asked.length;
  write("a", 6);
  await vi.advanceTimersByTimeAsync(75_000);
  expect(pauses()[before]).toBeLessThanOrEqual(10_000);
});

test("pages that were opened together do not ask together", async () => {
  const random = vi.spyOn(Math, "random");
  const firstPauses = [];
  for (const value of [0, 1]) {
    random.mockReturnValue(value);
    asked = [];
    counts.setVisible(true);
    await vi.advanceTimersByTimeAsync(20_000);
    counts.setVisible(false);
    firstPauses.push(pauses()[0]);
  }
  expect(firstPauses[0]).not.toBe(firstPauses[1]);
});

test("a server that says when to come again is left alone until then", async () => {
  answer = async () => {
    throw { status: 429, retryAfterMs: 120_000 };
  };
  counts.setVisible(true);
  await vi.advanceTimersByTimeAsync(119_000);
  counts.setVisible(false);
  counts.setVisible(true);
  await vi.advanceTimersByTimeAsync(500);
  expect(asked.length).toBe(1);
  await vi.advanceTimersByTimeAsync(1_000);
  expect(asked.length).toBe(2);
});

test("coming back asks at once, and coming back again and again does not", async () => {
  counts.setVisible(true);
  await vi.advanceTimersByTimeAsync(0);
  counts.setVisible(false);
  await vi.advanceTimersByTimeAsync(10 * 60_000);
  expect(asked.length).toBe(1);
  for (let times = 0; times < 10; times += 1) {
    counts.setVisible(true);
    await vi.advanceTimersByTimeAsync(10);
    counts.setVisible(false);
  }
  expect(asked.length).toBe(2);
});

test("what is left out is lost, and an answer that is nobody's changes nothing", async () => {
  heads.delete("b");
  counts.setVisible(true);
  await vi.advanceTimersByTimeAsync(0);
  expect(lost).toEqual(["b"]);
  answer = async () => null;
  await vi.advanceTimersByTimeAsync(10_000);
  expect(lost).toEqual(["b"]);
});
