/** One feed in the list of feeds: its name, what is unread, buttons that pin and mute it. A template. */

import { html, nothing, type TemplateResult } from "lit";
import { bellIcon, bellOffIcon, lockIcon, pinIcon } from "./icons";
import type { FeedInfo } from "./library";
import { MOST_MARKED } from "./marked-feeds";
import type { PageModel } from "./page-model";
import type { Reading } from "./reading";
import { hashOfFeed } from "./route";
import { badgeText } from "./unread";

/** Where it stands in the list, and of how many; -1: nobody knows yet. */
export interface FeedPlace {
  readonly index: number;
  readonly total: number;
  /** Tab stops here, and passes over the other rows. */
  readonly isTabStop: boolean;
}

export function feedItem(
  model: PageModel,
  info: FeedInfo,
  reading: Reading,
  place?: FeedPlace,
): TemplateResult {
  const { t, formatting } = reading;
  const { slug, title, visibility } = info;
  const unread = model.unreadOf(slug);
  const tabIndex = place === undefined || place.isTabStop ? 0 : -1;
  return html`<li
    class="feed-row"
    aria-posinset=${place === undefined ? nothing : place.index + 1}
    aria-setsize=${place?.total ?? nothing}
    data-index=${place?.index ?? nothing}
    ?data-pinned=${model.has(slug, "pinned")}
  >
    <a
      class="feed-link"
      tabindex=${tabIndex}
      href=${hashOfFeed(slug)}
      aria-current=${slug === model.currentSlug ? "page" : nothing}
      data-feed-link=${slug}
      data-unread=${unread}
      title=${slug}
    >
      <span class="feed-title" dir="auto">${title || slug}</span>
      ${
        model.has(slug, "pinned")
          ? html`<span class="visually-hidden">${t("feedPinned")}</span>`
          : nothing
      }
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
    ${pinButton(model, info, reading, tabIndex)} ${muteButton(model, info, reading, tabIndex)}
  </li>`;
}

function pinButton(
  model: PageModel,
  info: FeedInfo,
  { t }: Reading,
  tabIndex: 0 | -1,
): TemplateResult {
  const { slug } = info;
  const isPinned = model.has(slug, "pinned");
  const isTooMany = !isPinned && model.marked.isFull("pinned");
  return html`<button
    type="button"
    class="feed-mark"
    tabindex=${tabIndex}
    data-pin=${slug}
    aria-pressed=${isPinned}
    aria-label=${t("feedPin", { feed: info.title || slug })}
    title=${isTooMany ? t("feedPinTooMany", { count: MOST_MARKED }) : t(isPinned ? "feedUnpinTitle" : "feedPinTitle")}
    ?disabled=${isTooMany}
    @click=${() => model.mark(slug, "pinned", !isPinned)}
  >
    ${pinIcon}
  </button>`;
}

function muteButton(
  model: PageModel,
  info: FeedInfo,
  { t }: Reading,
  tabIndex: 0 | -1,
): TemplateResult {
  const isMuted = model.has(info.slug, "muted");
  return html`<button
    type="button"
    class="feed-mark"
    tabindex=${tabIndex}
    data-mute=${info.slug}
    aria-pressed=${isMuted}
    aria-label=${t("feedMute", { feed: info.title || info.slug })}
    title=${t(isMuted ? "feedUnmuteTitle" : "feedMuteTitle")}
    @click=${() => model.mark(info.slug, "muted", !isMuted)}
  >
    ${isMuted ? bellOffIcon : bellIcon}
  </button>`;
}
