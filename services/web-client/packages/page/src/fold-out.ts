/**
 * `<fold-out>`: what is too much to be shown at once. Nothing of it is in the document before somebody
 * opens it, and then a part at a time, so that a record of thousands of fields stays light.
 */

import { html, nothing, type TemplateResult } from "lit";
import { guard } from "lit/directives/guard.js";
import { LightElement } from "./light-element";
import type { Reading } from "./reading";

/** How many things a part has. */
const PART = 200;

export class FoldOut extends LightElement {
  static override properties = {
    count: { attribute: false },
    label: { attribute: false },
    draw: { attribute: false },
    reading: { attribute: false },
    shown: { state: true },
  };
  /** How many there are. */
  declare count: number;
  declare label: string;
  declare draw: (from: number, to: number) => TemplateResult;
  declare reading: Reading;
  declare shown: number;

  constructor() {
    super();
    this.shown = 0;
  }

  override render(): TemplateResult {
    const left = this.count - this.shown;
    const parts = Array.from({ length: Math.ceil(this.shown / PART) }, (_, part) => part * PART);
    return html`<details class="fold" @toggle=${this.#onToggle}>
      <summary>${this.label}</summary>
      ${parts.map((from) => guard([this.draw], () => this.draw(from, from + PART)))}
      ${
        this.shown > 0 && left > 0
          ? html`<button type="button" class="button button-small" @click=${this.#more}>
              ${this.reading.t("foldMore", { count: left })}
            </button>`
          : nothing
      }
    </details>`;
  }

  readonly #more = (): void => {
    this.shown = Math.min(this.count, this.shown + PART);
  };

  readonly #onToggle = (event: Event): void => {
    if ((event.target as HTMLDetailsElement).open && this.shown === 0) this.#more();
  };
}

customElements.define("fold-out", FoldOut);
