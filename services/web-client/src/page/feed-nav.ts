/** The list of feeds. A template: the page redraws it when a count or a name changes. */

import { html, nothing, type TemplateResult } from "lit";
import { lockIcon } from "./icons";
import type { PageModel } from "./page-model";
import type { Reading } from "./reading";
import { hashOfFeed } from "./route";
import { badgeText } from "./unread";
import type { WatchedFeed } from "./watched-feed";

export function feedNav(model: PageModel, reading: Reading, onPick: () => void): TemplateResult {
  const { t } = reading;
  return html`
    <nav class="feed-nav" aria-labelledby="feed-nav-title">
      <h2 id="feed-nav-title" class="section-title">${t("feeds")}</h2>
      ${feedItems(model, reading, onPick)}
    </nav>
  `;
}

function feedItems(model: PageModel, reading: Reading, onPick: () => void): TemplateResult {
  const { t } = reading;
  const again = () => void model.loadFeeds();
  if (model.listState === "loading") {
    return html`<div class="feed-skeletons" role="status" aria-label=${t("feedsLoading")}>
      ${[0, 1, 2].map(() => html`<span class="skeleton skeleton-feed"></span>`)}
    </div>`;
  }
  if (model.listState === "failed") {
    return html`<p class="nav-note" role="alert">${t("feedsFailed")}</p>
      <button type="button" class="button button-small" @click=${again}>${t("tryAgain")}</button>`;
  }
  if (model.feeds.size === 0) {
    return html`<p class="nav-note">${t("feedsNone")}. ${t("feedsNoneHint")}</p>
      <button type="button" class="button button-small" @click=${again}>${t("lookAgain")}</button>`;
  }
  return html`<ul class="feed-list">
    ${[...model.feeds.values()]
      .filter((feed) => !feed.isShut)
      .map((feed) => feedItem(feed, feed === model.current, reading, onPick))}
  </ul>`;
}

function feedItem(
  feed: WatchedFeed,
  isCurrent: boolean,
  reading: Reading,
  onPick: () => void,
): TemplateResult {
  const { t, formatting } = reading;
  const { slug, title, visibility } = feed.info;
  const { unread } = feed;
  return html`<li>
    <a
      class="feed-link"
      href=${hashOfFeed(slug)}
      aria-current=${isCurrent ? "page" : nothing}
      data-feed-link=${slug}
      data-unread=${unread}
      title=${slug}
      @click=${onPick}
    >
      <span class="feed-title" dir="auto">${title || slug}</span>
      ${
        visibility === "private"
          ? html`<span class="feed-private" title=${t("feedPrivateTitle")}
              >${lockIcon}<span class="visually-hidden">${t("feedPrivate")}</span></span
            >`
          : nothing
      }
      ${
        unread === 0
          ? nothing
          : html`<span class="badge"
              ><span aria-hidden="true">${badgeText(unread, formatting.number)}</span
              ><span class="visually-hidden">${t("feedUnread", { count: unread })}</span></span
            >`
      }
    </a>
  </li>`;
}
