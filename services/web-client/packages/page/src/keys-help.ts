/** `<keys-help>`: what can be done by keyboard. `?` opens it, anywhere but in a field. */

import { html, type TemplateResult } from "lit";
import { closeIcon } from "./icons";
import { LightElement } from "./light-element";
import type { MessageKey } from "./locale";
import type { Reading } from "./reading";

const KEYS: readonly (readonly [string, MessageKey])[] = [
  ["/", "keyFind"],
  ["g", "keyFeeds"],
  ["j k ↓ ↑", "keyMove"],
  ["Home End", "keyEnds"],
  ["Enter", "keyOpen"],
  ["o", "keyRecord"],
  ["f", "keyFilter"],
  ["Esc", "keyClose"],
  ["Ctrl Enter", "keySend"],
  ["?", "keyHelp"],
];

export class KeysHelp extends LightElement {
  static override properties = { reading: { attribute: false } };
  declare reading: Reading;

  open(): void {
    this.querySelector<HTMLDialogElement>("dialog")?.showModal();
  }

  override render(): TemplateResult {
    const { t } = this.reading;
    const close = () => this.querySelector<HTMLDialogElement>("dialog")?.close();
    return html`<dialog class="dialog keys-dialog" aria-labelledby="keys-title">
      <div class="panel-head">
        <h2 id="keys-title">${t("keys")}</h2>
        <button
          type="button"
          class="button button-quiet button-icon"
          aria-label=${t("close")}
          title=${t("close")}
          @click=${close}
        >
          ${closeIcon}
        </button>
      </div>
      <dl class="keys">
        ${KEYS.map(
          ([keys, what]) => html`<div>
            <dt>${keys.split(" ").map((key) => html`<kbd>${key}</kbd> `)}</dt>
            <dd>${t(what)}</dd>
          </div>`,
        )}
      </dl>
    </dialog>`;
  }
}

customElements.define("keys-help", KeysHelp);
