/** The list of feeds with what finds one in it. A template: redrawn when a count or a name changes. */

import { html, nothing, type TemplateResult } from "lit";
import { feedItem } from "./feed-item";
import type { PageModel } from "./page-model";
import type { Reading } from "./reading";
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
    <nav class="feed-nav" aria-labelledby="feed-nav-title" @click=${pick}>
      <h2 id="feed-nav-title" class="section-title">${t("feeds")}</h2>
      ${search(model, reading)} ${feedItems(model, reading, revision)}
    </nav>
  `;
}

function search(model: PageModel, reading: Reading): TemplateResult | typeof nothing {
  const { entries, beginning, hasMore } = model.list.listing;
  if (beginning === "" && !hasMore && entries.length < SEARCH_FROM) return nothing;
  const { t } = reading;
  const look = (event: Event) => {
    const { value } = event.target as HTMLInputElement;
    clearTimeout(typing);
    typing = setTimeout(() => model.list.search(value), TYPING_MS);
  };
  return html`<input
    type="search"
    class="feed-search"
    data-feed-search
    maxlength="64"
    autocomplete="off"
    autocapitalize="none"
    spellcheck="false"
    placeholder=${t("feedSearch")}
    aria-label=${t("feedSearch")}
    @input=${look}
  />`;
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
  const { entries, beginning } = model.list.listing;
  if (entries.length === 0 && beginning !== "") {
    return html`<p class="nav-note" role="status">${t("feedsNotFound", { beginning })}</p>`;
  }
  if (entries.length === 0 && model.current === null) {
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
  if (current === null || current.isShut || listing.beginning !== "") return nothing;
  if (listing.get(current.info.slug) !== undefined) return nothing;
  return html`<ul class="feed-list feed-apart">${feedItem(model, current.info, reading)}</ul>`;
}
