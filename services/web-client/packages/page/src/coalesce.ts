/**
 * Turns many calls into few: the first is answered in the next frame, the rest at a pace that leaves
 * the browser room. Frames stop in a hidden tab, so a timer stands behind them.
 */

/** The number of milliseconds between two runs under load. */
const PACE_MS = 100;
/** The number of milliseconds after which a frame that does not come is not waited for. */
const FRAME_LIMIT_MS = 250;

/** Return a function that runs `run` soon; `paceMs` is the least time between two runs. */
export function coalesce(run: () => void, paceMs = PACE_MS): () => void {
  let isScheduled = false;
  let lastRunAt = Number.NEGATIVE_INFINITY;

  const inFrame = () => {
    let isDone = false;
    const once = () => {
      if (isDone) return;
      isDone = true;
      clearTimeout(fallback);
      isScheduled = false;
      lastRunAt = performance.now();
      run();
    };
    const fallback = setTimeout(once, FRAME_LIMIT_MS);
    requestAnimationFrame(once);
  };

  return () => {
    if (isScheduled) return;
    isScheduled = true;
    const wait = lastRunAt + paceMs - performance.now();
    if (wait > 0) setTimeout(inFrame, wait);
    else inFrame();
  };
}
