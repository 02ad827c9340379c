/** What stands below what was: more on demand, or why there is none. A template. */

import { html, nothing, type TemplateResult } from "lit";
import { pagedEnd, pagedFailure } from "./paged-end";
import type { PastRecords } from "./past-records";
import type { Reading } from "./reading";

const WORDS = {
  looking: "pastLooking",
  refused: "pastRefused",
  failed: "pastFailed",
  cut: "pastCut",
} as const;

export function pastEnd(past: PastRecords, reading: Reading): TemplateResult | typeof nothing {
  const { olderState, isMoving, records } = past;
  // The bar says it.
  if (olderState === "failed" && isMoving) return nothing;
  const isEnd = olderState === "end" || olderState === "full";
  if (isEnd && records.size === 0) return html`<p class="list-end">${reading.t("pastEmpty")}</p>`;
  return pagedEnd(past, WORDS, reading);
}

/** Why another moment, or more of this one, could not be had. */
export function pastFailure(past: PastRecords, reading: Reading): TemplateResult {
  return pagedFailure(past, WORDS, reading);
}
