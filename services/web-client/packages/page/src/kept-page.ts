/** Has the browser keep the page itself (worker/service-worker.ts). */

const PLACE = "/service-worker.js";

type Factory = {
  createPolicy(
    name: string,
    rules: { createScriptURL(url: string): string },
  ): { createScriptURL(url: string): string };
};

/** The page's Content-Security-Policy lets scripts come from places alone that a policy of these names gives. */
const policy = (globalThis as { trustedTypes?: Factory }).trustedTypes?.createPolicy("aviso-page", {
  createScriptURL: () => PLACE,
});

/** Where a browser has no such workers, or forbids them, the page needs a network to open: no more. */
export function keepPage(): void {
  if (!import.meta.env.PROD || navigator.serviceWorker === undefined) return;
  // What the page needs to start comes first.
  window.addEventListener("load", () => {
    navigator.serviceWorker.register(policy?.createScriptURL(PLACE) ?? PLACE).catch(() => {});
  });
}
