// @vitest-environment jsdom
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { FeedPulse } from "../src/feed-pulse";
import { Pulse } from "../src/pulse";
import { readingIn } from "../src/reading";
import { eventOf } from "./fake-library";

const NOW = Date.parse("2026-11-24T09:30:12Z");

let element: FeedPulse;

beforeEach(async () => {
  vi.useFakeTimers({ now: NOW });
  element = new FeedPulse();
  element.pulse = new Pulse();
  element.pulse.setLive(true, NOW);
  element.pulse.arrive([eventOf(1)], NOW, { from: 0, to: 0 });
  element.isLive = true;
  element.clocks = { now: () => Date.now(), ahead: () => ({ from: 0, to: 0 }) };
  element.reading = readingIn("en");
  document.body.append(element);
  await element.updateComplete;
});

afterEach(() => {
  element.remove();
  vi.useRealTimers();
});

const part = (name: string) => element.querySelector(`[data-pulse=${name}]`)?.textContent;

test("it says how much, when and how late, and goes on by itself", async () => {
  expect([part("rate"), part("last"), part("lag")]).toEqual([
    "1 / s",
    "last event 12 sec. ago",
    "lag about 12 s",
  ]);
  await vi.advanceTimersByTimeAsync(20_000);
  expect([part("rate"), part("last")]).toEqual(["1 / min", "last event 32 sec. ago"]);
});

test("to a screen reader nothing changes before it is opened, then it is there in words", async () => {
  expect(element.querySelector("[role=status], [aria-live]")).toBeNull();
  const heard = [...element.querySelectorAll("summary > :not([aria-hidden])")];
  expect(heard.map(({ textContent }) => textContent)).toEqual(["Pulse of this feed"]);
  expect(element.querySelector("dl")).toBeNull();
  const details = element.querySelector("details");
  if (details === null) throw new Error("there is one");
  details.open = true;
  details.dispatchEvent(new Event("toggle"));
  await element.updateComplete;
  expect(element.querySelector("dl")?.textContent).toContain("lag about 12 s");
});

test("where the connection is gone no number stands for it", async () => {
  element.isLive = false;
  await element.updateComplete;
  expect([part("rate"), part("lag")]).toEqual(["– / s", "lag unknown"]);
});
