/**
 * `<record-table>`: records as rows, fields as columns. It scrolls by itself, under a head that stays;
 * only rows near its window are in the document. The row that is selected is known by its record, and
 * so are the rows in sight: what arrives above them does not move them.
 */

import { html, nothing, type PropertyValues, type TemplateResult } from "lit";
import { repeat } from "lit/directives/repeat.js";
import { everySecond } from "./clock";
import { coalesce } from "./coalesce";
import { columnNames, firstColumns, newestOf } from "./columns";
import { FreshMarks } from "./fresh-marks";
import type { JsonObject } from "./json";
import type { RecordEntry, StoreChange } from "./library";
import { LightElement } from "./light-element";
import type { Reading } from "./reading";
import { type FeedRoute, hashOfRoute, type Sorting } from "./route";
import { RowSlots } from "./row-slots";
import type { ShownRecords } from "./shown-records";
import { type ColumnMeasures, measureColumns, tableHead, tableRow } from "./table-drawing";
import { TableModel } from "./table-model";
import { VirtualRows } from "./virtual-rows";
import type { FeedChange } from "./watched-feed";

const ROW_PX = { roomy: 44, dense: 30 };
/** From how many rows before the end on older records are asked for. */
const OLDER_FROM_END = 30;
/** Where much arrives, each time all rows in sight are others: so it keeps a slower pace. */
const PACE_MS = 250;

export class RecordTable extends LightElement {
  static override properties = {
    shown: { attribute: false },
    route: { attribute: false },
    reading: { attribute: false },
    isEager: { attribute: false },
    selected: { state: true },
  };
  declare shown: ShownRecords;
  declare route: FeedRoute;
  declare reading: Reading;
  /** Whether older records are asked for when somebody scrolls there. */
  declare isEager: boolean;
  /** The key of the selected record. */
  declare selected: string | null;

