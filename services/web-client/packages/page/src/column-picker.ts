/**
 * `<column-picker>`: which columns a table has, and in which order. Says `columns-change` with the
 * names; the address keeps them.
 */

import { html, type TemplateResult } from "lit";
import { repeat } from "lit/directives/repeat.js";
import type { DropMenu } from "./drop-menu";
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

  /** The column that was changed last, and by which control: its row moves, and loses the focus. */
  #changed: { readonly name: string; readonly control: "input" | "button" } | null = null;

  override render(): TemplateResult {
    const { t } = this.reading;
    const others = this.names.filter((name) => !this.picked.includes(name));
    const body = html`<ul class="column-list" aria-label=${t("columns")}>
        ${repeat(
          [...this.picked, ...others],
          (name) => name,
          (name) => this.#row(name, this.picked.indexOf(name)),
        )}
      </ul>
      <button type="button" class="button button-small" @click=${() => this.#say(null)}>
        ${t("columnsReset")}
      </button>`;
    return html`<drop-menu .label=${t("columns")} .icon=${columnsIcon} .body=${body}></drop-menu>`;
  }

  protected override updated(): void {
    void this.#keepFocus();
  }

  async #keepFocus(): Promise<void> {
    if (this.#changed === null) return;
    await this.querySelector<DropMenu>("drop-menu")?.updateComplete;
    const active = document.activeElement;
    const isLost = active === document.body || (active instanceof HTMLElement && active.hidden);
    if (this.#changed === null || !isLost) return;
    const { name, control } = this.#changed;
    this.#changed = null;
    const rows = [...this.querySelectorAll<HTMLElement>("[data-column]")];
    const row = rows.find(({ dataset }) => dataset.column === name);
    const there = row?.querySelector<HTMLElement>(`${control}:not([hidden])`);
    (there ?? row?.querySelector("input"))?.focus();
  }

  /** `place`: where it stands among the picked ones; -1: it is none. */
  #row(name: string, place: number): TemplateResult {
    const { t } = this.reading;
    const isPicked = place >= 0;
    const label = fieldLabel(name);
    return html`<li data-column=${name}>
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
        @click=${() => this.#moveUp(name, place)}
      >
        ${upIcon}
      </button>
    </li>`;
  }

  #toggle(name: string, isPicked: boolean): void {
    this.#changed = { name, control: "input" };
    this.#say(isPicked ? this.picked.filter((each) => each !== name) : [...this.picked, name]);
  }

  #moveUp(name: string, place: number): void {
    this.#changed = { name, control: "button" };
    const names = this.picked.filter((each) => each !== name);
    names.splice(place - 1, 0, name);
    this.#say(names);
  }

  #say(names: readonly string[] | null): void {
    this.dispatchEvent(new CustomEvent("columns-change", { detail: names, bubbles: true }));
  }
}

customElements.define("column-picker", ColumnPicker);
