/** `<json-block>`: a record as pretty JSON, coloured, with a button that copies it. */

import { html, type TemplateResult } from "lit";
import { checkIcon, copyIcon } from "./icons";
import { type JsonObject, prettyJson, tokensOfJson } from "./json";
import { LightElement } from "./light-element";
import type { Reading } from "./reading";

/** How many milliseconds "copied" stands. */
const NOTE_MS = 2000;

/** Colour is for reading; text this long is read elsewhere, and a span a token would be slow. */
const COLOURED_CHARACTERS = 20_000;

export class JsonBlock extends LightElement {
  static override properties = {
    data: { attribute: false },
    reading: { attribute: false },
    note: { state: true },
  };
  declare data: JsonObject;
  declare reading: Reading;
  declare note: "copied" | "copyFailed" | null;

  constructor() {
    super();
    this.note = null;
  }

  override render(): TemplateResult {
    const text = prettyJson(this.data);
    const { t } = this.reading;
    const isCopied = this.note === "copied";
    return html`
      <div class="json">
        <button type="button" class="button button-small json-copy" @click=${this.#copy}>
          ${isCopied ? checkIcon : copyIcon}
          <span aria-live="polite">${t(this.note ?? "copy")}</span>
        </button>
        <pre tabindex="0" aria-label=${t("json")} dir="ltr"><code>${
          text.length > COLOURED_CHARACTERS
            ? text
            : tokensOfJson(text).map(
                (token) => html`<span class="json-${token.kind}">${token.text}</span>`,
              )
        }</code></pre>
      </div>
    `;
  }

  readonly #copy = async (): Promise<void> => {
    this.note = (await copyText(prettyJson(this.data))) ? "copied" : "copyFailed";
    setTimeout(() => {
      this.note = null;
    }, NOTE_MS);
  };
}

/** Copy text; the clipboard is only there on https and localhost, hence the older way behind it. */
async function copyText(text: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return copyBySelection(text);
  }
}

function copyBySelection(text: string): boolean {
  const area = document.createElement("textarea");
  area.value = text;
  area.className = "visually-hidden";
  document.body.append(area);
  area.select();
  try {
    return document.execCommand("copy");
  } catch {
    return false;
  } finally {
    area.remove();
  }
}

customElements.define("json-block", JsonBlock);
