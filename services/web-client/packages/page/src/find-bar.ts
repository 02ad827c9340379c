/**
 * `<find-bar>`: looks for records by words and by fields. What is sought stands in the address; this
 * only says `find-change` with what it is to be.
 */

import type { FieldValue } from "aviso-feed";
import { html, nothing, type TemplateResult } from "lit";
import { fieldLabel } from "./field-values";
import { type Find, MOST_TEXT_CHARACTERS, withField, withoutField } from "./find";
import { closeIcon, filterIcon, searchIcon } from "./icons";
import { LightElement } from "./light-element";
import type { Reading } from "./reading";

/** For how many milliseconds typing rests before what was typed is looked for. */
const TYPING_MS = 350;

export class FindBar extends LightElement {
  static override properties = {
    find: { attribute: false },
    fieldNames: { attribute: false },
    reading: { attribute: false },
    isAdding: { state: true },
  };
  declare find: Find;
  /** The names that a filter may begin with. */
  declare fieldNames: () => readonly string[];
  declare reading: Reading;
  declare isAdding: boolean;

  #typing: ReturnType<typeof setTimeout> | undefined;

  constructor() {
    super();
    this.isAdding = false;
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    clearTimeout(this.#typing);
  }

  override focus(): void {
    this.querySelector<HTMLElement>(".find-text")?.focus();
  }

  override render(): TemplateResult {
    const { t } = this.reading;
    return html`
      <form class="find-form" role="search" @submit=${this.#onSubmit}>
        <label class="find-input">
          ${searchIcon}
          <input
            type="search"
            class="find-text"
            maxlength=${MOST_TEXT_CHARACTERS}
            autocomplete="off"
            autocapitalize="none"
            spellcheck="false"
            placeholder=${t("findHint")}
            aria-label=${t("find")}
            .value=${this.find.text}
            @input=${this.#onInput}
          />
        </label>
        <button
          type="button"
          class="button button-quiet button-icon"
          data-action="filter"
          aria-label=${t("filterAdd")}
          title=${t("filterAdd")}
          aria-expanded=${this.isAdding}
          @click=${this.#toggleAdding}
        >
          ${filterIcon}
        </button>
      </form>
      ${this.isAdding ? this.#adding() : nothing}
      ${this.find.fields.length === 0 ? nothing : this.#chips()}
    `;
  }

  #adding(): TemplateResult {
    const { t } = this.reading;
    return html`<form class="filter-form" autocomplete="off" @submit=${this.#onAdd} @keydown=${this.#onKey}>
      <input
        class="input"
        name="field"
        list="filter-fields"
        required
        autocapitalize="none"
        spellcheck="false"
        placeholder=${t("filterField")}
        aria-label=${t("filterField")}
      />
      <datalist id="filter-fields">
        ${this.fieldNames().map((name) => html`<option value=${name}></option>`)}
      </datalist>
      <input
        class="input"
        name="value"
        autocapitalize="none"
        spellcheck="false"
        placeholder=${t("filterValue")}
        aria-label=${t("filterValue")}
      />
      <button type="submit" class="button">${t("filterApply")}</button>
    </form>`;
  }

  #chips(): TemplateResult {
    const { t } = this.reading;
    return html`<ul class="chips" aria-label=${t("filters")}>
      ${this.find.fields.map((field, at) => {
        const name = fieldLabel(field.path.join("."));
        const value = field.value === "" ? t("valueEmpty") : field.value;
        return html`<li class="chip">
          <span class="chip-text"><bdi>${name}</bdi>: <bdi>${value}</bdi></span>
          <button
            type="button"
            class="chip-remove"
            aria-label=${t("filterRemove", { name, value })}
            title=${t("filterRemove", { name, value })}
            @click=${() => this.#remove(field, at)}
          >
            ${closeIcon}
          </button>
        </li>`;
      })}
    </ul>`;
  }

  /** The keyboard goes on to the next one. */
  #remove(field: FieldValue, at: number): void {
    const isLast = this.find.fields.length === at + 1;
    this.#say(withoutField(this.find, field), true);
    if (!isLast) return;
    const before = this.querySelectorAll<HTMLElement>(".chip-remove")[at - 1];
    (before ?? this.querySelector<HTMLElement>("[data-action=filter]"))?.focus();
  }

  readonly #onInput = (event: Event): void => {
    const { value } = event.target as HTMLInputElement;
    clearTimeout(this.#typing);
    this.#typing = setTimeout(() => this.#say({ ...this.find, text: value }, false), TYPING_MS);
  };

  readonly #onSubmit = (event: Event): void => {
    event.preventDefault();
    clearTimeout(this.#typing);
    const text = this.querySelector<HTMLInputElement>(".find-text")?.value ?? "";
    this.#say({ ...this.find, text }, false);
  };

  readonly #toggleAdding = async (): Promise<void> => {
    this.isAdding = !this.isAdding;
    await this.updateComplete;
    if (this.isAdding) this.querySelector<HTMLElement>("[name=field]")?.focus();
  };

  readonly #onKey = (event: KeyboardEvent): void => {
    if (event.key !== "Escape") return;
    event.preventDefault();
    this.isAdding = false;
    this.querySelector<HTMLElement>("[data-action=filter]")?.focus();
  };

  readonly #onAdd = (event: Event): void => {
    event.preventDefault();
    const form = new FormData(event.target as HTMLFormElement);
    const path = String(form.get("field")).trim().split(".");
    if (path.some((name) => name === "")) return;
    const field: FieldValue = { path, value: String(form.get("value")) };
    this.isAdding = false;
    this.#say(withField(this.find, field), true);
    this.querySelector<HTMLElement>("[data-action=filter]")?.focus();
  };

  /** `isStep`: going back leads to what was sought before. */
  #say(find: Find, isStep: boolean): void {
    this.dispatchEvent(new CustomEvent("find-change", { detail: { find, isStep }, bubbles: true }));
  }
}

customElements.define("find-bar", FindBar);
