/** `<copy-button>`: copies a text, and says for a moment whether it could. */

import { html, type TemplateResult } from "lit";
import { copyText } from "./clipboard";
import { checkIcon, copyIcon } from "./icons";
import { LightElement } from "./light-element";
import type { Reading } from "./reading";

/** How many milliseconds "copied" stands. */
const NOTE_MS = 2000;

export class CopyButton extends LightElement {
  static override properties = {
    text: { attribute: false },
    label: { attribute: false },
    name: { attribute: false },
    reading: { attribute: false },
    note: { state: true },
  };
  /** What is copied; a function is asked when it is. */
  declare text: string | (() => string);
  /** What the button says; "Copy" where nothing is given. */
  declare label: string | undefined;
  /** What is copied, in words, for whoever does not see beside what it stands. */
  declare name: string | undefined;
  declare reading: Reading;
  declare note: "copied" | "copyFailed" | null;

  constructor() {
    super();
    this.note = null;
  }

  override render(): TemplateResult {
    const { t } = this.reading;
    const what = this.name === undefined ? "" : `, ${this.name}`;
    return html`<button type="button" class="button button-small" @click=${this.#copy}>
      ${this.note === "copied" ? checkIcon : copyIcon}
      <span aria-live="polite">${this.note === null ? (this.label ?? t("copy")) : t(this.note)}</span
      ><span class="visually-hidden">${what}</span>
    </button>`;
  }

  readonly #copy = async (): Promise<void> => {
    const text = typeof this.text === "string" ? this.text : this.text();
    this.note = (await copyText(text)) ? "copied" : "copyFailed";
    setTimeout(() => {
      this.note = null;
    }, NOTE_MS);
  };
}

customElements.define("copy-button", CopyButton);
