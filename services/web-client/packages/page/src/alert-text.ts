/**
 * What a notification says. It may be seen by others, on a locked screen, and systems keep it: of a
 * private feed neither its name nor anything that is in it. Pure.
 */

import { cellOf } from "./cell-text";
import type { Alert } from "./feed-alerts";
import { fieldLabel } from "./field-values";
import type { JsonObject } from "./json";
import type { FeedEvent } from "./library";
import type { Reading } from "./reading";

/** How many fields of the newest record. */
const MOST_FIELDS = 3;

export interface AlertText {
  readonly title: string;
  readonly body: string;
}

export function alertText({ info, count, newest }: Alert, reading: Reading): AlertText {
  const { t } = reading;
  if (info.visibility !== "public") {
    return { title: "Aviso", body: t("alertPrivate", { count }) };
  }
  const what = summaryOf(newest, reading);
  const body = count === 1 ? what : `${t("alertNew", { count })}\n${what}`;
  return { title: info.title || info.slug, body };
}

export function missedText(count: number, feeds: number, { t }: Reading): AlertText {
  return { title: "Aviso", body: t("alertMissed", { count, feeds }) };
}

function summaryOf({ type, record }: FeedEvent, reading: Reading): string {
  const { t } = reading;
  if (type === "unavailable") return t("recordUnavailable");
  if (type === "deleted" || record === undefined) return t("recordDeleted");
  const fields = Object.entries(record.data as JsonObject).slice(0, MOST_FIELDS);
  return fields
    .map(([name, value]) => `${fieldLabel(name)}: ${cellOf(value, reading).text}`)
    .join(" · ");
}
