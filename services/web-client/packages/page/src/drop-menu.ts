/**
 * `<drop-menu>`: a button that opens a small box below it. Esc closes it, and so does a click or the
 * keyboard's going elsewhere: it stands over what is there. Says `toggle` when it has opened or closed.
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
    this.addEventListener("focusout", this.#onFocusOut);
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    document.removeEventListener("pointerdown", this.#onPointer);
    this.removeEventListener("keydown", this.#onKey);
    this.removeEventListener("focusout", this.#onFocusOut);
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

  readonly #onPointer = (event: PointerEvent): void => this.#closeFor(event.target as Node);

  /** Where the focus goes nowhere, what had it may only have been drawn anew. */
  readonly #onFocusOut = (event: FocusEvent): void => {
    if (event.relatedTarget !== null) this.#closeFor(event.relatedTarget as Node);
  };

  #closeFor(place: Node): void {
    const details = this.querySelector("details");
    if (details?.open && !this.contains(place)) details.open = false;
  }
}

customElements.define("drop-menu", DropMenu);
