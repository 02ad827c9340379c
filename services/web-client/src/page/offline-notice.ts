/** `<offline-notice>`: that nothing is lost, when the next try is, and a way to hurry it. */

import { html, nothing, type TemplateResult } from "lit";
import { everySecond } from "./clock";
import { secondsUntil } from "./connection";
import type { FeedState } from "./library";
import { LightElement } from "./light-element";
import type { Reading } from "./reading";

export class OfflineNotice extends LightElement {
  static override properties = {
    state: { attribute: false },
    reading: { attribute: false },
  };
  declare state: Extract<FeedState, { kind: "offline" }>;
  declare reading: Reading;
  #stopClock: (() => void) | null = null;

  override connectedCallback(): void {
    super.connectedCallback();
    this.#stopClock = everySecond(() => this.requestUpdate());
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.#stopClock?.();
  }

  override render(): TemplateResult {
    const { t } = this.reading;
    return html`<div class="notice notice-warn" title=${this.state.reason}>
      <div>
        <p>${t("stateOfflineHint")}</p>
        ${this.#countdown()}
      </div>
      <button type="button" class="button button-small" data-action="try-now" @click=${this.#tryNow}>
        ${t("stateTryNow")}
      </button>
    </div>`;
  }

  #countdown(): TemplateResult | typeof nothing {
    const { t } = this.reading;
    const { retryAt } = this.state;
    if (retryAt === null) return nothing;
    const seconds = secondsUntil(retryAt, new Date());
    return html`<p class="retry">
      ${seconds > 0 ? t("stateOfflineRetry", { seconds }) : t("stateOfflineRetrying")}
    </p>`;
  }

  readonly #tryNow = (): void => {
    this.dispatchEvent(new CustomEvent("try-now", { bubbles: true }));
  };
}

customElements.define("offline-notice", OfflineNotice);
