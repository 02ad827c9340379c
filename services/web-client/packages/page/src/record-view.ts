/**
 * `<record-view>`: one record by itself, at an address of its own: what it is now, its JSON, what
 * happened to it, and for whoever may write what can be done to it.
 */

import { asWritten } from "aviso-feed";
import { html, nothing, type PropertyValues, type TemplateResult } from "lit";
import { guard } from "lit/directives/guard.js";
import { changeList } from "./change-list";
import { shownState } from "./connection";
import { fieldList } from "./field-list";
import { backIcon } from "./icons";
import type { JsonObject } from "./json";
import { LightElement } from "./light-element";
import type { ListFailureKind } from "./list-failure";
import type { ListFailure } from "./list-retry";
import type { MessageKey } from "./locale";
import type { PageModel } from "./page-model";
import type { Reading } from "./reading";
import type { HistoryStep } from "./record-history";
import { shortKey } from "./record-key";
import { type HistoryEvent, readHistory, readRecord } from "./record-reading";
import { type FeedRoute, hashOfRoute } from "./route";
import { SeenRecord } from "./seen-record";
import type { WatchedFeed } from "./watched-feed";
import "./connection-state";
import "./copy-button";
import "./json-block";
import "./record-editor";
import "./relative-time";
import "./retry-countdown";

const STEP_MESSAGES: Readonly<Record<HistoryEvent["type"], MessageKey>> = {
  created: "recordCreated",
  updated: "recordUpdated",
  deleted: "recordDeleted",
  unavailable: "recordUnavailable",
};

const FAILURES: Readonly<Partial<Record<ListFailureKind, MessageKey>>> = {
  "too-many": "startTooMany",
  "server-error": "startServerError",
  unreachable: "startFailedHint",
};

export class RecordView extends LightElement {
  static override properties = {
    model: { attribute: false },
    feed: { attribute: false },
    route: { attribute: false },
    reading: { attribute: false },
    revision: { attribute: false },
    writing: { state: true },
  };
  declare model: PageModel;
  declare feed: WatchedFeed;
  declare route: FeedRoute;
  declare reading: Reading;
  /** Goes up with every drawing of the page. */
  declare revision: number;
  /** What somebody is about to do to it. */
  declare writing: "edit" | "delete" | null;

  #seen: SeenRecord | null = null;

  constructor() {
    super();
    this.writing = null;
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.#seen?.stop();
    this.#seen = null;
  }

  protected override willUpdate(_: PropertyValues<this>): void {
    const id = this.route.record;
    if (id === null || (this.#seen?.feed === this.feed && this.#seen.id === id)) return;
    this.#seen?.stop();
    this.writing = null;
    const slug = this.feed.info.slug;
    this.#seen = new SeenRecord(
      this.feed,
      id,
      {
        record: () => this.model.askOrFail((token) => readRecord(slug, id, token)),
        history: (before, limit) =>
          this.model.askOrFail((token) => readHistory(slug, id, { before, limit }, token)),
      },
      () => this.requestUpdate(),
    );
    window.scrollTo({ top: 0, behavior: "instant" });
  }

  override render(): TemplateResult | typeof nothing {
    const seen = this.#seen;
    if (seen === null) return nothing;
    const { t } = this.reading;
    const { info } = this.feed;
    return html`<header class="feed-head record-head">
        <div class="feed-name">
          <a class="back" href=${hashOfRoute({ ...this.route, record: null })}
            >${backIcon}<bdi>${info.title || info.slug}</bdi></a
          >
          <h1 dir="auto" title=${seen.id}>${t("record", { id: shortKey(seen.id) })}</h1>
        </div>
        <connection-state
          .state=${shownState(this.model.client.state, this.feed.state)}
          .transport=${this.model.client.transport}
          .reading=${this.reading}
        ></connection-state>
      </header>
      <div class="record-page" data-record=${seen.id} data-record-state=${seen.state}>
        ${this.#body(seen)}
      </div>`;
  }

  #body(seen: SeenRecord): TemplateResult {
    const { t } = this.reading;
    switch (seen.state) {
      case "loading":
        return html`<div class="record-skeletons" role="status" aria-label=${t("recordLoading")}>
          <span class="skeleton skeleton-record"></span><span class="skeleton skeleton-record"></span>
        </div>`;
      case "failed":
        return html`<div class="empty" role="alert">
          <p>${t("recordFailed")}</p>
          ${seen.failure === null ? nothing : whyFailed(seen.failure, this.reading)}
          <button type="button" class="button" @click=${() => void seen.load()}>${t("tryAgain")}</button>
        </div>`;
      case "missing":
        return html`<div class="empty">
          <h2>${t("recordMissing")}</h2>
          <p>${t("recordMissingHint")}</p>
        </div>`;
      default:
        return this.#record(seen);
    }
  }

