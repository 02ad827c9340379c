/**
 * `<write-panel>`: the form that writes a record into the feed being read. It stands beside the list,
 * not over it, so that whoever writes sees the record arrive. A key stays in memory unless the
 * person ticks that this tab may remember it; it is never logged and never part of an address.
 */

import { stringifyExactJson } from "aviso-feed";
import { html, nothing, type PropertyValues, type TemplateResult } from "lit";
import {
  type DraftFault,
  type DraftField,
  EMPTY_FIELD,
  fieldsOfRecord,
  recordOfFields,
  recordOfText,
  templateFields,
  textOfRecord,
  translatedFields,
} from "./draft";
import { draftRows, type RowsHandler } from "./draft-rows";
import { checkIcon, closeIcon, warningIcon } from "./icons";
import type { JsonObject } from "./json";
import type { FeedInfo } from "./library";
import { LightElement } from "./light-element";
import type { MessageKey, Parameters } from "./locale";
import type { Reading } from "./reading";
import {
  failureMessage,
  isWorthRetrying,
  type Signature,
  WriteFailure,
  writeRecord,
} from "./record-writing";
import { rememberApiKey, rememberedApiKey } from "./storage";

interface Failure {
  readonly message: MessageKey;
  readonly parameters: Parameters;
  readonly detail: string;
  /** The record's member that the server named, if any. */
  readonly field: string | null;
  readonly isAboutKey: boolean;
  readonly canRetry: boolean;
}

export class WritePanel extends LightElement {
  static override properties = {
    feed: { attribute: false },
    newest: { attribute: false },
    reading: { attribute: false },
    mode: { state: true },
    fields: { state: true },
    text: { state: true },
    faults: { state: true },
    failure: { state: true },
    isSending: { state: true },
    writtenId: { state: true },
    signatureKind: { state: true },
    key: { state: true },
    isKeyRemembered: { state: true },
    isKeyShown: { state: true },
  };
  declare feed: FeedInfo;
  declare newest: JsonObject | null;
  declare reading: Reading;
  declare mode: "fields" | "json";
  declare fields: readonly DraftField[];
  declare text: string;
  declare faults: readonly DraftFault[];
  declare failure: Failure | null;
  declare isSending: boolean;
  declare writtenId: string | null;
  declare signatureKind: Signature["kind"];
  declare key: string;
  declare isKeyRemembered: boolean;
  declare isKeyShown: boolean;

  /** One key for one write: kept while what is written stays the same, so that a retry is safe. */
  #attempt: { readonly content: string; readonly idempotencyKey: string } | null = null;
  #draftOf: string | null = null;

  constructor() {
    super();
    const remembered = rememberedApiKey();
    this.mode = "fields";
    this.fields = [EMPTY_FIELD];
    this.text = "{\n  \n}";
    this.faults = [];
    this.failure = null;
    this.isSending = false;
    this.writtenId = null;
    this.signatureKind = "key";
    this.key = remembered ?? "";
    this.isKeyRemembered = remembered !== null;
    this.isKeyShown = false;
  }

  protected override willUpdate(changed: PropertyValues<this>): void {
    const before = changed.get("reading")?.locale;
    const { locale } = this.reading;
    if (before !== undefined && before !== locale) {
      this.fields = translatedFields(this.fields, before, locale);
    }
    if (this.#draftOf === this.feed.slug) return;
    // A draft belongs to the feed that it was begun for.
    this.#draftOf = this.feed.slug;
    this.#begin();
    this.writtenId = null;
  }

  protected override firstUpdated(): void {
    const first = this.fields[0]?.name === "" ? ".draft-name" : ".draft-value";
    this.querySelector<HTMLElement>(first)?.focus();
  }

  #begin(): void {
    this.fields = templateFields(this.feed.schema, this.newest);
    this.text = "{\n  \n}";
    this.faults = [];
    this.failure = null;
    this.#attempt = null;
  }

  override render(): TemplateResult {
    const { t } = this.reading;
    const feed = this.feed.title || this.feed.slug;
    return html`
      <form
        class="write-form"
        autocomplete="off"
        novalidate
        aria-labelledby="write-title"
        @submit=${this.#submit}
        @keydown=${this.#onKey}
      >
        <div class="panel-head">
          <h2 id="write-title" dir="auto">${t("writeTitle", { feed })}</h2>
          <button
            type="button"
            class="button button-quiet button-icon"
            aria-label=${t("writeClose")}
            title=${t("writeClose")}
            @click=${this.#close}
          >
            ${closeIcon}
          </button>
        </div>
        ${this.#modeSwitch()}
        ${this.mode === "fields" ? this.#fieldRows() : this.#jsonEditor()} ${this.#signature()}
        ${this.#outcome()}
        <button type="submit" class="button button-primary button-wide" ?disabled=${this.isSending}>
          ${t(this.isSending ? "writeSending" : this.failure?.canRetry ? "writeAgain" : "writeSend")}
        </button>
      </form>
    `;
  }

