/** What stands below what was: more on demand, or why there is none. A template. */

import { html, nothing, type TemplateResult } from "lit";
import type { MessageKey } from "./locale";
import type { PastRecords } from "./past-records";
import type { Reading } from "./reading";
import "./retry-countdown";

export function pastEnd(past: PastRecords, reading: Reading): TemplateResult | typeof nothing {
  const { t } = reading;
  const more = () => void past.loadOlder();
  switch (past.olderState) {
    case "loading":
      return html`<div class="older">
        <div class="record-skeletons" role="status" aria-label=${t("pastLooking")}>
          <span class="skeleton skeleton-record"></span>
        </div>
      </div>`;
    case "failed":
      return past.isMoving ? nothing : pastFailure(past, reading);
    case "more":
      return html`<div class="older">
        <button type="button" class="button" data-action="look-further" @click=${more}>
          ${t("foundMore")}
        </button>
      </div>`;
    case "full":
    case "end":
      if (past.records.size === 0) return html`<p class="list-end">${t("pastEmpty")}</p>`;
      return past.isCut ? html`<p class="list-end">${t("pastCut")}</p>` : nothing;
  }
}

/** Why another moment, or more of this one, could not be had. */
export function pastFailure(past: PastRecords, reading: Reading): TemplateResult {
  const { t } = reading;
  const status = past.failure?.status ?? 0;
  return html`<div class="older" role="alert" data-past-failure=${status}>
    <p>
      ${t(whyNot(status))}
      ${
        past.retryAt === null
          ? nothing
          : html`<retry-countdown .retryAt=${past.retryAt} .reading=${reading}></retry-countdown>`
      }
    </p>
    <button type="button" class="button" @click=${() => void past.loadOlder()}>
      ${t("tryAgain")}
    </button>
  </div>`;
}

function whyNot(status: number): MessageKey {
  if (status === 400) return "pastRefused";
  return status === 503 || status === 429 ? "findBusy" : "pastFailed";
}