  readonly #model = new TableModel();
  readonly #virtual = new VirtualRows(
    () => this.querySelector<HTMLElement>(".table-scroll"),
    () => this.requestUpdate(),
  );
  readonly #slots = new RowSlots();
  readonly #fresh = new FreshMarks<string>();
  /** What came, changed or went, and no row shows yet; null: all may have. */
  #touched: Set<string> | null = new Set();
  /** How far what the rows show goes. */
  #position = 0;
  #names: readonly string[] = [];
  #measures: ColumnMeasures = { template: "", least: "", numbers: new Set() };
  #measuresOf = "";
  /** What stands at the window's top, and how far above it that begins. */
  #anchor: { readonly key: string; readonly offset: number } | null = null;
  #listened: ShownRecords | null = null;
  #stopListening: (() => void) | null = null;
  #stopClock: (() => void) | null = null;
  readonly #refreshSoon = coalesce(() => {
    this.#refresh();
    this.requestUpdate();
  }, PACE_MS);

  constructor() {
    super();
    this.isEager = false;
    this.selected = null;
  }

  override connectedCallback(): void {
    super.connectedCallback();
    this.#stopClock = everySecond(() => {
      if (this.#fresh.age().length > 0) this.requestUpdate();
    });
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.#stopClock?.();
    this.#letGo();
    this.#virtual.unmount();
  }

  /** What is shown, in the order of the table. */
  get entries(): readonly RecordEntry[] {
    return this.#model.entries;
  }

  get columns(): readonly string[] {
    return this.route.columns ?? firstColumns(this.#names);
  }

  protected override willUpdate(changed: PropertyValues<this>): void {
    if (this.shown !== this.#listened) this.#listen();
    if (changed.has("shown") || changed.has("route") || changed.has("reading")) {
      this.#touched = null;
      this.#refresh();
    }
  }

  #letGo(): void {
    this.#stopListening?.();
    // Nobody reads what is not on the page.
    if (this.#listened !== null) this.#listened.isReadingOlder = false;
    this.#listened = null;
  }

  #listen(): void {
    this.#letGo();
    this.#listened = this.shown;
    this.#stopListening = this.shown.subscribe((change) => this.#onChange(change));
    this.#anchor = null;
    this.#fresh.clear();
    if (this.selected !== null && this.shown.records.get(this.selected) === undefined) {
      this.selected = null;
    }
  }

  #onChange(change: FeedChange): void {
    if (change !== null) this.#note(change);
    this.#refreshSoon();
  }

  #note({ added, changed, removed, cleared }: StoreChange): void {
    if (cleared) this.#touched = null;
    for (const key of removed) this.#touched?.add(key);
    for (const key of [...added, ...changed]) {
      this.#touched?.add(key);
      const entry = this.shown.records.get(key);
      const isNews = entry?.event.place === undefined;
      if (entry && isNews && entry.event.sequence > this.shown.newAfter) this.#fresh.add(key);
    }
  }

  #refresh(): void {
    this.#noteAnchor();
    const { records, info } = this.shown;
    if (this.#touched === null) {
      this.#model.fill(records, this.route.sorting, this.reading.locale);
    } else this.#model.update(records, this.#touched);
    this.#touched = new Set();
    this.#position = this.shown.applied?.sequence ?? 0;
    const newest = newestOf(records);
    this.#names = columnNames(
      info,
      newest.map(({ record }) => record?.data as JsonObject),
    );
    this.#measureColumns(newest);
    this.#virtual.update(this.#model.size, this.#rowHeight);
  }

  /** Once for the columns that there are: what arrives does not change them. */
  #measureColumns(sample: readonly RecordEntry[]): void {
    const of = [this.reading.locale, sample.length, ...this.columns].join("\0");
    if (of === this.#measuresOf) return;
    this.#measuresOf = of;
    this.#measures = measureColumns(this.columns, sample, this.reading);
  }

  get #rowHeight(): number {
    return this.route.isDense ? ROW_PX.dense : ROW_PX.roomy;
  }

  override render(): TemplateResult {
    const { t } = this.reading;
    const { size } = this.#model;
    const { columns } = this;
    const name = this.shown.info.title || this.shown.info.slug;
    const visible = this.#virtual.rows;
    const keys = visible.map(({ index }) => this.#model.at(index)?.key ?? "");
    const slots = this.#slots.assign(keys);
    return html`<div
      class="table-scroll"
      role="grid"
      tabindex="0"
      aria-label=${t("recordsOf", { feed: name })}
      aria-rowcount=${this.shown.olderState === "end" ? size + 1 : -1}
      aria-colcount=${columns.length + 1}
      aria-activedescendant=${this.#isDrawn(visible) ? `row-${this.#selectedIndex}` : nothing}
      aria-describedby="table-keys"
      ?data-dense=${this.route.isDense}
      data-feed=${this.shown.info.slug}
      data-count=${size}
      data-position=${this.#position}
      @keydown=${this.#onKey}
      @scroll=${this.#onScroll}
      @click=${this.#onClick}
      @dblclick=${this.#onOpen}
      @pointerdown=${this.#onHold}
      @focusin=${this.#onHold}
    >
      ${tableHead({ names: columns, numbers: this.#measures.numbers }, this.route.sorting, this.reading, (column) => this.#sortBy(column))}
      <div class="table-body" role="rowgroup">
        ${repeat(
          visible,
          (_, at) => slots[at],
          ({ index }) => {
            const entry = this.#model.at(index);
            if (entry === undefined) return nothing;
            return tableRow(entry, index, columns, this.reading, {
              href: hashOfRoute({ ...this.route, record: entry.key }),
              isSelected: entry.key === this.selected,
              isFresh: this.#fresh.has(entry.key),
            });
          },
        )}
      </div>
    </div>
    <p class="visually-hidden" id="table-keys">${t("tableKeys")}</p>
    ${this.#foot()}`;
  }

  #foot(): TemplateResult | typeof nothing {
    const { t } = this.reading;
    if (this.route.sorting === null || this.shown.olderState === "end") return nothing;
    const count = this.#model.size;
    return html`<p class="table-note">${t("sortedAmong", { count })}
      ${
        this.isEager
          ? html`<button
              type="button"
              class="button button-small"
              ?disabled=${this.shown.olderState === "loading"}
              @click=${() => void this.shown.loadOlder()}
            >
              ${t("olderMore")}
            </button>`
          : nothing
      }</p>`;
  }

  protected override updated(): void {
    this.#virtual.mount();
    const body = this.querySelector<HTMLElement>(".table-body");
    const scroll = this.querySelector<HTMLElement>(".table-scroll");
    if (body === null || scroll === null) return;
    // Through the CSSOM: the Content-Security-Policy allows no style in an attribute.
    body.style.height = `${this.#virtual.totalHeight}px`;
    scroll.style.setProperty("--columns", this.#measures.template);
    scroll.style.setProperty("--row-width", this.#measures.least);
    const starts = new Map(this.#virtual.rows.map(({ index, start }) => [index, start]));
    for (const row of body.querySelectorAll<HTMLElement>(".table-row")) {
      row.style.translate = `0 ${starts.get(Number(row.dataset.index)) ?? 0}px`;
    }
    this.#holdAnchor(scroll);
    this.#lookFurther();
  }

  get #selectedIndex(): number {
    return this.selected === null ? -1 : this.#model.indexOf(this.selected);
  }

  #isDrawn(visible: readonly { readonly index: number }[]): boolean {
    const at = this.#selectedIndex;
    return visible.some(({ index }) => index === at);
  }

  /** Whoever reads further down goes on reading there; at the top the news comes into sight. */
  #noteAnchor(): void {
    const scroll = this.querySelector<HTMLElement>(".table-scroll");
    const top = scroll?.scrollTop ?? 0;
    const first = Math.floor(top / this.#rowHeight);
    const key = this.#model.at(first)?.key;
    this.#anchor =
      top <= 0 || key === undefined ? null : { key, offset: top - first * this.#rowHeight };
  }

  #holdAnchor(scroll: HTMLElement): void {
    const anchor = this.#anchor;
    this.#anchor = null;
    const index = anchor === null ? -1 : this.#model.indexOf(anchor.key);
    if (anchor === null || index < 0) return;
    const top = index * this.#rowHeight + anchor.offset;
    if (Math.abs(top - scroll.scrollTop) >= 1) scroll.scrollTop = top;
  }

  #lookFurther(): void {
    const last = this.#virtual.rows.at(-1)?.index ?? 0;
    const isNear = last >= this.#model.size - OLDER_FROM_END;
    const isBehind = this.#touched?.size !== 0;
    if (!this.isEager || !isNear || isBehind || this.route.sorting !== null) return;
    if (this.shown.olderState === "more" && this.#model.size > 0) void this.shown.loadOlder();
  }

  readonly #onScroll = (event: Event): void => {
    this.shown.isReadingOlder = (event.target as HTMLElement).scrollTop > 0;
  };

  readonly #onClick = (event: Event): void => {
    this.selected = this.#keyAt(event) ?? this.selected;
  };

  /** What is pressed or has the focus must not become another record below the reader's finger. */
  readonly #onHold = (event: Event): void => {
    const key = this.#keyAt(event);
    if (key !== null) this.#slots.hold(key);
  };

  #keyAt(event: Event): string | null {
    const row = (event.target as Element).closest<HTMLElement>(".table-row");
    return row === null ? null : (this.#model.at(Number(row.dataset.index))?.key ?? null);
  }

  readonly #onOpen = (event: Event): void => {
    if ((event.target as Element).closest(".table-row") !== null) this.#open();
  };

  #open(): void {
    if (this.selected !== null)
      location.hash = hashOfRoute({ ...this.route, record: this.selected });
  }

  readonly #onKey = (event: KeyboardEvent): void => {
    if (event.altKey || event.ctrlKey || event.metaKey || event.target !== event.currentTarget)
      return;
    if (event.key === "Enter") {
      this.#open();
      return;
    }
    const next = this.#indexFor(event.key);
    if (next === null) return;
    event.preventDefault();
    const row = this.#model.at(Math.max(0, Math.min(next, this.#model.size - 1)));
    if (row === undefined) return;
    this.selected = row.key;
    this.#virtual.bringIntoSight(this.#selectedIndex);
  };

  #indexFor(key: string): number | null {
    const at = this.#selectedIndex;
    const height = this.querySelector(".table-scroll")?.clientHeight ?? 0;
    const page = Math.max(1, Math.floor(height / this.#rowHeight) - 2);
    switch (key) {
      case "j":
      case "ArrowDown":
        return at + 1;
      case "k":
      case "ArrowUp":
        return at - 1;
      case "PageDown":
        return at + page;
      case "PageUp":
        return at - page;
      case "Home":
        return 0;
      case "End":
        return this.#model.size - 1;
      default:
        return null;
    }
  }

  /** Up, then down, then as they come. */
  #sortBy(column: string): void {
    const { sorting } = this.route;
    const isThis = sorting?.column === column;
    const next: Sorting | null =
      isThis && sorting.isDescending ? null : { column, isDescending: isThis };
    this.dispatchEvent(
      new CustomEvent("route-change", {
        detail: { change: { sorting: next }, isStep: false },
        bubbles: true,
      }),
    );
  }
}

customElements.define("record-table", RecordTable);
