/**
 * `<column-picker>`: which columns a table has, and in which order. Says `columns-change` with the
 * names; the address keeps them.
 */

import { html, type TemplateResult } from "lit";
import { fieldLabel } from "./field-values";
import { columnsIcon, upIcon } from "./icons";
import { LightElement } from "./light-element";
import type { Reading } from "./reading";
import "./drop-menu";

export class ColumnPicker extends LightElement {
  static override properties = {
    names: { attribute: false },
    picked: { attribute: false },
    reading: { attribute: false },
  };
  /** All that there are. */
  declare names: readonly string[];
  /** Those that are shown, in their order. */
  declare picked: readonly string[];
  declare reading: Reading;

  override render(): TemplateResult {
    const { t } = this.reading;
    const others = this.names.filter((name) => !this.picked.includes(name));
    const body = html`<ul class="column-list" aria-label=${t("columns")}>
        ${this.picked.map((name, place) => this.#row(name, place))}
        ${others.map((name) => this.#row(name, -1))}
      </ul>
      <button type="button" class="button button-small" @click=${() => this.#say(null)}>
        ${t("columnsReset")}
      </button>`;
    return html`<drop-menu .label=${t("columns")} .icon=${columnsIcon} .body=${body}></drop-menu>`;
  }

  /** `place`: where it stands among the picked ones; -1: it is none. */
  #row(name: string, place: number): TemplateResult {
    const { t } = this.reading;
    const isPicked = place >= 0;
    const label = fieldLabel(name);
    return html`<li>
      <label class="check">
        <input
          type="checkbox"
          .checked=${isPicked}
          ?disabled=${isPicked && this.picked.length === 1}
          @change=${() => this.#toggle(name, isPicked)}
        />
        <bdi>${label}</bdi>
      </label>
      <button
        type="button"
        class="button button-quiet button-icon"
        ?hidden=${place < 1}
        aria-label=${t("columnUp", { name: label })}
        title=${t("columnUp", { name: label })}
        @click=${() => this.#moveUp(place)}
      >
        ${upIcon}
      </button>
    </li>`;
  }

  #toggle(name: string, isPicked: boolean): void {
    this.#say(isPicked ? this.picked.filter((each) => each !== name) : [...this.picked, name]);
  }

  #moveUp(place: number): void {
    const names = [...this.picked];
    const [name] = names.splice(place, 1);
    if (name !== undefined) names.splice(place - 1, 0, name);
    this.#say(names);
  }

  #say(names: readonly string[] | null): void {
    this.dispatchEvent(new CustomEvent("columns-change", { detail: names, bubbles: true }));
  }
}

customElements.define("column-picker", ColumnPicker);
