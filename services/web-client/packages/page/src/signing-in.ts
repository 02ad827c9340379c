/** How a try to sign in ends. */

import type { Client } from "./library";

/** How many milliseconds a sign-in may take. */
const SIGN_IN_LIMIT_MS = 20_000;

/** Connect and say how it went; an `offline` means that the server was not reached. */
export function outcomeOfConnecting(client: Client): Promise<"online" | "refused" | "unreachable"> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => resolve("unreachable"), SIGN_IN_LIMIT_MS);
    client.on("state", (state) => {
      if (state.kind === "connecting") return;
      clearTimeout(timer);
      resolve(state.kind === "offline" ? "unreachable" : state.kind);
    });
    client.connect();
  });
}
