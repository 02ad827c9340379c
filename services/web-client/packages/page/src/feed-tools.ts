/**
 * `<feed-tools>`: what one does with a feed's records: look for some, show them as cards or as a table,
 * take them along. All of it stands in the address; this says `route-change`.
 */

import { html, nothing, type TemplateResult } from "lit";
import { columnNames, firstColumns, newestOf } from "./columns";
import { download } from "./download";
import { csv, exportedRecords, jsonLines } from "./export";
import { type Find, NOTHING_SOUGHT } from "./find";
import type { FindBar } from "./find-bar";
import { cardsIcon, clockIcon, downloadIcon, rowsIcon, tableIcon } from "./icons";
import type { JsonObject } from "./json";
import type { RecordEntry } from "./library";
import { LightElement } from "./light-element";
import type { PastBar } from "./past-bar";
import type { PastRecords } from "./past-records";
import type { Reading } from "./reading";
import type { RecordTable } from "./record-table";
import type { FeedRoute } from "./route";
import type { ShownRecords } from "./shown-records";
import type { WatchedFeed } from "./watched-feed";
import "./column-picker";
import "./drop-menu";
import "./find-bar";
import "./past-bar";

export class FeedTools extends LightElement {
  static override properties = {
    feed: { attribute: false },
    past: { attribute: false },
    shown: { attribute: false },
    view: { attribute: false },
    route: { attribute: false },
    reading: { attribute: false },
    revision: { attribute: false },
    isLookingBack: { state: true },
  };
  declare feed: WatchedFeed;
  /** null: what is shown is what is. */
  declare past: PastRecords | null;
  declare shown: ShownRecords;
  declare view: "cards" | "table";
  declare route: FeedRoute;
  declare reading: Reading;
  /** Goes up with every drawing of the page. */
  declare revision: number;
  /** The slider is open. */
  declare isLookingBack: boolean;

  constructor() {
    super();
    this.past = null;
    this.isLookingBack = false;
  }

  focusFind(): void {
    this.querySelector<FindBar>("find-bar")?.focus();
  }

  override render(): TemplateResult {
    const { t } = this.reading;
    const option = (view: "cards" | "table", label: string, icon: TemplateResult) => html`<button
      type="button"
      aria-pressed=${this.view === view}
      aria-label=${label}
      title=${label}
      data-view=${view}
      @click=${() => this.#say({ view })}
    >
      ${icon}
    </button>`;
    return html`<find-bar
        .find=${this.route.find}
        .fieldNames=${this.#names}
        .reading=${this.reading}
        @find-change=${this.#onFind}
      ></find-bar>
      <div class="view-tools">
        <div class="segments segments-small" role="group" aria-label=${t("view")}>
          ${option("cards", t("viewCards"), cardsIcon)} ${option("table", t("viewTable"), tableIcon)}
        </div>
        ${this.view === "table" ? this.#tableTools() : nothing} ${this.#exportMenu()}
        <button
          type="button"
          class="button button-quiet button-icon"
          aria-expanded=${this.#hasPastBar}
          aria-label=${t("past")}
          title=${t("past")}
          data-action="past"
          @click=${this.#togglePast}
        >
          ${clockIcon}
        </button>
      </div>
      ${
        this.#hasPastBar
          ? html`<past-bar
              .feed=${this.feed}
              .past=${this.past}
              .reading=${this.reading}
              .revision=${this.revision}
              @past-change=${this.#onPast}
            ></past-bar>`
          : nothing
      }`;
  }

  get #hasPastBar(): boolean {
    return this.isLookingBack || this.past !== null;
  }

  #tableTools(): TemplateResult {
    const { t } = this.reading;
    const { isDense } = this.route;
    const names = this.#names();
    return html`<button
        type="button"
        class="button button-quiet button-icon"
        aria-pressed=${isDense}
        aria-label=${t("dense")}
        title=${t("dense")}
        data-action="dense"
        @click=${() => this.#say({ isDense: !isDense })}
      >
        ${rowsIcon}
      </button>
      <column-picker
        .names=${names}
        .picked=${this.route.columns ?? firstColumns(names)}
        .reading=${this.reading}
        @columns-change=${(event: CustomEvent<readonly string[] | null>) =>
          this.#say({ columns: event.detail }, false)}
      ></column-picker>`;
  }

  #exportMenu(): TemplateResult {
    const { t } = this.reading;
    // What is found changes without the page's being drawn: it is counted while the menu is open.
    const isOpen = this.querySelector("drop-menu:has([data-export]) > details[open]") !== null;
    const count = isOpen ? exportedRecords(this.#entries()).length : 0;
    return html`<drop-menu .label=${t("export")} .icon=${downloadIcon}
      @toggle=${() => this.requestUpdate()}
      .body=${html`<p class="form-hint" data-export-count=${count}>${t("exportHint", { count })}</p>
        <p class="form-hint">${t("exportCsvHint")}</p>
        <button type="button" class="button" data-export="csv" @click=${this.#exportCsv}>CSV</button>
        <button type="button" class="button" data-export="jsonl" @click=${this.#exportJson}>
          ${t("exportJsonLines")}
        </button>`}
    ></drop-menu>`;
  }

  readonly #names = (): readonly string[] => {
    const { records, info } = this.shown;
    return columnNames(
      info,
      newestOf(records).map(({ record }) => record?.data as JsonObject),
    );
  };

  /** In the table's order, where there is one. */
  #entries(): readonly RecordEntry[] {
    const table = document.querySelector<RecordTable>("record-table");
    if (table !== null && table.shown === this.shown) return table.entries;
    return this.shown.records.slice(0, this.shown.records.size);
  }

  readonly #exportCsv = (): void => {
    const columns = this.view === "table" ? this.route.columns : null;
    const text = csv(exportedRecords(this.#entries()), columns);
    download(`${this.shown.info.slug}.csv`, "text/csv", text);
  };

  readonly #exportJson = (): void => {
    const text = jsonLines(exportedRecords(this.#entries()));
    download(`${this.shown.info.slug}.jsonl`, "application/jsonl", text);
  };

  readonly #onFind = (event: CustomEvent<{ find: Find; isStep: boolean }>): void => {
    event.stopPropagation();
    this.#say({ find: event.detail.find, at: null }, event.detail.isStep);
  };

  readonly #togglePast = async (): Promise<void> => {
    this.isLookingBack = !this.#hasPastBar;
    if (!this.isLookingBack) {
      if (this.past !== null) this.#say({ at: null });
      return;
    }
    await this.updateComplete;
    await this.querySelector<PastBar>("past-bar")?.focus();
  };

  /** What is sought is sought in what is: looking back shows all that was. */
  readonly #onPast = (event: CustomEvent<string | null>): void => {
    event.stopPropagation();
    this.isLookingBack = true;
    const at = event.detail;
    const find = at === null ? this.route.find : NOTHING_SOUGHT;
    this.#say({ at, find }, (at === null) !== (this.past === null));
  };

  #say(change: Partial<FeedRoute>, isStep = true): void {
    this.dispatchEvent(
      new CustomEvent("route-change", { detail: { change, isStep }, bubbles: true }),
    );
  }
}

customElements.define("feed-tools", FeedTools);
