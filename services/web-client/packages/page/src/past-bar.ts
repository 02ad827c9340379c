/**
 * `<past-bar>`: a slider over all that happened in a feed, a time to jump to, and the way back to what is.
 * What is chosen stands in the address; this only says `past-change` with what it is to be.
 */

import { html, nothing, type TemplateResult } from "lit";
import { coalesce } from "./coalesce";
import { LightElement } from "./light-element";
import { pastFailure } from "./past-end";
import { headOf, type PastRecords } from "./past-records";
import type { Reading } from "./reading";
import type { WatchedFeed } from "./watched-feed";

/** For how many milliseconds the slider rests before what was then is asked for. */
const SLIDING_MS = 250;

export class PastBar extends LightElement {
  static override properties = {
    feed: { attribute: false },
    past: { attribute: false },
    reading: { attribute: false },
    revision: { attribute: false },
    sliding: { state: true },
  };
  declare feed: WatchedFeed;
  /** null: what is shown is what is. */
  declare past: PastRecords | null;
  declare reading: Reading;
  declare revision: number;
  /** Where the slider stands before it rests. */
  declare sliding: number | null;

  #timer: ReturnType<typeof setTimeout> | undefined;
  #listened: PastRecords | null = null;
  #stopListening: (() => void) | null = null;
  readonly #redrawSoon = coalesce(() => this.requestUpdate());

  constructor() {
    super();
    this.past = null;
    this.sliding = null;
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    clearTimeout(this.#timer);
    this.#stopListening?.();
    this.#listened = null;
  }

  override async focus(): Promise<void> {
    await this.updateComplete;
    this.querySelector<HTMLElement>(".past-slider")?.focus();
  }

  protected override willUpdate(): void {
    if (this.past === this.#listened) return;
    this.#stopListening?.();
    this.#listened = this.past;
    this.#stopListening = this.past?.subscribe(() => this.#redrawSoon()) ?? null;
  }

  override render(): TemplateResult {
    const { t } = this.reading;
    const { past, head } = this;
    return html`<div class="past-line">
        <input
          type="range"
          class="past-slider"
          min=${Math.min(past?.moment?.oldest ?? 1, head)}
          max=${head}
          step="1"
          .value=${String(this.#place)}
          aria-label=${t("pastSlider")}
          aria-valuetext=${this.#said()}
          @input=${this.#onSlide}
        />
        ${past === null ? nothing : this.#backButton(past)}
      </div>
      <div class="past-line">
        <p class="past-said" data-past=${past?.moment?.sequence ?? nothing}>${this.#said()}</p>
        <form class="past-jump" @submit=${this.#onJump}>
          <label
            ><span class="visually-hidden">${t("pastJump")}</span
            ><input
              class="input"
              type="datetime-local"
              name="time"
              step="1"
              required
              title=${t("pastJump")}
          /></label>
          <button type="submit" class="button">${t("pastGo")}</button>
        </form>
      </div>
      ${past?.isMoving && past.olderState === "failed" ? pastFailure(past, this.reading) : nothing}
      ${this.#missing()}`;
  }

  /** While somebody looks back, the slider ends where it did when he began. */
  get head(): number {
    const { past } = this;
    return past === null ? headOf(this.feed) : Math.max(past.head, past.moment?.sequence ?? 0);
  }

  get #place(): number {
    return this.sliding ?? this.past?.place ?? this.head;
  }

  #said(): string {
    const { t, formatting } = this.reading;
    const { past, head } = this;
    const isThere = past?.moment?.sequence === this.#place;
    if (past === null && this.#place === head) return t("pastLive", { head });
    if (!isThere || past?.moment == null) return t("pastPlace", { sequence: this.#place, head });
    const { sequence, time } = past.moment;
    if (time === null) return t("pastStart");
    return t("pastAt", { time: formatting.moment(time, new Date()), sequence, head });
  }

  #missing(): TemplateResult | typeof nothing {
    const oldest = this.past?.moment?.oldest ?? 1;
    if (oldest <= 1) return nothing;
    return html`<p class="form-hint">${this.reading.t("pastMissing", { oldest })}</p>`;
  }

  #backButton({ arrived }: PastRecords): TemplateResult {
    const { t } = this.reading;
    return html`<button
      type="button"
      class="button button-primary"
      data-action="live"
      data-arrived=${arrived}
      @click=${() => this.#say(null)}
    >
      ${t("pastBack")}${arrived === 0 ? nothing : html` <span>${t("pastArrived", { count: arrived })}</span>`}
    </button>`;
  }

  readonly #onSlide = (event: Event): void => {
    const sequence = Number((event.target as HTMLInputElement).value);
    this.sliding = sequence;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      const isEnd = sequence >= this.head;
      this.#say(isEnd ? null : String(sequence));
    }, SLIDING_MS);
  };

  readonly #onJump = (event: Event): void => {
    event.preventDefault();
    const text = new FormData(event.target as HTMLFormElement).get("time");
    // Without an offset it is the reader's own time.
    const time = new Date(String(text));
    if (!Number.isNaN(time.getTime())) this.#say(time.toISOString());
  };

  #say(at: string | null): void {
    clearTimeout(this.#timer);
    this.sliding = null;
    this.dispatchEvent(new CustomEvent("past-change", { detail: at, bubbles: true }));
  }
}

customElements.define("past-bar", PastBar);
