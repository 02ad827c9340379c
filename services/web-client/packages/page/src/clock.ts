/**
 * One clock for everything on the page that shows an age. It stands still while the tab is hidden:
 * nobody looks, and a mark that fades should not have faded before it was seen.
 */

export type Tick = (now: Date) => void;

const INTERVAL_MS = 1000;
const ticks = new Set<Tick>();
let timer: ReturnType<typeof setInterval> | undefined;

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
  const now = new Date();
  for (const tick of ticks) tick(now);
}
