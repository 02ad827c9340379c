/** Waits until a subscription is live. */

import { AvisoError } from "../model/errors";
import type { Position } from "../model/positions";
import type { FeedState } from "./states";

type Watched = {
  readonly state: FeedState;
  readonly position: Position | null;
  on(name: "state", listener: (state: FeedState) => void): () => void;
};

export function becomesLive(watched: Watched, closing: AbortSignal): Promise<Position | null> {
  return new Promise((resolve, reject) => {
    let off = (): void => {};
    const settle = (): boolean => {
      const { state, position } = watched;
      if (closing.aborted)
        reject(new AvisoError("subscription-closed", "The subscription was closed."));
      else if (state.kind === "refused") reject(new AvisoError(state.code, state.reason));
      else if (state.kind === "live") resolve(position);
      else return false;
      off();
      closing.removeEventListener("abort", settle);
      return true;
    };
    if (settle()) return;
    off = watched.on("state", settle);
    closing.addEventListener("abort", settle);
  });
}
