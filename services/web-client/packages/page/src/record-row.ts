/**
 * `<record-row>`: one record, or the place of an event that could not be delivered. Far from the
 * screen it keeps its attributes and drops its content, so that thousands of rows stay light.
 */

import { asWritten } from "aviso-feed";
import { html, nothing, type PropertyValues, type TemplateResult } from "lit";
import { causeText, remedyText } from "./causes";
import { changedFields } from "./field-changes";
import { fieldList, NOTHING_CHANGED } from "./field-list";
import { bracesIcon, linkIcon, warningIcon } from "./icons";
import type { JsonObject } from "./json";
import type { FeedEvent, FeedRecord, RecordEntry } from "./library";
import { LightElement } from "./light-element";
import type { MessageKey } from "./locale";
import type { Reading } from "./reading";
import { shortKey } from "./record-key";
import { hashOfRoute, routeOfFeed } from "./route";
import "./json-block";
import "./relative-time";

const TIME_MESSAGES: Readonly<Record<FeedEvent["type"], MessageKey | null>> = {
  created: "recordCreatedAt",
  updated: "recordUpdatedAt",
  deleted: "recordDeletedAt",
  unavailable: null,
  reset: null,
  listed: null,
  left: null,
};
export class RecordRow extends LightElement {
  static override properties = {
    entry: { attribute: false },
    reading: { attribute: false },
    isNear: { attribute: false },
    isFresh: { attribute: false },
    isOpen: { state: true },
  };
  declare entry: RecordEntry;
  declare reading: Reading;
  declare isNear: boolean;
  declare isFresh: boolean;
  declare isOpen: boolean;
  #changed = NOTHING_CHANGED;

  constructor() {
    super();
    this.isNear = false;
    this.isFresh = false;
    this.isOpen = false;
  }

  override connectedCallback(): void {
    super.connectedCallback();
    this.setAttribute("role", "article");
    if (!this.hasAttribute("tabindex")) this.tabIndex = -1;
  }

  /** Show an entry. The attributes are true at once, whether or not the row is near the screen. */
  show(entry: RecordEntry): void {
    const before = this.entry as RecordEntry | undefined;
    if (entry.state === "deleted") this.#changed = NOTHING_CHANGED;
    if (before?.record != null && entry.record !== null && entry.state === "present") {
      const [old, now] = [shownData(before.record), shownData(entry.record)];
      const turn = this.#changed.turn === "odd" ? "even" : "odd";
      this.#changed = { names: changedFields(old, now), turn };
    }
    this.entry = entry;
    const { dataset } = this;
    dataset.recordId = entry.record?.id ?? entry.event.subject ?? `event:${entry.event.id}`;
    dataset.sequence = String(entry.event.sequence);
    dataset.state = entry.state;
    if (entry.record?.version === undefined) delete dataset.version;
    else dataset.version = String(entry.record.version);
  }

  toggleJson(): void {
    if (this.entry.record !== null) this.isOpen = !this.isOpen;
  }

  /** Close what is open; says whether anything was. */
  closeJson(): boolean {
    const wasOpen = this.isOpen;
    this.isOpen = false;
    return wasOpen;
  }

  protected override shouldUpdate(): boolean {
    return this.reading !== undefined && this.entry !== undefined;
  }

  protected override willUpdate(changes: PropertyValues<this>): void {
    if (changes.get("isFresh") === true && !this.isFresh) this.#changed = NOTHING_CHANGED;
    this.toggleAttribute("data-fresh", this.isFresh);
    if (this.isNear) this.setAttribute("aria-label", this.#label());
  }

  override render(): TemplateResult | typeof nothing {
    if (!this.isNear) return nothing;
    return html`
      <div class="row-head">
        ${this.#tag()}
        ${isNamed(this.entry) ? this.#name() : this.#time()}
        ${this.#identity()}
      </div>
      ${this.#content()}
    `;
  }

  #label(): string {
    const { t } = this.reading;
    const id = this.dataset.recordId ?? "";
    const name = t("record", { id: shortKey(id) });
    if (this.entry.state === "deleted") return `${name}, ${t("recordDeleted")}`;
    return this.entry.state === "unavailable" ? t("recordUnavailable") : name;
  }

