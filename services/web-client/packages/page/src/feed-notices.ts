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

export function feedNotices(
  feed: WatchedFeed,
  state: FeedState,
  reading: Reading,
  isGuest: boolean,
): TemplateResult {
  const { t } = reading;
  return html`
    ${state.kind === "catching-up" ? catchingUp(reading) : nothing}
    ${feed.keptAt === null ? nothing : kept(feed.keptAt, reading)}
    ${state.kind === "offline" ? offline(state, reading) : nothing}
    ${state.kind === "refused" ? refused(state, reading, isGuest) : nothing}
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
    ${
      feed.skippedCount > 0
        ? dismissible(
            html`<span data-skipped=${feed.skippedCount}
              >${t("feedSkipped", { count: feed.skippedCount })}</span
            >`,
            feed,
            reading,
          )
        : nothing
    }
  `;
}

function catchingUp(reading: Reading): TemplateResult {
  return html`<div class="progress" aria-hidden="true" title=${reading.t("stateCatchingUpHint")}></div>`;
}

function kept(at: Date, { t, formatting }: Reading): TemplateResult {
  return html`<p class="notice notice-paused" role="status" data-kept-at=${at.toISOString()}>
    ${t("feedKept", { time: formatting.time(at) })}
  </p>`;
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
  "too-many-sessions": "refusedTooMany",
  "signed-out": "signedOut",
  "filter-refused": "refusedNotOpen",
  "ticket-ended": "refusedTicket",
  "ticket-malformed": "refusedTicket",
  "ticket-refused": "refusedTicket",
};

export function refused(
  state: Extract<FeedState, { kind: "refused" }>,
  reading: Reading,
  isGuest: boolean,
): TemplateResult {
  const { t } = reading;
  const { title, hint, action } = refusalParts(state.code, isGuest);
  const send = (name: string) => (event: Event) =>
    event.target?.dispatchEvent(new CustomEvent(name, { bubbles: true }));
  return html`<div class="notice notice-bad" role="alert" data-refusal=${state.code}>
    ${warningIcon}
    <div>
      <strong>${t(title)}</strong>
      <p>${t(hint)}</p>
    </div>
    ${
      action === null
        ? nothing
        : html`<button
            type="button"
            class="button button-small"
            data-action=${action.name}
            @click=${send(action.event)}
          >
            ${t(action.label)}
          </button>`
    }
  </div>`;
}

interface RefusalParts {
  readonly title: MessageKey;
  readonly hint: MessageKey;
  readonly action: {
    readonly name: string;
    readonly event: string;
    readonly label: MessageKey;
  } | null;
}

/** What leads out of it: whoever is signed in is not asked to sign in. */
function refusalParts(code: RefusalCode, isGuest: boolean): RefusalParts {
  const signIn = { name: "sign-in", event: "account-open" };
  if (code === "too-many-sessions") {
    const action = { name: "try-now", event: "try-now", label: "readOnHere" } as const;
    return { title: REFUSALS[code], hint: "refusedTooManyHint", action };
  }
  if (code.endsWith("-open")) {
    const action = isGuest ? { ...signIn, label: "signIn" as const } : null;
    return { title: REFUSALS[code], hint: "refusedFeedHint", action };
  }
  const label = isGuest ? "signIn" : "signInAgain";
  return { title: "refusedTitle", hint: REFUSALS[code], action: { ...signIn, label } };
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

function dismissible(
  text: string | TemplateResult,
  feed: WatchedFeed,
  reading: Reading,
): TemplateResult {
  return html`<div class="notice notice-warn" role="status">
    ${warningIcon}<span>${text}</span>
    <button type="button" class="button button-small" @click=${() => feed.dismissProblem()}>
      ${reading.t("dismiss")}
    </button>
  </div>`;
}
