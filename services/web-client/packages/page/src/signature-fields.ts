/**
 * `<signature-fields>`: by what somebody writes: an API key, or the own sign-in at /admin. A key stays
 * in memory unless the person ticks that this tab may remember it; it is never logged and never part
 * of an address. Says `signature-change` when anything of it changes.
 */

import { html, nothing, type TemplateResult } from "lit";
import { LightElement } from "./light-element";
import type { Reading } from "./reading";
import type { Signature } from "./record-writing";
import { rememberApiKey, rememberedApiKey } from "./storage";

export class SignatureFields extends LightElement {
  static override properties = {
    reading: { attribute: false },
    name: { attribute: false },
    fault: { attribute: false },
    kind: { state: true },
    key: { state: true },
    isRemembered: { state: true },
    isShown: { state: true },
  };
  declare reading: Reading;
  /** Sets its fields apart from those of another form on the page. */
  declare name: string;
  /** What is wrong with the key. */
  declare fault: string | null;
  declare kind: Signature["kind"];
  declare key: string;
  declare isRemembered: boolean;
  declare isShown: boolean;

  constructor() {
    super();
    const remembered = rememberedApiKey();
    this.name = "write";
    this.fault = null;
    this.kind = "key";
    this.key = remembered ?? "";
    this.isRemembered = remembered !== null;
    this.isShown = false;
  }

  /** null: no key was given. */
  get signature(): Signature | null {
    if (this.kind === "session") return { kind: "session" };
    return this.key === "" ? null : { kind: "key", key: this.key };
  }

  override render(): TemplateResult {
    const { t } = this.reading;
    const option = (kind: Signature["kind"], label: string) => html`<label class="radio">
      <input
        type="radio"
        name=${`${this.name}-signature`}
        .checked=${this.kind === kind}
        @change=${() => {
          this.kind = kind;
          this.#tell();
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
        this.kind === "session"
          ? html`<p class="form-hint">
              ${t("writeSessionHint")} <a href="/admin/">${t("adminSite")}</a>
            </p>`
          : this.#keyField()
      }
    </fieldset>`;
  }

  #keyField(): TemplateResult {
    const { t } = this.reading;
    const id = `${this.name}-key`;
    return html`
      <div class="form-field">
        <label class="visually-hidden" for=${id}>${t("writeKeyLabel")}</label>
        <div class="input-with-button">
          <input
            id=${id}
            class="input"
            type=${this.isShown ? "text" : "password"}
            autocomplete="off"
            autocapitalize="off"
            spellcheck="false"
            placeholder=${t("writeKeyHint")}
            aria-invalid=${this.fault !== null}
            aria-describedby=${`${id}-error`}
            .value=${this.key}
            @input=${this.#onKey}
          />
          <button
            type="button"
            class="button button-quiet button-small"
            aria-pressed=${this.isShown}
            @click=${() => {
              this.isShown = !this.isShown;
            }}
          >
            ${t(this.isShown ? "writeKeyHide" : "writeKeyShow")}
          </button>
        </div>
        <p class="form-error" id=${`${id}-error`} role="alert">${this.fault ?? nothing}</p>
        <label class="check">
          <input type="checkbox" .checked=${this.isRemembered} @change=${this.#onRemember} />
          <span>${t("writeKeyRemember")}</span>
        </label>
      </div>
    `;
  }

  readonly #onKey = (event: Event): void => {
    this.key = (event.target as HTMLInputElement).value.trim();
    if (this.isRemembered) rememberApiKey(this.key || null);
    this.#tell();
  };

  readonly #onRemember = (event: Event): void => {
    this.isRemembered = (event.target as HTMLInputElement).checked;
    rememberApiKey(this.isRemembered && this.key !== "" ? this.key : null);
  };

  #tell(): void {
    this.dispatchEvent(new CustomEvent("signature-change"));
  }
}

customElements.define("signature-fields", SignatureFields);
