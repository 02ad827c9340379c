/** What has to be said about a feed above its records: refused, paused, begun anew, problems. */

import { html, nothing, type TemplateResult } from "lit";
import { warningIcon } from "./icons";
import type { FeedState, RefusalCode } from "./library";
import type { MessageKey } from "./locale";
import type { Reading } from "./reading";
import type { ProblemCode, WatchedFeed } from "./watched-feed";
import "./offline-notice";

const PROBLEMS: Readonly<Record<ProblemCode, MessageKey>> = {
  malformed: "problemMalformed",
  missing: "problemMissing",
  "page-too-old": "refusedOld",
  untrusted: "problemUntrusted",
};

export function feedNotices(feed: WatchedFeed, state: FeedState, reading: Reading): TemplateResult {
  const { t } = reading;
  return html`
    ${state.kind === "catching-up" ? catchingUp(reading) : nothing}
    ${state.kind === "offline" ? offline(state, reading) : nothing}
    ${state.kind === "refused" ? refused(state, reading) : nothing}
    ${
      feed.isPaused
        ? html`<p class="notice notice-paused" role="status">
            <strong>${t("paused")}</strong>
            <span data-held=${feed.heldCount}
              >${
                feed.heldCount === 0 ? t("pausedNone") : t("pausedHeld", { count: feed.heldCount })
              }</span
            >
          </p>`
        : nothing
    }
    ${feed.problem === null ? nothing : problem(feed, feed.problem, reading)}
    ${feed.wasReset ? dismissible(t("feedReset"), feed, reading) : nothing}
  `;
}

function catchingUp(reading: Reading): TemplateResult {
  return html`<div class="progress" aria-hidden="true" title=${reading.t("stateCatchingUpHint")}></div>`;
}

export function offline(
  state: Extract<FeedState, { kind: "offline" }>,
  reading: Reading,
): TemplateResult {
  return html`<offline-notice .state=${state} .reading=${reading}></offline-notice>`;
}

const REFUSALS: Readonly<Record<RefusalCode, MessageKey>> = {
  credentials: "errorCredentials",
  "not-open": "refusedNotOpen",
  "no-longer-open": "refusedNoLonger",
  "ticket-ended": "refusedTicket",
  "ticket-malformed": "refusedTicket",
  "ticket-refused": "refusedTicket",
};

function refused(state: Extract<FeedState, { kind: "refused" }>, reading: Reading): TemplateResult {
  const { t } = reading;
  const code = state.code;
  const isFeed = code.endsWith("-open");
  const signIn = (event: Event) =>
    event.target?.dispatchEvent(new CustomEvent("account-open", { bubbles: true }));
  return html`<div class="notice notice-bad" role="alert" data-refusal=${code}>
    ${warningIcon}
    <div>
      <strong>${t(isFeed ? REFUSALS[code] : "refusedTitle")}</strong>
      <p>${t(isFeed ? "refusedFeedHint" : REFUSALS[code])}</p>
    </div>
    <button type="button" class="button button-small" @click=${signIn}>${t("signIn")}</button>
  </div>`;
}

function problem(feed: WatchedFeed, code: ProblemCode, reading: Reading): TemplateResult {
  const text = reading.t(PROBLEMS[code]);
  if (code !== "page-too-old") return dismissible(text, feed, reading);
  return html`<div class="notice notice-warn" role="alert">
    ${warningIcon}<span>${text}</span>
    <button type="button" class="button button-small" @click=${() => location.reload()}>
      ${reading.t("reload")}
    </button>
  </div>`;
}

function dismissible(text: string, feed: WatchedFeed, reading: Reading): TemplateResult {
  return html`<div class="notice notice-warn" role="status">
    ${warningIcon}<span>${text}</span>
    <button type="button" class="button button-small" @click=${() => feed.dismissProblem()}>
      ${reading.t("dismiss")}
    </button>
  </div>`;
}
