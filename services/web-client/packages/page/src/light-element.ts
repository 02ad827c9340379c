/**
 * A Lit element that draws into itself instead of a shadow tree: one stylesheet for the page, labels
 * and ids that reach across parts, and rows that a plain querySelector finds.
 */

import { LitElement } from "lit";

export class LightElement extends LitElement {
  protected override createRenderRoot(): HTMLElement {
    return this;
  }
}
