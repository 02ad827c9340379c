/** How a try to sign in ends. */

import type { Session } from "./library";

/** How many milliseconds a sign-in may take. */
const SIGN_IN_LIMIT_MS = 20_000;

/** Connect and say how it went; an `offline` means that the server was not reached. */
export function outcomeOfConnecting(
  session: Session,
): Promise<"online" | "refused" | "unreachable"> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => resolve("unreachable"), SIGN_IN_LIMIT_MS);
    session.addEventListener("state", ({ detail }) => {
      if (detail.kind === "connecting") return;
      clearTimeout(timer);
      resolve(detail.kind === "offline" ? "unreachable" : detail.kind);
    });
    session.connect();
  });
}
