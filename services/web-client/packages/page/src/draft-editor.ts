/**
 * `<draft-editor>`: a record that somebody is writing, as rows of fields or as JSON text. Whoever
 * uses it begins a draft and reads it; it says `draft-change` when something was typed.
 */

import { html, nothing, type PropertyValues, type TemplateResult } from "lit";
import {
  type DraftFault,
  type DraftField,
  type DraftResult,
  EMPTY_FIELD,
  fieldsOfRecord,
  recordOfFields,
  recordOfText,
  textOfRecord,
  translatedFields,
} from "./draft";
import { draftRows, type Folded, type RefusedField, type RowsHandler } from "./draft-rows";
import { LightElement } from "./light-element";
import type { Reading } from "./reading";

/** So many rows are drawn at once: a record may have thousands of fields. */
const ROWS_DRAWN = 100;
const EMPTY_TEXT = "{\n  \n}";

export class DraftEditor extends LightElement {
  static override properties = {
    reading: { attribute: false },
    name: { attribute: false },
    refused: { attribute: false },
    isRefused: { attribute: false },
    mode: { state: true },
    fields: { state: true },
    folded: { state: true },
    text: { state: true },
    faults: { state: true },
  };
  declare reading: Reading;
  /** Sets its fields apart from those of another form on the page. */
  declare name: string;
  /** The field that the server found fault with. */
  declare refused: RefusedField | null;
  /** The server found fault with the record, wherever. */
  declare isRefused: boolean;
  declare mode: "fields" | "json";
  declare fields: readonly DraftField[];
  declare folded: Folded;
  declare text: string;
  declare faults: readonly DraftFault[];

  constructor() {
    super();
    this.name = "write";
    this.refused = null;
    this.isRefused = false;
    this.mode = "fields";
    this.fields = [EMPTY_FIELD];
    this.folded = [0, 0];
    this.text = EMPTY_TEXT;
    this.faults = [];
  }

  begin(fields: readonly DraftField[]): void {
    this.#show(fields);
    this.faults = [];
    const result = recordOfFields(fields, this.reading.locale);
    this.text =
      result.ok && Object.keys(result.data).length > 0 ? textOfRecord(result.data) : EMPTY_TEXT;
  }

  #show(fields: readonly DraftField[]): void {
    this.fields = fields;
    this.folded = [Math.min(ROWS_DRAWN, fields.length), fields.length];
  }

  /** The same rows without their values. */
  empty(): void {
    this.fields = this.fields.map((field) => ({ ...field, value: "" }));
    this.text = EMPTY_TEXT;
    this.faults = [];
  }

  /** What is written, or what is wrong with it; that is shown as well. */
  read(): DraftResult {
    const result =
      this.mode === "fields"
        ? recordOfFields(this.fields, this.reading.locale)
        : recordOfText(this.text);
    this.faults = result.ok ? [] : result.faults;
    return result;
  }

  /** Whether a row shows what the server says of this field. */
  hasRow(name: string | null): boolean {
    return this.mode === "fields" && this.fields.some((field) => field.name.trim() === name);
  }

  focusFirst(): void {
    const first = this.fields[0]?.name === "" ? ".draft-name" : ".draft-value";
    this.querySelector<HTMLElement>(first)?.focus();
  }

  protected override willUpdate(changed: PropertyValues<this>): void {
    const before = changed.get("reading")?.locale;
    const { locale } = this.reading;
    if (before !== undefined && before !== locale) {
      this.fields = translatedFields(this.fields, before, locale);
    }
  }

  override render(): TemplateResult {
    return html`${this.#modeSwitch()}
    ${
      this.mode === "fields"
        ? draftRows(this.fields, this.faults, this.refused, this.folded, this.reading, this.#rows)
        : this.#jsonEditor()
    }`;
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

  readonly #rows: RowsHandler = {
    change: (row, change) => {
      this.fields = this.fields.map((field, i) => (i === row ? { ...field, ...change } : field));
      this.faults = this.faults.filter((fault) => fault.row !== row);
      this.#tell();
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
      const [from, to] = this.folded;
      this.folded = [row < from ? from - 1 : from, row < to ? to - 1 : to];
      this.faults = [];
      this.#tell();
    },
    unfold: async () => {
      const [from, to] = this.folded;
      this.folded = [Math.min(from + ROWS_DRAWN, to), to];
      await this.updateComplete;
      this.querySelectorAll<HTMLElement>(".draft-value")[from]?.focus();
    },
  };

  #jsonEditor(): TemplateResult {
    const { t } = this.reading;
    const fault = this.faults[0];
    const id = `${this.name}-json`;
    return html`
      <div class="form-field">
        <div class="form-label-row">
          <label for=${id}>${t("writeJsonLabel")}</label>
          <button type="button" class="button button-quiet button-small" @click=${this.#tidy}>
            ${t("writeFormat")}
          </button>
        </div>
        <textarea
          id=${id}
          class="input input-code"
          rows="10"
          spellcheck="false"
          autocapitalize="off"
          dir="ltr"
          aria-invalid=${fault !== undefined || this.isRefused}
          aria-describedby=${`${id}-error`}
          .value=${this.text}
          @input=${this.#onText}
        ></textarea>
        <p class="form-error" id=${`${id}-error`} role="alert">
          ${fault === undefined ? nothing : t(fault.message, fault.parameters)}
        </p>
      </div>
    `;
  }

  #setMode(mode: "fields" | "json"): void {
    if (mode === this.mode) return;
    const result = this.read();
    if (!result.ok) return;
    if (mode === "json") {
      const isEmpty = Object.keys(result.data).length === 0;
      this.text = isEmpty ? EMPTY_TEXT : textOfRecord(result.data);
    } else {
      const fields = fieldsOfRecord(result.data, this.reading.locale);
      if (fields.length > 0) this.#show(fields);
    }
    this.mode = mode;
  }

  readonly #onText = (event: Event): void => {
    this.text = (event.target as HTMLTextAreaElement).value;
    this.faults = [];
    this.#tell();
  };

  readonly #tidy = (): void => {
    const result = recordOfText(this.text);
    if (result.ok) this.text = textOfRecord(result.data);
    this.faults = result.ok ? [] : result.faults;
  };

  #tell(): void {
    this.dispatchEvent(new CustomEvent("draft-change"));
  }
}

customElements.define("draft-editor", DraftEditor);
