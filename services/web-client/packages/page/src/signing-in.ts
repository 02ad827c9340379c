/** How a try to sign in ends. */

import type { Client } from "./library";

/** How many milliseconds a sign-in may take. */
const SIGN_IN_LIMIT_MS = 20_000;

type Outcome = "online" | "refused" | "unreachable" | "given-up";

/** Connect and say how it went; an `offline` means that the server was not reached. */
export function outcomeOfConnecting(client: Client, signal?: AbortSignal): Promise<Outcome> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => resolve("unreachable"), SIGN_IN_LIMIT_MS);
    const giveUp = () => {
      clearTimeout(timer);
      resolve("given-up");
    };
    if (signal?.aborted) return giveUp();
    signal?.addEventListener("abort", giveUp, { once: true });
    client.on("state", (state) => {
      if (state.kind === "connecting") return;
      clearTimeout(timer);
      resolve(state.kind === "offline" ? "unreachable" : state.kind);
    });
    client.connect();
  });
}
