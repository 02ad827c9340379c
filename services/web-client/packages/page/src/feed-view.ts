/**
 * `<feed-view>`: one feed being read: its head, what is to be said about it, its records, and the
 * older ones on demand. It watches the scroll position, so that new records wait for the reader.
 */

import { html, nothing, type TemplateResult } from "lit";
import { keyed } from "lit/directives/keyed.js";
import type { BrowserAlerts } from "./browser-alerts";
import { shownState } from "./connection";
import { feedNotices } from "./feed-notices";
import { FeedShowing, viewOf } from "./feed-showing";
import { emptyFeed } from "./first-run";
import { lockIcon, pauseIcon, playIcon, plusIcon, upIcon } from "./icons";
import { MOST_KEPT } from "./kept-limits";
import type { FeedState } from "./library";
import { LightElement } from "./light-element";
import { moveInList } from "./list-keys";
import type { PageModel } from "./page-model";
import type { Reading } from "./reading";
import type { RecordList } from "./record-list";
import { readPast, searchRecords } from "./record-reading";
import type { FeedRoute } from "./route";
import type { WatchedFeed } from "./watched-feed";
import "./alert-menu";
import "./connection-state";
import "./feed-pulse";
import "./feed-tools";
import "./record-list";
import "./records-view";

/** How far from the top, in pixels, somebody counts as reading further down. */
const READING_FROM_PX = 4;
/** How close to the end older records are asked for. */
const OLDER_MARGIN = "1600px 0px";
/** How many milliseconds lie between two announcements to a screen reader. */
const ANNOUNCE_MS = 5000;

export class FeedView extends LightElement {
  static override properties = {
    model: { attribute: false },
    alerts: { attribute: false },
    feed: { attribute: false },
    reading: { attribute: false },
    isWriting: { attribute: false },
    revision: { attribute: false },
    route: { attribute: false },
    shown: { state: true },
    waiting: { state: true },
    announcement: { state: true },
  };
  declare model: PageModel;
  declare alerts: BrowserAlerts;
  declare feed: WatchedFeed;
  declare reading: Reading;
  declare isWriting: boolean;
  declare revision: number;
  declare route: FeedRoute;
  /** How many rows the list has. */
  declare shown: number;
  declare waiting: number;
  declare announcement: string;

