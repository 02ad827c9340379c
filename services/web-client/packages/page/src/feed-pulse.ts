/**
 * `<feed-pulse>`: how much arrives, when the last of it was written, how long it took to come here. One
 * quiet line, drawn once a second and not once an event; it opens to say the same in words. A screen
 * reader is told by nobody but its user: what changes by itself is hidden from it until it is opened.
 */

import { html, nothing, type TemplateResult } from "lit";
import { everySecond } from "./clock";
import { LightElement } from "./light-element";
import { BINS, type Pulse } from "./pulse";
import { LINE_HEIGHT, lagText, lastText, linePath, rateText } from "./pulse-text";
import type { Reading } from "./reading";
import type { Clocks } from "./server-clock";

export class FeedPulse extends LightElement {
  static override properties = {
    pulse: { attribute: false },
    isLive: { attribute: false },
    clocks: { attribute: false },
    reading: { attribute: false },
    isOpen: { state: true },
  };
  declare pulse: Pulse;
  /** Whether what is shown of the connection is live. */
  declare isLive: boolean;
  declare clocks: Clocks;
  declare reading: Reading;
  declare isOpen: boolean;

  #stop: (() => void) | null = null;

  constructor() {
    super();
    this.isOpen = false;
  }

  override connectedCallback(): void {
    super.connectedCallback();
    this.#stop = everySecond(() => this.requestUpdate());
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.#stop?.();
  }

  override render(): TemplateResult {
    const { clocks, reading, isLive } = this;
    const { t } = reading;
    const now = clocks.now();
    const counted = this.pulse.beatAt(now);
    const beat = isLive ? counted : { ...counted, rate: null, lag: null };
    const parts = [
      ["rate", rateText(beat, reading), t("pulseRateTitle")],
      ["last", lastText(beat, now, clocks.ahead(), reading), t("pulseLastTitle")],
      ["lag", lagText(beat, reading), t("pulseLagTitle")],
    ] as const;
    return html`<details class="pulse" data-arrived=${beat.lastMinute} @toggle=${this.#onToggle}>
      <summary>
        <span class="visually-hidden">${t("pulse")}</span>
        <span class="pulse-figures" aria-hidden="true">
          <svg
            class="pulse-line"
            viewBox="0 0 ${BINS - 2} ${LINE_HEIGHT}"
            preserveAspectRatio="none"
          >
            <path class="pulse-ground" d="M0 ${LINE_HEIGHT - 1}H${BINS - 2}"></path>
            <path d=${linePath(beat.line)}></path>
          </svg>
          ${parts.map(
            ([name, text, title]) =>
              html`<span class="pulse-part" data-pulse=${name} title=${title}>${text}</span>`,
          )}
        </span>
      </summary>
      ${
        this.isOpen
          ? html`<dl class="pulse-words">
              ${parts.map(([, text, title]) => html`<dt>${text}</dt><dd>${title}</dd>`)}
            </dl>`
          : nothing
      }
    </details>`;
  }

  readonly #onToggle = (event: Event): void => {
    this.isOpen = (event.target as HTMLDetailsElement).open;
  };
}

customElements.define("feed-pulse", FeedPulse);
