/** The browser, as the engine needs it. */

import type { HostListener, HostPort } from "../engine/ports";
import { AvisoError } from "../model/errors";
import { restOver } from "./rest";
import { openStropheLink } from "./strophe-link";

const MOST_DELAY_MS = 2 ** 31 - 1;

const NO_BROWSER = "Only a browser connects; on a server guests, tickets and keys ask over REST.";

export function browserHost(): HostPort {
  return {
    rest: restOver((input, init) => globalThis.fetch(input, init)),
    openLink: openStropheLink,
    now: () => performance.now(),
    wall: () => Date.now(),
    random: () => Math.random(),
    // A browser takes a longer delay for none at all.
    setTimer: (callback, delayMs) =>
      globalThis.setTimeout(callback, Math.min(delayMs, MOST_DELAY_MS)),
    clearTimer: (timer) => globalThis.clearTimeout(timer as number),
    watch: watchBrowser,
  };
}

function watchBrowser(listener: HostListener): () => void {
  if (typeof window === "undefined") throw new AvisoError("no-browser", NO_BROWSER);
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
