/** What stands where there is nothing yet: how the first record arrives, and the first feed. */

import { html, nothing, type TemplateResult } from "lit";
import type { FeedInfo } from "./library";
import type { MessageKey } from "./locale";
import type { Reading } from "./reading";
import { curlOf, elementOf, feedCurl, sqlOf } from "./samples";
import "./copy-button";
import "./feed-form";

/** A feed without a record: three ways to bring one, each ready to be copied. */
export function emptyFeed(feed: FeedInfo, origin: string, reading: Reading): TemplateResult {
  const { t } = reading;
  const samples: readonly (readonly [MessageKey, string | null])[] = [
    ["sampleCurl", curlOf(feed, origin)],
    ["sampleSql", sqlOf(feed)],
    ["sampleElement", elementOf(feed, origin)],
  ];
  return html`<div class="empty empty-samples">
    <span class="empty-ripple" aria-hidden="true"></span>
    <h2>${t("recordsNone")}</h2>
    <p>${t("recordsNoneHint")}</p>
    <div class="samples">
      ${samples.map(([name, text]) => (text === null ? nothing : sample(t(name), text, reading)))}
    </div>
  </div>`;
}

/** No feed at all: make one here, or by a call. */
export function noFeeds(origin: string, reading: Reading, look: () => void): TemplateResult {
  const { t } = reading;
  return html`<div class="empty empty-samples">
    <span class="empty-ripple" aria-hidden="true"></span>
    <h1>${t("feedsNone")}</h1>
    <p>${t("feedsNoneHint")}</p>
    <feed-form .reading=${reading}></feed-form>
    <div class="samples">${sample(t("sampleFeed"), feedCurl(origin), reading)}</div>
    <button type="button" class="button" @click=${look}>${t("lookAgain")}</button>
  </div>`;
}

function sample(name: string, text: string, reading: Reading): TemplateResult {
  return html`<section class="sample">
    <header>
      <h3>${name}</h3>
      <copy-button .text=${text} .name=${name} .reading=${reading}></copy-button>
    </header>
    <pre tabindex="0" role="region" aria-label=${name} dir="ltr"><code>${text}</code></pre>
  </section>`;
}
