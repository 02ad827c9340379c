/**
 * When elements draw: at once where nothing was drawn a moment ago, else all together after a pause.
 * What comes faster than it can be drawn (many elements, a busy machine) would be shown later and
 * later, and nothing else on the page would get its turn.
 */

/** A person sees no pause in it. */
const PAUSE_MS = 100;
/** So many times as long as a round took nothing is drawn: the page has other things to do. */
const REST = 3;

/** - `quiet`: nothing was drawn a moment ago. */
let phase: "quiet" | "drawing" | "resting" = "quiet";
let waiting: (() => void)[] = [];

/** Resolves when it is time to draw. */
export function drawingRound(): Promise<void> {
  if (phase === "resting") return new Promise((resolve) => waiting.push(resolve));
  if (phase === "quiet") begin();
  return Promise.resolve();
}

function begin(): void {
  phase = "drawing";
  const startedAt = performance.now();
  const drawers = waiting;
  waiting = [];
  for (const draw of drawers) draw();
  // After all of the drawing, which is done in microtasks.
  setTimeout(() => rest(performance.now() - startedAt));
}

function rest(drawingMs: number): void {
  phase = "resting";
  setTimeout(
    () => {
      if (waiting.length > 0) begin();
      else phase = "quiet";
    },
    Math.max(PAUSE_MS, REST * drawingMs),
  );
}
