/** How tabs of one browser find one another: Web Locks and BroadcastChannel. */

import type { LockListener, PageListener, TabsPort } from "../engine/tabs/ports";

/** Before the name of who did, in localStorage. */
const SIGNED_OUT = "aviso-feed signed out ";

/** So that a password cannot be tried against its name quickly. */
const ROUNDS = 100_000;

/**
 * undefined where tabs cannot share: an insecure page has no Web Locks, nor have old browsers, and a
 * page may be kept from them.
 */
export function browserTabs(): TabsPort | undefined {
  try {
    const { locks } = globalThis.navigator;
    const canShare =
      locks !== undefined &&
      typeof BroadcastChannel === "function" &&
      typeof document !== "undefined" &&
      globalThis.location.origin !== "null";
    return canShare ? tabsOver(locks) : undefined;
  } catch {
    return undefined;
  }
}

function tabsOver(locks: LockManager): TabsPort {
  return {
    pageOrigin: globalThis.location.origin,
    requestLock: (name, how, listener) => requestLock(locks, name, how, listener),
    openChannel(name, onMessage) {
      const channel = new BroadcastChannel(name);
      channel.onmessage = ({ data }) => onMessage(data);
      return {
        post: (data) => channel.postMessage(data),
        close() {
          channel.onmessage = null;
          channel.close();
        },
      };
    },
    digest,
    signOuts: {
      get: (reader) => Number(localStorage.getItem(SIGNED_OUT + reader)),
      note: (reader, at) => localStorage.setItem(SIGNED_OUT + reader, String(at)),
    },
    isVisible: () => document.visibilityState === "visible",
    watch: watchPage,
  };
}

function requestLock(
  locks: LockManager,
  name: string,
  how: "wait" | "steal",
  listener: LockListener,
): () => void {
  const stopping = new AbortController();
  let give: () => void = () => {};
  let isHeld = false;
  let isGivenBack = false;
  const hold = (): Promise<void> | undefined => {
    if (isGivenBack) return undefined;
    isHeld = true;
    listener.held();
    // Given back within that call, it is not to be kept.
    return isGivenBack ? undefined : new Promise((resolve) => (give = resolve));
  };
  // The one excludes the other.
  const options = how === "steal" ? { steal: true } : { signal: stopping.signal };
  // Even what is thrown at once is told later.
  Promise.resolve()
    .then(() => locks.request(name, options, hold))
    .catch(() => {
      if (isGivenBack) return;
      if (isHeld) listener.lost();
      else listener.failed();
    });
  return () => {
    isGivenBack = true;
    give();
    stopping.abort();
  };
}

async function digest(secret: string, salt: string): Promise<string> {
  const encoder = new TextEncoder();
  const { subtle } = globalThis.crypto;
  const key = await subtle.importKey("raw", encoder.encode(secret), "PBKDF2", false, [
    "deriveBits",
  ]);
  const bits = await subtle.deriveBits(
    { name: "PBKDF2", hash: "SHA-256", salt: encoder.encode(salt), iterations: ROUNDS },
    key,
    256,
  );
  return Array.from(new Uint8Array(bits), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

function watchPage(listener: PageListener): () => void {
  const ending = new AbortController();
  const options = { signal: ending.signal };
  document.addEventListener("freeze", () => listener.freeze(), options);
  document.addEventListener("resume", () => listener.thaw(), options);
  // Kept for the way back, or gone for good.
  window.addEventListener("pagehide", () => listener.freeze(), options);
  window.addEventListener("pageshow", () => listener.thaw(), options);
  document.addEventListener(
    "visibilitychange",
    () => {
      if (document.visibilityState === "visible") listener.show();
    },
    options,
  );
  return () => ending.abort();
}
