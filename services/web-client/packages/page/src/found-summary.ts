/** What a search found, among how many, and what came since. A template. */

import { html, nothing, type TemplateResult } from "lit";
import type { FoundRecords } from "./found-records";
import type { MessageKey } from "./locale";
import type { Reading } from "./reading";
import "./retry-countdown";

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
  const { t } = reading;
  const more = () => void found.loadOlder();
  switch (found.olderState) {
    case "loading":
      return html`<div class="older">
        <div class="record-skeletons" role="status" aria-label=${t("foundLooking")}>
          <span class="skeleton skeleton-record"></span>
        </div>
      </div>`;
    case "failed":
      return html`<div class="older" role="alert" data-find-failure=${found.failure?.status ?? 0}>
        <p>
          ${t(whyNot(found.failure?.status ?? 0))}
          ${
            found.retryAt === null
              ? nothing
              : html`<retry-countdown .retryAt=${found.retryAt} .reading=${reading}></retry-countdown>`
          }
        </p>
        <button type="button" class="button" @click=${more}>${t("tryAgain")}</button>
      </div>`;
    case "more":
      return html`<div class="older">
        <button type="button" class="button" data-action="look-further" @click=${more}>
          ${t("foundMore")}
        </button>
      </div>`;
    case "full":
    case "end":
      return found.isCut ? html`<p class="list-end">${t("foundCut")}</p>` : nothing;
  }
}

function whyNot(status: number): MessageKey {
  if (status === 400) return "findRefused";
  return status === 503 || status === 429 ? "findBusy" : "findFailed";
}
