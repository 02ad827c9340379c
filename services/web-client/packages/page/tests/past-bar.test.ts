// @vitest-environment jsdom
import { RecordStore } from "aviso-feed";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { Locale } from "../src/locale";
import { PastBar } from "../src/past-bar";
import { PastRecords, type ReadPast } from "../src/past-records";
import { readingIn } from "../src/reading";
import type { Moment } from "../src/record-reading";
import { WatchedFeed } from "../src/watched-feed";
import { eventOf, FakeSubscription, feedInfo } from "./fake-library";

const TIME = new Date("2026-11-24T09:30:00Z");

let subscription: FakeSubscription;
let feed: WatchedFeed;
let bar: PastBar;
let said: (string | null)[];

beforeEach(() => {
  vi.useFakeTimers({ now: TIME, toFake: ["setTimeout", "clearTimeout", "Date"] });
  subscription = new FakeSubscription("orders", null);
  feed = new WatchedFeed(feedInfo("orders"), new RecordStore());
  feed.follow(subscription);
  subscription.deliver([eventOf(10)], false);
  subscription.become({ kind: "live" });
});

afterEach(() => {
  bar.remove();
  vi.useRealTimers();
});

async function shown(past: PastRecords | null = null, locale: Locale = "en"): Promise<void> {
  said = [];
  bar = new PastBar();
  bar.feed = feed;
  bar.past = past;
  bar.reading = readingIn(locale);
  bar.addEventListener("past-change", (event) => {
    said.push((event as CustomEvent<string | null>).detail);
  });
  document.body.append(bar);
  await bar.updateComplete;
}

/** The feed as it was after one of its events. */
async function pastOf(at: string, moment: Partial<Moment> = {}): Promise<PastRecords> {
  const read: ReadPast = async () => ({
    records: [],
    cursor: null,
    moment: { sequence: Number(at), time: TIME, oldest: 1, ...moment },
  });
  const past = new PastRecords(feed, at, read);
  past.start();
  await vi.advanceTimersByTimeAsync(0);
  return past;
}

const slider = () => bar.querySelector(".past-slider") as HTMLInputElement;
const words = () => bar.querySelector(".past-said")?.textContent;
const back = () => bar.querySelector<HTMLButtonElement>("[data-action=live]");

async function slideTo(sequence: number): Promise<void> {
  slider().value = String(sequence);
  slider().dispatchEvent(new InputEvent("input", { bubbles: true }));
  await bar.updateComplete;
}

async function jumpTo(time: string): Promise<void> {
  (bar.querySelector("[name=time]") as HTMLInputElement).value = time;
  bar
    .querySelector(".past-jump")
    ?.dispatchEvent(new SubmitEvent("submit", { bubbles: true, cancelable: true }));
}

test("before somebody looks back the slider stands at the newest event", async () => {
  await shown();
  expect([slider().min, slider().max, slider().value]).toEqual(["1", "10", "10"]);
  expect(words()).toBe("Live. The newest is event 10.");
  expect(slider().getAttribute("aria-valuetext")).toBe(words());
  expect(back()).toBeNull();
});

test("a feed in which nothing happened yet has a slider of one place", async () => {
  feed = new WatchedFeed(feedInfo("orders"), new RecordStore());
  await shown();
  expect([slider().min, slider().max, slider().value]).toEqual(["0", "0", "0"]);
});

test("what was then is asked for once the slider rests, and its place is said meanwhile", async () => {
  await shown();
  for (const sequence of [8, 6, 4]) {
    await slideTo(sequence);
    vi.advanceTimersByTime(200);
  }
  expect(words()).toBe("Event 4 of 10");
  expect(said).toEqual([]);
  vi.advanceTimersByTime(100);
  expect(said).toEqual(["4"]);
});

test("at its end the slider leads back to what is", async () => {
  await shown(await pastOf("4"));
  await slideTo(10);
  vi.advanceTimersByTime(300);
  expect(said).toEqual([null]);
});

test("a moment is said with its time, its event and how many there are", async () => {
  await shown(await pastOf("4"), "es");
  expect(slider().value).toBe("4");
  expect(words()).toMatch(/^Tal como era: .*\(evento 4 de 10\)$/);
  expect(bar.querySelector("[data-past]")?.getAttribute("data-past")).toBe("4");
});

test("before the first event there was nothing, and no time", async () => {
  await shown(await pastOf("0", { time: null }));
  expect(words()).toBe("Before the first event");
});

test("what arrives meanwhile is counted at the way back and moves no slider", async () => {
  const past = await pastOf("4");
  await shown(past);
  expect(back()?.textContent?.trim()).toBe("Back to live");
  subscription.deliver([eventOf(11), eventOf(12)]);
  await vi.advanceTimersByTimeAsync(1_000);
  await bar.updateComplete;
  expect(back()?.dataset.arrived).toBe("2");
  expect(slider().max).toBe("10");
  back()?.click();
  expect(said).toEqual([null]);
});

test("a time that is jumped to is the reader's own", async () => {
  await shown();
  await jumpTo("2026-11-24T10:15:30");
  expect(said).toEqual([new Date(2026, 10, 24, 10, 15, 30).toISOString()]);
});

test("no time is jumped to where none was given", async () => {
  await shown();
  await jumpTo("");
  expect(said).toEqual([]);
});

test("a slider that was let go before it rested asks nothing when somebody jumps or leaves", async () => {
  await shown();
  await slideTo(4);
  await jumpTo("2026-11-24T10:15");
  await slideTo(3);
  bar.remove();
  vi.advanceTimersByTime(1_000);
  expect(said).toHaveLength(1);
});

test("what is not kept any more is said, and out of the slider's reach", async () => {
  await shown(await pastOf("8", { oldest: 6 }));
  expect(slider().min).toBe("6");
  expect(bar.querySelector(".form-hint")?.textContent).toContain("before 6");
});
