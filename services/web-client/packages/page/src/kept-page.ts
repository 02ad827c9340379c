/** Has the browser keep the page itself (worker/service-worker.ts). */

const PLACE = "/service-worker.js";

/** Where a browser has no such workers, or forbids them, the page needs a network to open: no more. */
export function keepPage(): void {
  if (!import.meta.env.PROD || navigator.serviceWorker === undefined) return;
  // What the page needs to start comes first.
  window.addEventListener("load", () => {
    navigator.serviceWorker.register(PLACE).catch(() => {});
  });
}
