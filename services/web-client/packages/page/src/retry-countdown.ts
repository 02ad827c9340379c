/** `<retry-countdown>`: when the next try is. */

import type { TemplateResult } from "lit";
import { html } from "lit";
import { everySecond } from "./clock";
import { secondsUntil } from "./connection";
import { LightElement } from "./light-element";
import type { Reading } from "./reading";

export class RetryCountdown extends LightElement {
  static override properties = {
    retryAt: { attribute: false },
    reading: { attribute: false },
  };
  declare retryAt: Date;
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
    const seconds = secondsUntil(this.retryAt, new Date());
    return html`${seconds > 0 ? t("stateOfflineRetry", { seconds }) : t("stateOfflineRetrying")}`;
  }
}

customElements.define("retry-countdown", RetryCountdown);
