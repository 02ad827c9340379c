/**
 * `<feed-list>`: the rows of the list of feeds. It scrolls by itself, and only rows near its window are
 * in the document; the model is told which, so that more are loaded and counts asked for where
 * somebody looks.
 */

import { html, nothing, type TemplateResult } from "lit";
import { repeat } from "lit/directives/repeat.js";
import { feedItem } from "./feed-item";
import { LightElement } from "./light-element";
import type { PageModel } from "./page-model";
import type { Reading } from "./reading";

/** How many rows stand ready above and below the window. */
const ROWS_READY = 12;
/** What a row takes before one was measured, in pixels. */
const PITCH = 40;

export class FeedList extends LightElement {
  static override properties = {
    model: { attribute: false },
    reading: { attribute: false },
    revision: { attribute: false },
  };
  declare model: PageModel;
  declare reading: Reading;
  /** Goes up with every drawing of the page. */
  declare revision: number;

  #pitch = PITCH;
  #isMeasured = false;
  /** As they were when they last changed: to ask for them lays the whole page out. */
  #top = 0;
  #height = 0;
  #from = 0;
  #to = 0;
  #beginning = "";
  #shownSlug: string | null = null;
  #resized: ResizeObserver | null = null;

  override connectedCallback(): void {
    super.connectedCallback();
    this.addEventListener("scroll", this.#noteScroll, { passive: true });
    this.#resized = new ResizeObserver(this.#noteScroll);
    this.#resized.observe(this);
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.removeEventListener("scroll", this.#noteScroll);
    this.#resized?.disconnect();
  }

  protected override willUpdate(): void {
    const { beginning } = this.model.list.listing;
    // What is found now begins at its top.
    if (beginning !== this.#beginning) this.scrollTop = this.#top = 0;
    this.#beginning = beginning;
    [this.#from, this.#to] = this.#nearRows();
  }

  override render(): TemplateResult {
    const { model, reading } = this;
    const { entries, hasMore, isCut } = model.list.listing;
    const near = entries.slice(this.#from, this.#to);
    const rows = repeat(
      near,
      ({ slug }) => slug,
      (info, index) =>
        feedItem(model, info, reading, {
          place: this.#from + index + 1,
          // How many there are in all nobody has said yet.
          total: hasMore ? -1 : entries.length,
        }),
    );
    return html`<ul class="feed-list">
      <li class="feed-space" aria-hidden="true"></li>
      ${rows}
      <li class="feed-space" aria-hidden="true"></li>
      ${hasMore ? html`<li class="skeleton skeleton-feed" aria-hidden="true"></li>` : nothing}
    </ul>
    ${isCut ? html`<p class="nav-note">${reading.t("feedsCut")}</p>` : nothing}`;
  }

  protected override updated(): void {
    if (!this.#isMeasured) this.#measure();
    const [above, below] = this.querySelectorAll<HTMLElement>(".feed-space");
    const { entries } = this.model.list.listing;
    // Not as an attribute of the template: the Content-Security-Policy allows no inline style.
    if (above) above.style.height = `${this.#from * this.#pitch}px`;
    if (below) below.style.height = `${Math.max(0, entries.length - this.#to) * this.#pitch}px`;
    this.model.list.show(this.#from, this.#to);
    this.#bringCurrentIntoSight();
  }

  #nearRows(): [number, number] {
    const { length } = this.model.list.listing.entries;
    const first = Math.floor(this.#top / this.#pitch) - ROWS_READY;
    const last = Math.ceil((this.#top + this.#height) / this.#pitch) + ROWS_READY;
    return [Math.max(0, Math.min(first, length)), Math.min(length, last)];
  }

  #measure(): void {
    const [one, next] = this.querySelectorAll<HTMLElement>(".feed-row");
    if (!one || !next) return;
    const pitch = next.offsetTop - one.offsetTop;
    this.#isMeasured = pitch > 0;
    if (pitch <= 0 || pitch === this.#pitch) return;
    this.#pitch = pitch;
    this.requestUpdate();
  }

  /** Once for each feed that is opened; after that the reader scrolls. */
  #bringCurrentIntoSight(): void {
    const { currentSlug, list } = this.model;
    if (currentSlug === this.#shownSlug) return;
    const index = list.listing.entries.findIndex(({ slug }) => slug === currentSlug);
    if (index < 0) return;
    this.#shownSlug = currentSlug;
    const top = index * this.#pitch;
    const isInSight =
      top >= this.scrollTop && top + this.#pitch <= this.scrollTop + this.clientHeight;
    if (!isInSight) this.scrollTop = top - this.clientHeight / 2;
  }

  readonly #noteScroll = (): void => {
    this.#top = this.scrollTop;
    this.#height = this.clientHeight;
    this.#measure();
    const [from, to] = this.#nearRows();
    if (from !== this.#from || to !== this.#to) this.requestUpdate();
  };
}

customElements.define("feed-list", FeedList);