  #modeSwitch(): TemplateResult {
    const { t } = this.reading;
    const option = (mode: "fields" | "json", label: string) => html`<button
      type="button"
      aria-pressed=${this.mode === mode}
      @click=${() => this.#setMode(mode)}
    >
      ${label}
    </button>`;
    return html`<div class="segments" role="group" aria-label=${t("writeMode")}>
      ${option("fields", t("writeFields"))} ${option("json", t("writeJson"))}
    </div>`;
  }

  #fieldRows(): TemplateResult {
    const { field = null, detail = "" } = this.failure ?? {};
    const refused = field === null ? null : { field, detail };
    return draftRows(this.fields, this.faults, refused, this.reading, this.#rows);
  }

  readonly #rows: RowsHandler = {
    change: (row, change) => {
      this.fields = this.fields.map((field, i) => (i === row ? { ...field, ...change } : field));
      this.faults = this.faults.filter((fault) => fault.row !== row);
      this.writtenId = null;
    },
    add: async () => {
      this.fields = [...this.fields, EMPTY_FIELD];
      await this.updateComplete;
      const names = this.querySelectorAll<HTMLElement>(".draft-name");
      names[names.length - 1]?.focus();
    },
    remove: (row) => {
      const rest = this.fields.filter((_, i) => i !== row);
      this.fields = rest.length > 0 ? rest : [EMPTY_FIELD];
      this.faults = [];
    },
  };

  #jsonEditor(): TemplateResult {
    const { t } = this.reading;
    const fault = this.faults[0];
    const isRefused = this.failure !== null && !this.failure.isAboutKey && !this.failure.canRetry;
    return html`
      <div class="form-field">
        <div class="form-label-row">
          <label for="write-json">${t("writeJsonLabel")}</label>
          <button type="button" class="button button-quiet button-small" @click=${this.#tidy}>
            ${t("writeFormat")}
          </button>
        </div>
        <textarea
          id="write-json"
          class="input input-code"
          rows="10"
          spellcheck="false"
          autocapitalize="off"
          dir="ltr"
          aria-invalid=${fault !== undefined || isRefused}
          aria-describedby="write-json-error"
          .value=${this.text}
          @input=${this.#onText}
        ></textarea>
        <p class="form-error" id="write-json-error" role="alert">
          ${fault === undefined ? nothing : t(fault.message, fault.parameters)}
        </p>
      </div>
    `;
  }

  #signature(): TemplateResult {
    const { t } = this.reading;
    const option = (kind: Signature["kind"], label: string) => html`<label class="radio">
      <input
        type="radio"
        name="signature"
        .checked=${this.signatureKind === kind}
        @change=${() => {
          this.signatureKind = kind;
          this.failure = null;
        }}
      />
      <span>${label}</span>
    </label>`;
    return html`<fieldset class="form-group">
      <legend>${t("writeHow")}</legend>
      <div class="radios">
        ${option("key", t("writeWithKey"))} ${option("session", t("writeWithSession"))}
      </div>
      ${
        this.signatureKind === "session"
          ? html`<p class="form-hint">${t("writeSessionHint")}</p>`
          : this.#keyField()
      }
    </fieldset>`;
  }

  #keyField(): TemplateResult {
    const { t } = this.reading;
    const { failure } = this;
    const isWrong = failure?.isAboutKey ?? false;
    return html`
      <div class="form-field">
        <label class="visually-hidden" for="write-key">${t("writeKeyLabel")}</label>
        <div class="input-with-button">
          <input
            id="write-key"
            class="input"
            type=${this.isKeyShown ? "text" : "password"}
            autocomplete="off"
            autocapitalize="off"
            spellcheck="false"
            placeholder=${t("writeKeyHint")}
            aria-invalid=${isWrong}
            aria-describedby="write-key-error"
            .value=${this.key}
            @input=${this.#onKeyInput}
          />
          <button
            type="button"
            class="button button-quiet button-small"
            aria-pressed=${this.isKeyShown}
            @click=${() => {
              this.isKeyShown = !this.isKeyShown;
            }}
          >
            ${t(this.isKeyShown ? "writeKeyHide" : "writeKeyShow")}
          </button>
        </div>
        <p class="form-error" id="write-key-error" role="alert">
          ${isWrong && failure !== null ? t(failure.message, failure.parameters) : nothing}
        </p>
        <label class="check">
          <input type="checkbox" .checked=${this.isKeyRemembered} @change=${this.#onRemember} />
          <span>${t("writeKeyRemember")}</span>
        </label>
      </div>
    `;
  }

  #outcome(): TemplateResult {
    const { t } = this.reading;
    const { failure } = this;
    const isShown = failure !== null && (!failure.isAboutKey || this.signatureKind === "session");
    return html`<div class="write-outcome">
      ${
        isShown
          ? html`<div class="notice notice-bad" role="alert" data-write-outcome="failed">
              ${warningIcon}
              <div>
                <strong>${t(failure.message, failure.parameters)}</strong>
                ${failure.detail === "" || this.#isAtRow(failure) ? nothing : html`<p dir="auto">${failure.detail}</p>`}
                ${failure.canRetry ? html`<p>${t("writeRetryHint")}</p>` : nothing}
              </div>
            </div>`
          : nothing
      }
      <div role="status">
        ${
          this.writtenId === null
            ? nothing
            : html`<div class="notice notice-good" data-write-outcome="written">
                ${checkIcon}
                <div>
                  <strong>${t("writeDone")}</strong>
                  <p>${t("writeDoneHint", { id: this.writtenId.slice(0, 8) })}</p>
                </div>
              </div>`
        }
      </div>
    </div>`;
  }

  /** Whether the row that a failure is about says what it is already. */
  #isAtRow({ field }: Failure): boolean {
    return this.mode === "fields" && this.fields.some(({ name }) => name.trim() === field);
  }

  #setMode(mode: "fields" | "json"): void {
    if (mode === this.mode) return;
    if (mode === "json") {
      const result = recordOfFields(this.fields, this.reading.locale);
      if (!result.ok) {
        this.faults = result.faults;
        return;
      }
      const isEmpty = Object.keys(result.data).length === 0;
      this.text = isEmpty ? "{\n  \n}" : textOfRecord(result.data);
    } else {
      const result = recordOfText(this.text);
      if (!result.ok) {
        this.faults = result.faults;
        return;
      }
      const fields = fieldsOfRecord(result.data, this.reading.locale);
      if (fields.length > 0) this.fields = fields;
    }
    this.faults = [];
    this.mode = mode;
  }

  readonly #onText = (event: Event): void => {
    this.text = (event.target as HTMLTextAreaElement).value;
    this.faults = [];
    this.writtenId = null;
  };

  readonly #tidy = (): void => {
    const result = recordOfText(this.text);
    if (result.ok) this.text = textOfRecord(result.data);
    this.faults = result.ok ? [] : result.faults;
  };

  readonly #onKeyInput = (event: Event): void => {
    this.key = (event.target as HTMLInputElement).value.trim();
    if (this.failure?.isAboutKey) this.failure = null;
    if (this.isKeyRemembered) rememberApiKey(this.key || null);
  };

  readonly #onRemember = (event: Event): void => {
    this.isKeyRemembered = (event.target as HTMLInputElement).checked;
    rememberApiKey(this.isKeyRemembered && this.key !== "" ? this.key : null);
  };

  readonly #onKey = (event: KeyboardEvent): void => {
    if (event.key === "Escape") {
      event.preventDefault();
      this.#close();
    } else if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
      event.preventDefault();
      this.querySelector("form")?.requestSubmit();
    }
  };

  readonly #close = (): void => {
    this.dispatchEvent(new CustomEvent("write-toggle", { bubbles: true }));
  };

  readonly #submit = async (event: Event): Promise<void> => {
    event.preventDefault();
    if (this.isSending) return;
    const result =
      this.mode === "fields"
        ? recordOfFields(this.fields, this.reading.locale)
        : recordOfText(this.text);
    this.writtenId = null;
    this.failure = null;
    this.faults = result.ok ? [] : result.faults;
    const signature: Signature =
      this.signatureKind === "key" ? { kind: "key", key: this.key } : { kind: "session" };
    if (signature.kind === "key" && signature.key === "") {
      this.failure = keyMissing();
    }
    if (!result.ok || this.failure !== null) {
      await this.#focusFault();
      return;
    }
    await this.#send(result.data, signature);
  };

  async #send(data: JsonObject, signature: Signature): Promise<void> {
    const feed = this.feed.slug;
    const idempotencyKey = this.#keyFor(feed, data);
    this.isSending = true;
    try {
      const id = await writeRecord(feed, data, signature, idempotencyKey);
      if (feed !== this.feed.slug) return;
      this.#attempt = null;
      this.writtenId = id;
      this.fields = this.fields.map((field) => ({ ...field, value: "" }));
      if (this.mode === "json") this.text = "{\n  \n}";
    } catch (error) {
      if (!(error instanceof WriteFailure)) throw error;
      if (feed === this.feed.slug) this.failure = shownFailure(error, signature.kind);
    } finally {
      this.isSending = false;
    }
    await this.#focusFault();
  }

  #keyFor(feed: string, data: JsonObject): string {
    const content = stringifyExactJson([feed, data]);
    if (this.#attempt?.content !== content) {
      this.#attempt = { content, idempotencyKey: newKey() };
    }
    return this.#attempt.idempotencyKey;
  }

  async #focusFault(): Promise<void> {
    await this.updateComplete;
    this.querySelector<HTMLElement>('[aria-invalid="true"]')?.focus();
  }
}

function keyMissing(): Failure {
  return {
    message: "errorKeyMissing",
    parameters: {},
    detail: "",
    field: null,
    isAboutKey: true,
    canRetry: false,
  };
}

function shownFailure(error: WriteFailure, signature: Signature["kind"]): Failure {
  return {
    ...failureMessage(error, signature),
    // What the API says of a missing key speaks of headers; the message above it is enough.
    detail: error.status === 401 ? "" : error.detail,
    field: error.field,
    isAboutKey: error.status === 401,
    canRetry: isWorthRetrying(error),
  };
}

/** crypto.randomUUID is only there on https and localhost; a key must be had on http as well. */
function newKey(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

customElements.define("write-panel", WritePanel);
