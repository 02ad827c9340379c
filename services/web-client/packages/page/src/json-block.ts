/** `<json-block>`: a record as pretty JSON, coloured, with a button that copies it. */

import { html, type TemplateResult } from "lit";
import { type JsonObject, prettyJson, tokensOfJson } from "./json";
import { LightElement } from "./light-element";
import type { Reading } from "./reading";
import "./copy-button";

/** Colour is for reading; text this long is read elsewhere, and a span a token would be slow. */
const COLOURED_CHARACTERS = 20_000;

export class JsonBlock extends LightElement {
  static override properties = {
    data: { attribute: false },
    reading: { attribute: false },
  };
  declare data: JsonObject;
  declare reading: Reading;

  override render(): TemplateResult {
    const text = prettyJson(this.data);
    const { t } = this.reading;
    return html`
      <div class="json">
        <copy-button class="json-copy" .text=${text} .reading=${this.reading}></copy-button>
        <pre tabindex="0" role="region" aria-label=${t("json")} dir="ltr"><code>${
          text.length > COLOURED_CHARACTERS
            ? text
            : tokensOfJson(text).map(
                (token) => html`<span class="json-${token.kind}">${token.text}</span>`,
              )
        }</code></pre>
      </div>
    `;
  }
}

customElements.define("json-block", JsonBlock);
