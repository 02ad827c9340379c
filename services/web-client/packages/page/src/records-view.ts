/**
 * `<records-view>`: what a search found, or what was, as cards or as a table; and a whole feed as a
 * table. The feed's cards are drawn by `<feed-view>` itself.
 */

import { html, nothing, type PropertyValues, type TemplateResult } from "lit";
import { coalesce } from "./coalesce";
import { FoundRecords } from "./found-records";
import { foundEnd, foundSummary } from "./found-summary";
import { upIcon } from "./icons";
import { LightElement } from "./light-element";
import { moveInList } from "./list-keys";
import { pastEnd } from "./past-end";
import { PastRecords } from "./past-records";
import type { Reading } from "./reading";
import type { RecordList } from "./record-list";
import type { FeedRoute } from "./route";
import type { ShownRecords } from "./shown-records";
import "./record-list";
import "./record-table";

export class RecordsView extends LightElement {
  static override properties = {
    shown: { attribute: false },
    view: { attribute: false },
    route: { attribute: false },
    reading: { attribute: false },
    waiting: { state: true },
  };
  declare shown: ShownRecords;
  declare view: "cards" | "table";
  declare route: FeedRoute;
  declare reading: Reading;
  /** How many found records wait, for the reader is further down. */
  declare waiting: number;

  #listened: ShownRecords | null = null;
  #stopListening: (() => void) | null = null;
  readonly #redrawSoon = coalesce(() => this.requestUpdate());

  constructor() {
    super();
    this.waiting = 0;
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.#stopListening?.();
    this.#listened = null;
  }

  protected override willUpdate(_: PropertyValues<this>): void {
    if (this.shown === this.#listened) return;
    this.#stopListening?.();
    this.#listened = this.shown;
    this.#stopListening = this.shown.subscribe(() => this.#redrawSoon());
    this.waiting = 0;
  }

  override render(): TemplateResult {
    const { shown, reading } = this;
    const found = shown instanceof FoundRecords ? shown : null;
    return html`${found === null ? nothing : foundSummary(found, reading)}
    ${this.view === "table" ? this.#table(found === null && !(shown instanceof PastRecords)) : this.#cards()}
    ${found === null ? nothing : foundEnd(found, reading)}
    ${shown instanceof PastRecords ? pastEnd(shown, reading) : nothing}`;
  }

  #table(isEager: boolean): TemplateResult | typeof nothing {
    if (this.shown.records.size === 0) return nothing;
    return html`<record-table
      .shown=${this.shown}
      .route=${this.route}
      .reading=${this.reading}
      .isEager=${isEager}
    ></record-table>`;
  }

  #cards(): TemplateResult {
    const { t } = this.reading;
    const name = this.shown.info.title || this.shown.info.slug;
    return html`<div class="list-area" @keydown=${this.#onKey}>
      ${
        this.waiting === 0
          ? nothing
          : html`<div class="pill-place">
              <button
                type="button"
                class="pill"
                data-action="show-new"
                aria-label=${t("recordsNewPillLabel", { count: this.waiting })}
                @click=${this.#showNew}
              >
                ${upIcon}${t("recordsNewPill", { count: this.waiting })}
              </button>
            </div>`
      }
      <p class="visually-hidden" id="found-keys">${t("listKeys")}</p>
      <record-list
        id="records"
        tabindex="0"
        aria-label=${t("recordsOf", { feed: name })}
        aria-describedby="found-keys"
        .reading=${this.reading}
        .feed=${this.shown}
        @rows-change=${this.#onRows}
      ></record-list>
    </div>`;
  }

  get #list(): RecordList | null {
    return this.querySelector<RecordList>("record-list");
  }

  readonly #onRows = (): void => {
    this.waiting = this.#list?.waitingCount ?? 0;
  };

  readonly #showNew = (): void => {
    window.scrollTo({ top: 0, behavior: "instant" });
    const list = this.#list;
    if (list === null) return;
    list.isReading = false;
    list.showWaiting();
  };

  readonly #onKey = (event: KeyboardEvent): void => {
    const list = this.#list;
    if (list !== null) moveInList(list, event);
  };
}

customElements.define("records-view", RecordsView);
