/**
 * One clock for everything on the page that shows an age. It stands still while the tab is hidden:
 * nobody looks, and a mark that fades should not have faded before it was seen.
 *
 * Ages are of times that a server wrote, so the time is the server's as far as it is known.
 */

import { BROWSER_ALONE, type Clocks } from "./server-clock";

export type Tick = (now: Date) => void;

const INTERVAL_MS = 1000;
const ticks = new Set<Tick>();
let timer: ReturnType<typeof setInterval> | undefined;

let source: Clocks = BROWSER_ALONE;

/** Go by these clocks from now on. */
export function setClocks(clocks: Clocks): void {
  source = clocks;
}

/** The server's time; the browser's where that is not known, or may well be the same. */
export function serverNow(): Date {
  const { from, to } = source.ahead() ?? { from: 0, to: 0 };
  const ahead = from <= 0 && to >= 0 ? 0 : (from + to) / 2;
  return new Date(source.now() + ahead);
}

/** Call `tick` every second while the tab is visible; returns the function that ends it. */
export function everySecond(tick: Tick): () => void {
  ticks.add(tick);
  timer ??= setInterval(runTicks, INTERVAL_MS);
  return () => {
    ticks.delete(tick);
    if (ticks.size > 0) return;
    clearInterval(timer);
    timer = undefined;
  };
}

function runTicks(): void {
  if (document.hidden) return;
  const now = serverNow();
  for (const tick of ticks) tick(now);
}
