/**
 * Everything outside that the engine touches, handed in: one engine, two hosts (a browser, a test).
 */

import { openStropheLink } from "../edges/strophe-link";
import type { OpenLink } from "./link";

export type Timer = unknown;

export type HostListener = {
  /** The browser says that it is online again. */
  online(): void;
  offline(): void;
  /** Somebody looks at the page again; a laptop may have slept meanwhile. */
  wake(): void;
  /** The page goes for good. */
  leave(): void;
};

export type Host = {
  readonly fetch: typeof fetch;
  readonly openLink: OpenLink;
  /** Milliseconds since 1970. */
  now(): number;
  /** 0 ≤ random < 1. */
  random(): number;
  setTimer(callback: () => void, delayMs: number): Timer;
  clearTimer(timer: Timer): void;
  /** Returns the function that stops watching. */
  watch(listener: HostListener): () => void;
};

/** In milliseconds. */
export type Timings = {
  /** A WebSocket that does not open meanwhile is given up for BOSH. */
  readonly openTimeout: number;
  /** So long nothing at all may come while an answer is waited for: then there is none. */
  readonly answerTimeout: number;
  /** The same for a ping, which asks whether the connection lives. */
  readonly wakeTimeout: number;
  /** Other things come, and of this answer nothing for so long: it was lost. */
  readonly answerLimit: number;
  readonly retryFirst: number;
  readonly retryMax: number;
  /** A connection that lasted this long was a good one: the back-off begins anew. */
  readonly stableAfter: number;
  /** So long without an event, then look whether one was missed. */
  readonly silence: number;
};

export const TIMINGS: Timings = {
  openTimeout: 8_000,
  answerTimeout: 15_000,
  wakeTimeout: 3_000,
  answerLimit: 60_000,
  retryFirst: 1_000,
  retryMax: 30_000,
  stableAfter: 10_000,
  silence: 30_000,
};

const MOST_DELAY_MS = 2 ** 31 - 1;

export function browserHost(): Host {
  return {
    fetch: (input, init) => globalThis.fetch(input, init),
    openLink: openStropheLink,
    now: () => Date.now(),
    random: () => Math.random(),
    // A browser takes a longer delay for none at all.
    setTimer: (callback, delayMs) =>
      globalThis.setTimeout(callback, Math.min(delayMs, MOST_DELAY_MS)),
    clearTimer: (timer) => globalThis.clearTimeout(timer as number),
    watch: watchBrowser,
  };
}

function watchBrowser(listener: HostListener): () => void {
  const ending = new AbortController();
  const options = { signal: ending.signal };
  window.addEventListener("online", () => listener.online(), options);
  window.addEventListener("offline", () => listener.offline(), options);
  window.addEventListener("pageshow", () => listener.wake(), options);
  window.addEventListener(
    "pagehide",
    (event) => {
      if (!event.persisted) listener.leave();
    },
    options,
  );
  document.addEventListener(
    "visibilitychange",
    () => {
      if (document.visibilityState === "visible") listener.wake();
    },
    options,
  );
  return () => ending.abort();
}