  #tag(): TemplateResult | typeof nothing {
    const { t } = this.reading;
    const tag = (kind: string, text: string) => html`<span class="tag tag-${kind}">${text}</span>`;
    if (this.entry.state === "deleted") return tag("deleted", t("recordDeleted"));
    if (this.entry.state === "unavailable") return tag("unavailable", t("recordUnavailable"));
    if (!this.isFresh) return nothing;
    return this.entry.event.type === "updated"
      ? tag("updated", t("recordUpdated"))
      : tag("new", t("recordNew"));
  }

  /** Of a row that was only listed nobody may have said when anything happened to it. */
  #time(): TemplateResult | typeof nothing {
    const { event, record } = this.entry;
    if (event.place !== undefined) return listedTime(record, this.reading);
    return html`<relative-time
      .time=${new Date(event.time)}
      .message=${TIME_MESSAGES[event.type]}
      .reading=${this.reading}
    ></relative-time>`;
  }

  /** Its key, where there is no time to begin with. */
  #name(): TemplateResult {
    const { id } = this.entry.record ?? { id: "" };
    return html`<bdi class="row-name" title=${this.reading.t("recordIdTitle", { id })}
      >${shortKey(id)}</bdi
    >`;
  }

  #identity(): TemplateResult {
    const { t } = this.reading;
    const { record, event } = this.entry;
    // Places and versions are no amounts: they are looked for as they are.
    const sequence = String(event.sequence);
    const version = record?.version === 1 ? undefined : record?.version;
    return html`
      <span class="row-identity">
        ${
          record === null || isNamed(this.entry)
            ? nothing
            : html`<bdi class="row-id" title=${t("recordIdTitle", { id: record.id })}
                >${shortKey(record.id)}</bdi
              >`
        }
        ${
          version === undefined
            ? nothing
            : html`<span title=${t("recordVersionTitle", { version: String(version) })}
                >${t("recordVersion", { version: String(version) })}</span
              >`
        }
        ${
          event.place === undefined
            ? html`<span title=${t("recordSequenceTitle", { sequence })}>#${sequence}</span>`
            : nothing
        }
      </span>
      ${
        record === null
          ? nothing
          : html`<a
                class="row-link"
                data-record-link
                href=${hashOfRoute({ ...routeOfFeed(event.feed), record: record.id })}
                aria-label=${t("recordOpen", { id: shortKey(record.id) })}
                title=${t("recordOpen", { id: shortKey(record.id) })}
                >${linkIcon}</a
              ><button
              type="button"
              class="button button-quiet button-small row-json"
              aria-expanded=${this.isOpen}
              aria-label=${t(this.isOpen ? "jsonHide" : "jsonShow")}
              title=${t(this.isOpen ? "jsonHide" : "jsonShow")}
              @click=${this.toggleJson}
            >
              ${bracesIcon}<span aria-hidden="true">${t("json")}</span>
            </button>`
      }
    `;
  }

  #content(): TemplateResult {
    const { t } = this.reading;
    const { record, event } = this.entry;
    if (record === null) {
      const cause = event.unavailable?.cause ?? "";
      return html`<p class="row-cause">
        ${warningIcon}
        <span>${t("causeIntro")} ${causeText(cause, t)} ${remedyText(cause, t)}</span>
      </p>`;
    }
    const data = shownData(record);
    const isEmpty = Object.keys(data).length === 0;
    return html`
      ${
        isEmpty
          ? html`<p class="value-quiet">${t("recordEmpty")}</p>`
          : fieldList(data, this.reading, this.#changed)
      }
      ${
        this.isOpen
          ? html`<json-block .data=${data} .reading=${this.reading}></json-block>`
          : nothing
      }
    `;
  }
}

const shownData = (record: FeedRecord): JsonObject => asWritten(record.data) as JsonObject;

/** Nothing is known of its times: it goes by its key. */
function isNamed({ event, record }: RecordEntry): boolean {
  return event.place !== undefined && record !== null && record.updated_at === undefined;
}

function listedTime(record: FeedRecord | null, reading: Reading): TemplateResult | typeof nothing {
  if (record?.updated_at === undefined) return nothing;
  const isUpdated = record.version !== undefined && record.version > 1;
  return html`<relative-time
    .time=${new Date(record.updated_at)}
    .message=${isUpdated ? "recordUpdatedAt" : "recordCreatedAt"}
    .reading=${reading}
  ></relative-time>`;
}

customElements.define("record-row", RecordRow);
