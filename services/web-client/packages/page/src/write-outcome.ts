/** What became of a write, as its form shows it. */

import { html, nothing, type TemplateResult } from "lit";
import { warningIcon } from "./icons";
import type { MessageKey, Parameters } from "./locale";
import type { Reading } from "./reading";
import {
  failureMessage,
  isWorthRetrying,
  type Signature,
  type WriteFailure,
  type Written,
} from "./record-writing";

export interface ShownFailure {
  readonly message: MessageKey;
  readonly parameters: Parameters;
  readonly detail: string;
  /** The record's member that the server named, if any. */
  readonly field: string | null;
  readonly isAboutKey: boolean;
  readonly canRetry: boolean;
}

export const KEY_MISSING: ShownFailure = {
  message: "errorKeyMissing",
  parameters: {},
  detail: "",
  field: null,
  isAboutKey: true,
  canRetry: false,
};

export function shownFailure(
  failure: WriteFailure,
  signature: Signature["kind"],
  written: Written = "record",
): ShownFailure {
  return {
    ...failureMessage(failure, signature, written),
    // What the API says of a missing key speaks of headers; the message above it is enough.
    detail: failure.status === 401 ? "" : failure.detail,
    field: failure.field,
    isAboutKey: failure.status === 401,
    canRetry: isWorthRetrying(failure),
  };
}

/** `isSaid`: its detail stands at a field already. */
export function failureNotice(
  failure: ShownFailure,
  isSaid: boolean,
  reading: Reading,
): TemplateResult {
  const { t } = reading;
  return html`<div class="notice notice-bad" role="alert" data-write-outcome="failed">
    ${warningIcon}
    <div>
      <strong>${t(failure.message, failure.parameters)}</strong>
      ${failure.detail === "" || isSaid ? nothing : html`<p dir="auto">${failure.detail}</p>`}
      ${failure.canRetry ? html`<p>${t("writeRetryHint")}</p>` : nothing}
    </div>
  </div>`;
}