  #arrived = 0;
  #announceTimer: ReturnType<typeof setTimeout> | undefined;
  #older: IntersectionObserver | null = null;
  #sentinel: Element | null = null;
  #watchedFeed: WatchedFeed | null = null;
  /** As it was when it last changed: to ask for it lays the whole page out. */
  #top = 0;
  readonly #showing = new FeedShowing(
    (slug, parameters) => this.model.askOrFail((token) => searchRecords(slug, parameters, token)),
    (slug, parameters) => this.model.askOrFail((token) => readPast(slug, parameters, token)),
  );

  constructor() {
    super();
    this.isWriting = false;
    this.shown = 0;
    this.waiting = 0;
    this.announcement = "";
  }

  override connectedCallback(): void {
    super.connectedCallback();
    window.addEventListener("scroll", this.#noteScroll, { passive: true });
    this.addEventListener("focusin", this.#noteReading);
    this.addEventListener("focusout", this.#noteReading);
    this.#older = new IntersectionObserver(
      (entries) => {
        if (entries.at(-1)?.isIntersecting) this.#loadOlder();
      },
      { rootMargin: OLDER_MARGIN },
    );
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    window.removeEventListener("scroll", this.#noteScroll);
    this.#older?.disconnect();
    this.#showing.stop();
    this.#sentinel = null;
    clearTimeout(this.#announceTimer);
  }

  get list(): RecordList | null {
    return this.querySelector<RecordList>("record-list");
  }

  protected override willUpdate(): void {
    if (this.feed === this.#watchedFeed) return;
    this.#watchedFeed = this.feed;
    this.waiting = 0;
    this.#arrived = 0;
    this.announcement = "";
    this.#top = 0;
    // Another feed begins at its top; where this one stood means nothing there.
    window.scrollTo({ top: 0, behavior: "instant" });
  }

  protected override updated(): void {
    this.#watchSentinel();
    // The rows that a list begins with are made before it is heard.
    this.#countRows();
  }

  override render(): TemplateResult {
    const { feed, model, reading } = this;
    const { t } = reading;
    const state = shownState(model.client.state, feed.state);
    const view = viewOf(this.route, feed.info);
    const past = this.#showing.past(feed, this.route.at);
    const found = past === null ? this.#showing.found(feed, this.route.find) : null;
    const chosen = past ?? found;
    const isEmpty = feed.isLoaded && feed.records.size === 0 && feed.heldCount === 0;
    return html`
      <header class="feed-head">
        <div class="feed-name">
          <h1 dir="auto">${feed.info.title || feed.info.slug}</h1>
          <p class="feed-slug">
            <span>${feed.info.slug}</span>
            ${
              this.shown === 0 || past !== null
                ? nothing
                : html`<span class="feed-count">${t("recordCount", { count: this.shown })}</span>`
            }
            ${
              feed.info.visibility === "private"
                ? html`<span class="feed-private" title=${t("feedPrivateTitle")}
                    >${lockIcon} ${t("feedPrivate")}</span
                  >`
                : nothing
            }
          </p>
        </div>
        <connection-state
          .state=${state}
          .transport=${model.client.transport}
          .reading=${reading}
        ></connection-state>
        <div class="feed-actions">
          <alert-menu
            .model=${model}
            .alerts=${this.alerts}
            .info=${feed.info}
            .reading=${reading}
            .revision=${this.revision}
          ></alert-menu>
          ${this.#pauseButton()}
          ${this.feed.info.table == null && past === null ? this.#writeButton() : nothing}
        </div>
      </header>
      ${
        state.kind === "refused"
          ? nothing
          : html`<feed-pulse
              .pulse=${feed.pulse}
              .isLive=${state.kind === "live"}
              .clocks=${model.library.clocks}
              .reading=${reading}
            ></feed-pulse>`
      }
      ${feedNotices(feed, state, reading, model.isGuest)}
      ${
        isEmpty
          ? nothing
          : // What was typed for one feed is not sought in another.
            keyed(
              feed.info.slug,
              html`<feed-tools
                .feed=${feed}
                .past=${past}
                .shown=${chosen ?? feed}
                .view=${view}
                .route=${this.route}
                .reading=${reading}
                .revision=${this.revision}
              ></feed-tools>`,
            )
      }
      ${
        chosen === null && (view === "cards" || feed.records.size === 0)
          ? this.#cards(state, isEmpty)
          : html`<records-view
              .shown=${chosen ?? feed}
              .view=${view}
              .route=${this.route}
              .reading=${reading}
            ></records-view>`
      }
      <p class="visually-hidden" role="status">${this.announcement}</p>
    `;
  }

  #cards(state: FeedState, isEmpty: boolean): TemplateResult {
    const { feed, reading } = this;
    const { t } = reading;
    return html`
      <div class="list-area" @keydown=${this.#onKey}>
        ${this.waiting > 0 ? this.#pill() : nothing}
        <p class="visually-hidden" id="list-keys">${t("listKeys")}</p>
        <record-list
          id="records"
          tabindex="0"
          aria-label=${t("recordsOf", { feed: feed.info.title || feed.info.slug })}
          aria-describedby="list-keys"
          aria-busy=${!feed.isLoaded}
          .reading=${reading}
          .feed=${feed}
          @rows-change=${this.#onRows}
          @records-arrive=${this.#onArrive}
        ></record-list>
        ${feed.isLoaded || state.kind === "refused" ? nothing : skeletons(t("recordsLoading"))}
        ${isEmpty ? emptyFeed(feed.info, location.origin, reading) : nothing}
        ${feed.records.size > 0 ? this.#olderPart() : nothing}
      </div>
    `;
  }

  #pauseButton(): TemplateResult {
    const { t } = this.reading;
    const { isPaused } = this.feed;
    const toggle = () => this.feed.setPaused(!isPaused);
    return html`<button
      type="button"
      class="button"
      data-action="pause"
      aria-pressed=${isPaused}
      title=${t(isPaused ? "resumeTitle" : "pauseTitle")}
      @click=${toggle}
    >
      ${isPaused ? playIcon : pauseIcon}<span>${t(isPaused ? "resume" : "pause")}</span>
    </button>`;
  }

  #writeButton(): TemplateResult {
    const open = () => this.dispatchEvent(new CustomEvent("write-toggle", { bubbles: true }));
    return html`<button
      type="button"
      class="button button-primary"
      data-action="write"
      aria-expanded=${this.isWriting}
      aria-controls="write-panel"
      @click=${open}
    >
      ${plusIcon}<span>${this.reading.t("write")}</span>
    </button>`;
  }

  #pill(): TemplateResult {
    const { t } = this.reading;
    return html`<div class="pill-place">
      <button
        type="button"
        class="pill"
        data-action="show-new"
        aria-label=${t("recordsNewPillLabel", { count: this.waiting })}
        @click=${this.showNew}
      >
        ${upIcon}${t("recordsNewPill", { count: this.waiting })}
      </button>
    </div>`;
  }

  #olderPart(): TemplateResult {
    const { t } = this.reading;
    const load = () => void this.feed.loadOlder();
    switch (this.feed.olderState) {
      case "end":
        return html`<p class="list-end">${t("olderEnd")}</p>`;
      case "loading":
        return html`<div class="older">${skeletons(t("olderLoading"), 2)}</div>`;
      case "failed":
        return html`<div class="older" role="alert">
          <p>${t("olderFailed")}</p>
          <button type="button" class="button" @click=${load}>${t("tryAgain")}</button>
        </div>`;
      case "full":
        return html`<div class="older" role="status">
          <p>${t("olderFull", { count: MOST_KEPT })}</p>
          <button type="button" class="button" @click=${this.showNew}>${t("toTop")}</button>
        </div>`;
      case "more":
        return html`<div class="older" data-older-sentinel>
          <button type="button" class="button" @click=${load}>${t("olderMore")}</button>
        </div>`;
    }
  }

  /** Bring what waits to the top, and the reader with it. */
  readonly showNew = (): void => {
    window.scrollTo({ top: 0, behavior: "instant" });
    const { list } = this;
    if (list === null) return;
    const hadFocus = this.querySelector(".pill")?.matches(":focus-visible") ?? false;
    this.#top = 0;
    list.isReading = false;
    list.showWaiting();
    if (hadFocus) list.firstRow?.focus({ preventScroll: true });
  };

  readonly #noteScroll = (): void => {
    this.#top = window.scrollY;
    this.#noteReading();
  };

  readonly #noteReading = (): void => {
    const { list } = this;
    if (list === null) return;
    const focused = document.activeElement;
    const row = list.contains(focused) ? (focused?.closest("record-row") ?? null) : null;
    const isOnRow = row !== null && row !== list.firstRow && focused?.matches(":focus-visible");
    list.isReading = this.#top > READING_FROM_PX || isOnRow === true;
  };

  /** Of the feed itself: what is found, or was, has a list of its own. */
  #countRows(): void {
    const list = this.querySelector<RecordList>(":scope > .list-area > record-list");
    this.shown = list?.rowCount ?? 0;
    const { heldCount, isPaused } = this.feed;
    this.waiting = (list?.waitingCount ?? 0) + (isPaused ? 0 : heldCount);
  }

  readonly #onRows = (): void => {
    this.#countRows();
    this.#noteReading();
    if (this.#sentinel === null) return;
    // Observing anew asks again: the end may be in sight still after a page of older ones.
    this.#older?.unobserve(this.#sentinel);
    this.#older?.observe(this.#sentinel);
  };

  #watchSentinel(): void {
    const sentinel = this.querySelector("[data-older-sentinel]");
    if (sentinel === this.#sentinel) return;
    if (this.#sentinel !== null) this.#older?.unobserve(this.#sentinel);
    this.#sentinel = sentinel;
    if (sentinel !== null) this.#older?.observe(sentinel);
  }

  /** Not while rows are still to be made: what is in sight then is not the end of the list. */
  #loadOlder(): void {
    if (this.list?.isComplete === false) return;
    if (this.feed.olderState === "more" && this.feed.isLoaded) void this.feed.loadOlder();
  }

  readonly #onArrive = (event: CustomEvent<number>): void => {
    this.#arrived += event.detail;
    this.#announceTimer ??= setTimeout(() => {
      const feed = this.feed.info.title || this.feed.info.slug;
      this.announcement = this.reading.t("recordsArrived", { count: this.#arrived, feed });
      this.#arrived = 0;
      this.#announceTimer = undefined;
    }, ANNOUNCE_MS);
  };

  readonly #onKey = (event: KeyboardEvent): void => {
    const { list } = this;
    if (list !== null) moveInList(list, event);
  };
}

function skeletons(label: string, count = 4): TemplateResult {
  return html`<div class="record-skeletons" role="status" aria-label=${label}>
    ${Array.from({ length: count }, () => html`<span class="skeleton skeleton-record"></span>`)}
  </div>`;
}

customElements.define("feed-view", FeedView);
