/** `<offline-notice>`: that nothing is lost, when the next try is, and a way to hurry it. */

import { html, nothing, type TemplateResult } from "lit";
import { offlineHint } from "./connection";
import type { FeedState } from "./library";
import { LightElement } from "./light-element";
import type { Reading } from "./reading";
import "./retry-countdown";

export class OfflineNotice extends LightElement {
  static override properties = {
    state: { attribute: false },
    reading: { attribute: false },
  };
  declare state: Extract<FeedState, { kind: "offline" }>;
  declare reading: Reading;

  override render(): TemplateResult {
    const { t } = this.reading;
    return html`<div class="notice notice-warn" title=${this.state.reason}>
      <div>
        <p>${t(offlineHint(this.state))}</p>
        ${this.#countdown()}
      </div>
      <button type="button" class="button button-small" data-action="try-now" @click=${this.#tryNow}>
        ${t("stateTryNow")}
      </button>
    </div>`;
  }

  #countdown(): TemplateResult | typeof nothing {
    const { retryAt } = this.state;
    if (retryAt === null) return nothing;
    return html`<p class="retry">
      <retry-countdown .retryAt=${retryAt} .reading=${this.reading}></retry-countdown>
    </p>`;
  }

  readonly #tryNow = (): void => {
    this.dispatchEvent(new CustomEvent("try-now", { bubbles: true }));
  };
}

customElements.define("offline-notice", OfflineNotice);
