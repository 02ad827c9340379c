/** What a search found, among how many, and what came since. A template. */

import { html, nothing, type TemplateResult } from "lit";
import type { FoundRecords } from "./found-records";
import { pagedEnd } from "./paged-end";
import type { Reading } from "./reading";

const WORDS = {
  looking: "foundLooking",
  refused: "findRefused",
  failed: "findFailed",
  cut: "foundCut",
} as const;

/** The line above what was found. */
export function foundSummary(found: FoundRecords, reading: Reading): TemplateResult {
  const { t } = reading;
  const { lookedAt, matchedSince, otherSince, olderState } = found;
  const count = found.records.size;
  const isAll = olderState === "end" && !found.isCut;
  const among =
    lookedAt === null ? t("foundCount", { count }) : t("foundAmong", { count, lookedAt });
  const arrived = matchedSince + otherSince;
  return html`<p class="found-summary" role="status" data-found=${count} data-looked-at=${lookedAt ?? nothing}>
    ${olderState === "loading" && lookedAt === 0 ? t("foundLooking") : among}
    ${isAll ? t("foundAll") : nothing}
    ${arrived === 0 ? nothing : html`<span data-others=${otherSince}>${t("foundSince", { count: arrived, matched: matchedSince })}</span>`}
  </p>`;
}

/** What stands below what was found: more on demand, or why there is none. */
export function foundEnd(found: FoundRecords, reading: Reading): TemplateResult | typeof nothing {
  return pagedEnd(found, WORDS, reading);
}