  #record(seen: SeenRecord): TemplateResult {
    const { t } = this.reading;
    const data = asWritten(seen.record?.data ?? {}) as JsonObject;
    const isDeleted = seen.state === "deleted";
    return html`${this.#tools(seen)}
      ${
        isDeleted
          ? html`<p class="notice notice-bad" role="status">${t("recordIsDeleted")}</p>`
          : nothing
      }
      ${this.#editor(seen)}
      <section class="record-now" aria-label=${t("recordNow")} data-state=${seen.state}>
        ${
          Object.keys(data).length === 0
            ? html`<p class="value-quiet">${t("recordEmpty")}</p>`
            : guard([data, this.reading], () => fieldList(data, this.reading))
        }
        ${facts(seen, this.reading)}
      </section>
      <details class="record-json">
        <summary>${t("json")}</summary>
        <json-block .data=${data} .reading=${this.reading}></json-block>
      </details>
      ${this.#history(seen)}`;
  }

  #tools(seen: SeenRecord): TemplateResult {
    const { t } = this.reading;
    const isOurs = this.feed.info.table == null && seen.record?.version !== undefined;
    const toggle = (writing: "edit" | "delete") => () => {
      this.writing = this.writing === writing ? null : writing;
    };
    const action = (name: "edit" | "delete", label: string) => html`<button
      type="button"
      class="button button-small"
      data-action=${name}
      aria-expanded=${this.writing === name}
      @click=${toggle(name)}
    >
      ${label}
    </button>`;
    return html`<div class="record-tools">
      <copy-button
        .text=${() => location.href}
        .label=${t("copyLink")}
        .reading=${this.reading}
      ></copy-button>
      ${
        isOurs && seen.state === "present"
          ? html`${action("edit", t("edit"))} ${action("delete", t("delete"))}`
          : nothing
      }
    </div>`;
  }

  #editor(seen: SeenRecord): TemplateResult | typeof nothing {
    if (this.writing === null || seen.record === null) return nothing;
    return html`<record-editor
      .purpose=${this.writing}
      .feed=${this.feed.info.slug}
      .record=${seen.record}
      .reading=${this.reading}
      .readAgain=${() => this.model.askOrFail((token) => readRecord(this.feed.info.slug, seen.id, token))}
      @editor-close=${() => {
        this.writing = null;
      }}
    ></record-editor>`;
  }

  #history(seen: SeenRecord): TemplateResult {
    const { t } = this.reading;
    const { steps } = seen;
    const more = () => void seen.loadOlder();
    return html`<section class="history" aria-labelledby="history-title">
      <h2 id="history-title" class="section-title">${t("history")}</h2>
      ${steps.length === 0 ? html`<p class="nav-note">${t("historyNone")}</p>` : nothing}
      <ol class="steps">
        ${guard([steps, this.reading], () => steps.map((step) => this.#step(step)))}
      </ol>
      ${
        seen.olderState === "end" || steps.length === 0
          ? nothing
          : seen.olderState === "full"
            ? html`<p class="nav-note" role="status">${t("historyFull", { count: steps.length })}</p>`
            : html`${seen.olderState === "failed" ? html`<p role="alert">${t("historyFailed")}</p>` : nothing}
              <button type="button" class="button" ?disabled=${seen.olderState === "loading"} @click=${more}>
                ${t("historyMore")}
              </button>`
      }
    </section>`;
  }

  #step({ event, changes }: HistoryStep): TemplateResult {
    const { t } = this.reading;
    const sequence = String(event.sequence);
    return html`<li class="step" data-step=${event.type} data-sequence=${sequence}>
      <p class="step-head">
        <strong>${t(STEP_MESSAGES[event.type])}</strong>
        <relative-time .time=${new Date(event.time)} .reading=${this.reading}></relative-time>
        <span class="row-identity">
          ${
            event.record?.version === undefined
              ? nothing
              : html`<span>${t("recordVersion", { version: String(event.record.version) })}</span>`
          }
          <span title=${t("recordSequenceTitle", { sequence })}>#${sequence}</span>
        </span>
      </p>
      ${
        changes === null
          ? nothing
          : changeList(
              changes,
              { before: t("changeBefore"), after: t("changeAfter") },
              this.reading,
            )
      }
    </li>`;
  }
}

function whyFailed({ kind, status, retryAt }: ListFailure, reading: Reading): TemplateResult {
  const message = FAILURES[kind];
  return html`<p data-record-failure=${kind}>
    ${message === undefined ? nothing : reading.t(message, { status: String(status) })}
    <retry-countdown .retryAt=${retryAt} .reading=${reading}></retry-countdown>
  </p>`;
}

function facts(
  { record }: SeenRecord,
  { t, formatting }: Reading,
): TemplateResult | typeof nothing {
  if (record === null) return nothing;
  const time = (text: string) =>
    html`<time datetime=${text}>${formatting.exactTime(new Date(text))}</time>`;
  const fact = (name: MessageKey, value: unknown) =>
    value === undefined ? nothing : html`<div><dt>${t(name)}</dt><dd>${value}</dd></div>`;
  return html`<dl class="facts">
    ${fact("factId", html`<bdi class="fact-id">${record.id}</bdi>`)}
    ${fact("factVersion", record.version === undefined ? undefined : String(record.version))}
    ${fact("factCreated", record.created_at && time(record.created_at))}
    ${fact("factUpdated", record.updated_at && time(record.updated_at))}
  </dl>`;
}

customElements.define("record-view", RecordView);
