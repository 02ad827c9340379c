/**
 * `<feed-list>`: the rows of the list of feeds. It scrolls by itself, and only rows near its window are
 * in the document, and the one that has the focus; the model is told which, so that more are loaded and
 * counts asked for where somebody looks. Tab stops at one row: arrows lead from one to the next.
 */

import { html, nothing, type TemplateResult } from "lit";
import { repeat } from "lit/directives/repeat.js";
import { feedItem } from "./feed-item";
import type { FeedInfo } from "./library";
import { LightElement } from "./light-element";
import type { PageModel } from "./page-model";
import type { Reading } from "./reading";
import { VirtualRows } from "./virtual-rows";

/** What a row takes before one was measured, in pixels. */
const PITCH = 40;

/** What may have the focus in a row: attributes, with the feed's slug. */
const CONTROLS = ["feed-link", "pin", "mute"] as const;

interface Focused {
  readonly slug: string;
  readonly index: number;
  readonly control: (typeof CONTROLS)[number];
}

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

  readonly #virtual = new VirtualRows(
    () => this,
    () => this.requestUpdate(),
  );
  #entries: readonly FeedInfo[] = [];
  #pitch = PITCH;
  #isMeasured = false;
  #search = "";
  /** The one that was brought into sight when it was opened. */
  #shownSlug: string | null = null;
  /** The one whose row has the focus, on which control, and where that row stood last. */
  #focused: Focused | null = null;
  #isDrawing = false;
  readonly #resized = new ResizeObserver(() => {
    this.#isMeasured = false;
    this.requestUpdate();
  });

  override connectedCallback(): void {
    super.connectedCallback();
    this.addEventListener("keydown", this.#onKey);
    this.addEventListener("focusin", this.#onFocus);
    this.addEventListener("focusout", this.#onBlur);
    this.#resized.observe(this);
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.removeEventListener("keydown", this.#onKey);
    this.removeEventListener("focusin", this.#onFocus);
    this.removeEventListener("focusout", this.#onBlur);
    this.#resized.disconnect();
    this.#virtual.unmount();
  }

  /** Lead the keyboard to the first row. */
  override focus(): void {
    void this.#moveTo(0);
  }

  /** The row of this feed, which stood elsewhere with the focus on its pin, comes into the list. */
  takeIn(slug: string): void {
    this.#focused = { slug, index: 0, control: "pin" };
    this.requestUpdate();
  }

  protected override willUpdate(): void {
    this.#isDrawing = true;
    const { list } = this.model;
    this.#entries = list.shown;
    const search = `${list.listing.sought}\n${list.isUnreadOnly}`;
    // What is found now begins at its top.
    if (search !== this.#search) this.scrollTop = 0;
    this.#search = search;
    this.#virtual.update(this.#entries.length, this.#pitch, this.#focusedIndex);
  }

  override render(): TemplateResult {
    const { model, reading } = this;
    const { hasMore, isCut } = model.list.listing;
    const rows = this.#virtual.rows.flatMap(({ index }) => {
      const info = this.#entries[index];
      return info === undefined ? [] : [{ info, index }];
    });
    const stop = this.#tabStop(rows.map(({ info }) => info.slug));
    // How many there are in all nobody has said yet.
    const total = hasMore ? -1 : this.#entries.length;
    return html`<ul class="feed-list" aria-describedby="feed-keys">
        ${repeat(
          rows,
          ({ info }) => info.slug,
          ({ info, index }) =>
            feedItem(model, info, reading, { index, total, isTabStop: info.slug === stop }),
        )}
      </ul>
      ${hasMore ? html`<div class="skeleton skeleton-feed" aria-hidden="true"></div>` : nothing}
      ${isCut ? html`<p class="nav-note">${reading.t("feedsCut")}</p>` : nothing}
      <p class="visually-hidden" id="feed-keys">${reading.t("feedKeys")}</p>`;
  }

  protected override updated(): void {
    this.#isDrawing = false;
    const rows = this.querySelectorAll<HTMLElement>(".feed-row");
    // Through the CSSOM: the Content-Security-Policy allows no style in an attribute.
    const list = this.querySelector<HTMLElement>(".feed-list");
    if (list !== null) list.style.height = `${this.#virtual.totalHeight}px`;
    this.#virtual.mount();
    for (const row of rows) row.style.translate = `0 ${Number(row.dataset.index) * this.#pitch}px`;
    if (!this.#isMeasured) this.#measure(rows[0]);
    const [first, last] = this.#virtual.ready;
    this.model.list.show(first, last);
    this.#bringCurrentIntoSight();
    this.#keepFocus();
  }

  /** A row of a phone is higher. */
  #measure(row: HTMLElement | undefined): void {
    const pitch = row?.offsetHeight ?? 0;
    this.#isMeasured = pitch > 0;
    if (pitch <= 0 || pitch === this.#pitch) return;
    this.#pitch = pitch;
    this.requestUpdate();
  }

  /** Once for each feed that is opened; after that the reader scrolls. */
  #bringCurrentIntoSight(): void {
    const { currentSlug } = this.model;
    if (currentSlug === this.#shownSlug || !this.#isMeasured) return;
    const index = this.#entries.findIndex(({ slug }) => slug === currentSlug);
    if (index < 0) return;
    this.#shownSlug = currentSlug;
    const top = index * this.#pitch;
    const isInSight =
      top >= this.scrollTop && top + this.#pitch <= this.scrollTop + this.clientHeight;
    if (!isInSight) this.scrollTop = top - this.clientHeight / 2;
  }

  get #focusedIndex(): number | null {
    const slug = this.#focused?.slug;
    const index = this.#entries.findIndex((info) => info.slug === slug);
    return index < 0 ? null : index;
  }

  #tabStop(drawn: readonly string[]): string | undefined {
    const isDrawn = (slug: string | null | undefined) => slug != null && drawn.includes(slug);
    const { currentSlug } = this.model;
    if (isDrawn(this.#focused?.slug)) return this.#focused?.slug;
    return isDrawn(currentSlug) ? (currentSlug as string) : drawn[0];
  }

  /** Of a feed that is gone the focus goes to the one that stands there now. */
  #keepFocus(): void {
    const focused = this.#focused;
    if (focused === null) return;
    const index = this.#focusedIndex;
    if (index !== null) this.#keepOn({ ...focused, index });
    else if (this.#letOut(focused)) this.#focused = null;
    else if (this.#entries.length > 0) void this.#moveTo(focused.index);
    else this.#focused = null;
  }

  /** A row that stands outside of the list from now on. Says whether it is one. */
  #letOut({ slug, control }: Focused): boolean {
    const there = this.parentElement?.querySelector<HTMLElement>(
      `.feed-apart [data-${control}="${slug}"]`,
    );
    if (document.activeElement === document.body) there?.focus();
    return there != null;
  }

  /** A row that moves to another place, as one that is pinned, loses the focus on the way. */
  #keepOn(focused: Focused): void {
    this.#focused = focused;
    if (document.activeElement !== document.body) return;
    const { control, slug } = focused;
    const element = this.querySelector<HTMLElement>(`[data-${control}="${slug}"]`);
    element?.focus({ preventScroll: true });
    // Who points with a mouse stays where he is.
    if (element?.matches(":focus-visible")) this.#virtual.bringIntoSight(focused.index);
  }

  async #moveTo(wanted: number): Promise<void> {
    const index = Math.max(0, Math.min(wanted, this.#entries.length - 1));
    const slug = this.#entries[index]?.slug;
    if (slug === undefined) return;
    this.#focused = { slug, index, control: "feed-link" };
    this.requestUpdate();
    await this.updateComplete;
    this.#virtual.bringIntoSight(index);
    const link = this.querySelector<HTMLElement>(`[data-feed-link="${slug}"]`);
    link?.focus({ preventScroll: true });
  }

  readonly #onFocus = (event: FocusEvent): void => {
    const target = event.target as Element;
    const row = target.closest<HTMLElement>(".feed-row");
    const index = Number(row?.dataset.index);
    const slug = this.#entries[index]?.slug;
    const control = CONTROLS.find((each) => target.hasAttribute(`data-${each}`));
    if (slug === undefined || control === undefined) return;
    this.#focused = { slug, index, control };
    this.requestUpdate();
  };

  readonly #onBlur = (event: FocusEvent): void => {
    // A row that is moved, or taken out, loses the focus while it is still in the document.
    if (this.#isDrawing || this.contains(event.relatedTarget as Node | null)) return;
    this.#focused = null;
  };

  readonly #onKey = (event: KeyboardEvent): void => {
    if (event.altKey || event.ctrlKey || event.metaKey || this.#focused === null) return;
    const next = this.#indexFor(event.key, this.#focused.index);
    if (next === null || (next < 0 && !this.#leaveUp())) return;
    event.preventDefault();
    event.stopPropagation();
    if (next >= 0) void this.#moveTo(next);
  };

  /** Says whether somebody has taken the focus. */
  #leaveUp(): boolean {
    return !this.dispatchEvent(new CustomEvent("leave-up", { bubbles: true, cancelable: true }));
  }

  /** -1: above the list; null: no key of this list. */
  #indexFor(key: string, at: number): number | null {
    const page = Math.max(1, Math.floor(this.clientHeight / this.#pitch) - 1);
    switch (key) {
      case "ArrowDown":
        return at + 1;
      case "ArrowUp":
        return at - 1;
      case "Escape":
        return -1;
      case "PageDown":
        return at + page;
      case "PageUp":
        return Math.max(0, at - page);
      case "Home":
        return 0;
      case "End":
        return this.#entries.length - 1;
      default:
        return null;
    }
  }
}

customElements.define("feed-list", FeedList);
