/** The list of feeds with what finds one in it. A template: redrawn when a count or a name changes. */

import { html, nothing, type TemplateResult } from "lit";
import { feedItem } from "./feed-item";
import type { FeedList } from "./feed-list";
import type { PageModel } from "./page-model";
import type { Reading } from "./reading";
import { hashOfFeed } from "./route";
import "./feed-list";

/** From how many feeds on one is looked for by name. */
const SEARCH_FROM = 9;
/** For how many milliseconds typing rests before what was typed is looked for. */
const TYPING_MS = 250;

let typing: ReturnType<typeof setTimeout> | undefined;

export function feedNav(
  model: PageModel,
  reading: Reading,
  revision: number,
  onPick: () => void,
): TemplateResult {
  const { t } = reading;
  const pick = (event: Event) => {
    if ((event.target as Element).closest("[data-feed-link]") !== null) onPick();
  };
  return html`
    <nav class="feed-nav" aria-labelledby="feed-nav-title" @click=${pick} @leave-up=${leaveUp}>
      <h2 id="feed-nav-title" class="section-title">${t("feeds")}</h2>
      ${finding(model, reading, onPick)} ${feedItems(model, reading, revision)}
    </nav>
  `;
}

/** Lead the keyboard to the list's search, or to the list where it is short. */
export function focusFeeds(page: ParentNode): void {
  const field = page.querySelector<HTMLInputElement>("[data-feed-search]");
  field?.select();
  (field ?? page.querySelector<FeedList>("feed-list"))?.focus();
}

function leaveUp(event: Event): void {
  const nav = event.currentTarget as Element;
  const field = nav.querySelector<HTMLElement>("[data-feed-search]");
  if (field === null) return;
  event.preventDefault();
  field.focus();
}

function finding(
  model: PageModel,
  reading: Reading,
  onPick: () => void,
): TemplateResult | typeof nothing {
  const { list } = model;
  const { entries, sought, hasMore, isOutdated } = list.listing;
  // Nobody knows that of a list that is still to come: the field stays under who empties it.
  const isShort = !isOutdated && !hasMore && entries.length < SEARCH_FROM;
  if (isShort && sought === "" && !list.isUnreadOnly) return nothing;
  const { t } = reading;
  const look = (event: Event) => {
    const { value } = event.target as HTMLInputElement;
    clearTimeout(typing);
    typing = setTimeout(() => void list.search(value), TYPING_MS);
  };
  return html`<div class="feed-finding">
    <input
      type="search"
      class="feed-search"
      data-feed-search
      maxlength="100"
      autocomplete="off"
      autocapitalize="none"
      spellcheck="false"
      enterkeyhint="go"
      placeholder=${t("feedSearch")}
      aria-label=${t("feedSearch")}
      aria-describedby="feed-search-keys"
      @input=${look}
      @keydown=${(event: KeyboardEvent) => onSearchKey(event, model, onPick)}
    />
    <button
      type="button"
      class="button button-small"
      data-action="unread-only"
      aria-pressed=${list.isUnreadOnly}
      title=${t("feedsUnreadTitle")}
      @click=${() => list.showUnreadOnly(!list.isUnreadOnly)}
    >
      ${t("feedsUnread")}
    </button>
    <p class="visually-hidden" id="feed-search-keys">${t("feedSearchKeys")}</p>
  </div>`;
}

function onSearchKey(event: KeyboardEvent, model: PageModel, onPick: () => void): void {
  const field = event.target as HTMLInputElement;
  if (event.isComposing) return;
  if (event.key === "ArrowDown") {
    event.preventDefault();
    field.closest("nav")?.querySelector<FeedList>("feed-list")?.focus();
  } else if (event.key === "Enter") {
    event.preventDefault();
    void openFirst(field.value, model, onPick);
  } else if (event.key === "Escape" && field.value !== "") {
    // One step at a time: the menu of a phone stays open.
    event.preventDefault();
    event.stopPropagation();
    clearTimeout(typing);
    field.value = "";
    void model.list.search("");
  }
}

/** What was typed last is looked for first. */
async function openFirst(text: string, model: PageModel, onPick: () => void): Promise<void> {
  const { list } = model;
  clearTimeout(typing);
  const isThere = list.search(text);
  const { sought } = list.listing;
  await isThere;
  const [first] = list.shown;
  const isOutdated = sought !== list.listing.sought || list.failure !== null;
  if (first === undefined || sought === "" || isOutdated) return;
  location.hash = hashOfFeed(first.slug);
  onPick();
}

function feedItems(model: PageModel, reading: Reading, revision: number): TemplateResult {
  const { t } = reading;
  const again = () => void model.list.load();
  if (model.list.state === "loading") {
    return html`<div class="feed-skeletons" role="status" aria-label=${t("feedsLoading")}>
      ${[0, 1, 2].map(() => html`<span class="skeleton skeleton-feed"></span>`)}
    </div>`;
  }
  if (model.list.state === "failed") {
    return html`<p class="nav-note" role="alert">${t("feedsFailed")}</p>
      <button type="button" class="button button-small" @click=${again}>${t("tryAgain")}</button>`;
  }
  const { shown, listing } = model.list;
  if (shown.length === 0 && listing.sought !== "") {
    return html`<p class="nav-note" role="status">
      ${t("feedsNotFound", { sought: listing.sought })}
    </p>`;
  }
  if (shown.length === 0 && model.list.isUnreadOnly) {
    return html`<p class="nav-note" role="status">${t("feedsAllRead")}</p>`;
  }
  if (shown.length === 0 && model.current === null) {
    return html`<p class="nav-note">${t("feedsNone")}</p>
      <button type="button" class="button button-small" @click=${again}>${t("lookAgain")}</button>`;
  }
  return html`${currentApart(model, reading)}
    <feed-list .model=${model} .reading=${reading} .revision=${revision}></feed-list>`;
}

/** The feed that is being read, where the list has not come as far as it. */
function currentApart(model: PageModel, reading: Reading): TemplateResult | typeof nothing {
  const { current } = model;
  const { listing } = model.list;
  if (current === null || current.isShut || listing.sought !== "") return nothing;
  const { slug } = current.info;
  if (listing.get(slug) !== undefined || model.has(slug, "pinned")) return nothing;
  const onClick = (event: Event) => {
    const pin = (event.target as Element).closest("[data-pin]");
    if (pin === null || pin !== document.activeElement) return;
    pin.closest("nav")?.querySelector<FeedList>("feed-list")?.takeIn(slug);
  };
  return html`<ul class="feed-list feed-apart" @click=${onClick}>
    ${feedItem(model, current.info, reading)}
  </ul>`;
}
