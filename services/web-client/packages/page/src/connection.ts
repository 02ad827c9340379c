/** What is said of the connection: one state out of the client's and the feed's. Pure. */

import type { ConnectionState, FeedState } from "./library";
import type { MessageKey, Translate } from "./locale";

/** The feed's state counts where the client is online; else the client's is the reason for it. */
export function shownState(client: ConnectionState, feed: FeedState | null): FeedState {
  if (client.kind !== "online") return client;
  return feed ?? { kind: "live" };
}

export function stateText(state: FeedState, t: Translate): string {
  switch (state.kind) {
    case "connecting":
      return t("stateConnecting");
    case "catching-up":
      return state.left > 0
        ? t("stateCatchingUpLeft", { count: state.left })
        : t("stateCatchingUp");
    case "live":
      return t("stateLive");
    case "offline":
      return t("stateOffline");
    case "refused":
      return t("stateRefused");
  }
}

export function stateHint(state: FeedState, t: Translate): string {
  switch (state.kind) {
    case "connecting":
      return t("stateConnectingHint");
    case "catching-up":
      return t("stateCatchingUpHint");
    case "live":
      return t("stateLiveHint");
    case "offline":
      return t(offlineHint(state));
    case "refused":
      return t("stateRefusedHint");
  }
}

export function offlineHint(state: Extract<FeedState, { kind: "offline" }>): MessageKey {
  switch (state.code) {
    case "too-many-requests":
      return "stateTooMany";
    case "server-error":
      return "stateServerError";
    case "other-address":
      return "stateOtherAddress";
    case undefined:
      return "stateOfflineHint";
  }
}

/** Return the whole seconds until a time; 0 when it has come. */
export function secondsUntil(time: Date, now: Date): number {
  return Math.max(0, Math.ceil((time.getTime() - now.getTime()) / 1000));
}
