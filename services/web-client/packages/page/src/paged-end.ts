/** What stands below records that come by the page: more on demand, or why there is none. Templates. */

import { html, nothing, type TemplateResult } from "lit";
import type { MessageKey } from "./locale";
import type { PagedRecords } from "./paged-records";
import type { Reading } from "./reading";
import "./retry-countdown";

/** `refused`: what is said of what was asked; `failed`: where nobody knows why. */
type Words = Readonly<Record<"looking" | "refused" | "failed" | "cut", MessageKey>>;

export function pagedEnd(
  paged: PagedRecords<unknown>,
  words: Words,
  reading: Reading,
): TemplateResult | typeof nothing {
  const { t } = reading;
  switch (paged.olderState) {
    case "loading":
      return html`<div class="older">
        <div class="record-skeletons" role="status" aria-label=${t(words.looking)}>
          <span class="skeleton skeleton-record"></span>
        </div>
      </div>`;
    case "failed":
      return pagedFailure(paged, words, reading);
    case "more":
      return html`<div class="older">
        <button
          type="button"
          class="button"
          data-action="look-further"
          @click=${() => void paged.loadOlder()}
        >
          ${t("foundMore")}
        </button>
      </div>`;
    case "full":
    case "end":
      return paged.isCut ? html`<p class="list-end">${t(words.cut)}</p>` : nothing;
  }
}

/** Why a page could not be had. */
export function pagedFailure(
  paged: PagedRecords<unknown>,
  words: Words,
  reading: Reading,
): TemplateResult {
  const { t } = reading;
  const status = paged.failure?.status ?? 0;
  return html`<div class="older" role="alert" data-page-failure=${status}>
    <p>
      ${t(whyNot(status, words))}
      ${
        paged.retryAt === null
          ? nothing
          : html`<retry-countdown .retryAt=${paged.retryAt} .reading=${reading}></retry-countdown>`
      }
    </p>
    <button type="button" class="button" @click=${() => void paged.loadOlder()}>
      ${t("tryAgain")}
    </button>
  </div>`;
}

function whyNot(status: number, { refused, failed }: Words): MessageKey {
  if (status === 400) return refused;
  return status === 503 || status === 429 ? "findBusy" : failed;
}
