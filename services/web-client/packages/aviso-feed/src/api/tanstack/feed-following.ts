/** Follows a feed into the rows of a collection, and tells the collection what is true of the feed. */

import { CATCH_UP_LIMIT } from "../../engine/options";
import { endsReading, type FeedState } from "../../engine/states";
import type { Subscription } from "../../engine/subscription";
import { AvisoError } from "../../model/errors";
import type { AvisoClient } from "../client";
import { SyncedRows, type SyncRun } from "./synced-rows";

/** So many rows of a table come at once. */
const PAGE = 1_000;

export type Following<Data> = {
  readonly rows: SyncedRows<Data>;
  readonly subscription: Subscription<Data>;
  readonly end: () => void;
};

export function followRows<Data>(
  client: AvisoClient,
  feed: string,
  limit: number,
  run: SyncRun<Data>,
): Following<Data> {
  const rows = new SyncedRows<Data>(run, limit);
  const subscription = client.subscribe<Data>(feed, {
    history: limit,
    catchUpLimit: Math.max(CATCH_UP_LIMIT, limit),
  });

  subscription.on("events", ({ events, keptAt }) => {
    rows.apply(events);
    // What was kept can be shown without a server.
    if (keptAt !== undefined) run.markReady();
  });
  subscription.on("reset", () => rows.forget());
  subscription.on("state", (state) => void take(state));

  async function take(state: FeedState): Promise<void> {
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
    try {
      await listFurther(subscription, rows, limit);
    } catch (error) {
      if (run.collection.status === "loading") run.markError(error);
      return;
    }
    if (!subscription.closing.aborted && subscription.state.kind !== "refused") run.markReady();
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

/** A table's rows come by the page: those that the first one did not have. */
async function listFurther<Data>(
  subscription: Subscription<Data>,
  rows: SyncedRows<Data>,
  limit: number,
): Promise<void> {
  while (rows.size < limit && !Number.isInteger(rows.lowestPlace)) {
    const count = Math.min(PAGE, limit - rows.size);
    const before = rows.lowestPlace;
    const older = await subscription.loadOlder(before, count);
    if (older.length === 0 || subscription.closing.aborted) return;
    rows.apply(older);
    if (rows.lowestPlace >= before) return;
  }
}
