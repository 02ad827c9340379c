/**
 * `<drop-menu>`: a button that opens a small box below it. Esc closes it, and so does a click elsewhere.
 * Says `toggle` when it has opened or closed.
 */

import { html, type TemplateResult } from "lit";
import { LightElement } from "./light-element";

export class DropMenu extends LightElement {
  static override properties = {
    label: { attribute: false },
    icon: { attribute: false },
    body: { attribute: false },
  };
  declare label: string;
  declare icon: TemplateResult;
  declare body: TemplateResult;

  override connectedCallback(): void {
    super.connectedCallback();
    document.addEventListener("pointerdown", this.#onPointer);
    this.addEventListener("keydown", this.#onKey);
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    document.removeEventListener("pointerdown", this.#onPointer);
    this.removeEventListener("keydown", this.#onKey);
  }

  override render(): TemplateResult {
    const say = () => this.dispatchEvent(new Event("toggle"));
    return html`<details class="menu" @toggle=${say}>
      <summary class="button button-quiet" title=${this.label}>
        ${this.icon}<span>${this.label}</span>
      </summary>
      <div class="menu-body">${this.body}</div>
    </details>`;
  }

  readonly #onKey = (event: KeyboardEvent): void => {
    const details = this.querySelector("details");
    if (event.key !== "Escape" || !details?.open) return;
    event.preventDefault();
    details.open = false;
    details.querySelector<HTMLElement>("summary")?.focus();
  };

  readonly #onPointer = (event: PointerEvent): void => {
    const details = this.querySelector("details");
    if (details?.open && !this.contains(event.target as Node)) details.open = false;
  };
}

customElements.define("drop-menu", DropMenu);
