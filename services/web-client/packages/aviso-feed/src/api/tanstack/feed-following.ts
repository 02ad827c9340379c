/** Follows a feed into the rows of a collection, and tells the collection what is true of the feed. */

import { CATCH_UP_LIMIT } from "../../engine/options";
import { endsReading, type FeedState } from "../../engine/states";
import type { Subscription } from "../../engine/subscription";
import { AvisoError } from "../../model/errors";
import type { AsGiven, Filter } from "../../model/filter";
import type { AvisoClient } from "../client";
import { SyncedRows, type SyncRun } from "./synced-rows";

export type Wanted<Data> = {
  /** How many rows, at most. */
  readonly limit: number;
  readonly filter: Filter<AsGiven<Data>> | undefined;
};

export type Following<Data> = {
  readonly rows: SyncedRows<Data>;
  readonly subscription: Subscription<Data>;
  readonly end: () => void;
};

export function followRows<Data>(
  client: AvisoClient,
  feed: string,
  { limit, filter }: Wanted<Data>,
  run: SyncRun<Data>,
): Following<Data> {
  const rows = new SyncedRows<Data>(run, limit);
  const subscription = client.subscribe<Data>(feed, {
    ...(filter !== undefined && { filter }),
    history: limit,
    catchUpLimit: Math.max(CATCH_UP_LIMIT, limit),
  });

  subscription.on("events", ({ events, keptAt }) => {
    rows.apply(events);
    rows.isCut ||= subscription.isCut;
    // What was kept can be shown without a server.
    if (keptAt !== undefined) run.markReady();
  });
  subscription.on("reset", () => rows.forget());
  subscription.on("state", take);

  function take(state: FeedState): void {
    if (state.kind === "refused") {
      // What is not open any more is not left on the screen.
      if (endsReading(state.code)) {
        rows.forget();
        rows.clear();
      }
      run.markError(new AvisoError(state.code, state.reason));
    }
    if (state.kind !== "live") return;
    rows.clear();
    run.markReady();
  }

  return {
    rows,
    subscription,
    end(): void {
      subscription.close();
      rows.release();
    },
  };
}
