/** `<alert-menu>`: whether the reader is told of what comes into a feed, and what the browser says to that. */

import { html, nothing, type TemplateResult } from "lit";
import { keyed } from "lit/directives/keyed.js";
import type { BrowserAlerts } from "./browser-alerts";
import type { AlertKind } from "./feed-alerts";
import { alertIcon, alertOnIcon } from "./icons";
import type { FeedInfo } from "./library";
import { LightElement } from "./light-element";
import type { MessageKey } from "./locale";
import { MOST_MARKED } from "./marked-feeds";
import type { PageModel } from "./page-model";
import type { Reading } from "./reading";
import "./drop-menu";

const NOTIFY_HINTS = {
  unsupported: "alertNotifyUnsupported",
  ask: "alertNotifyAsk",
  denied: "alertNotifyDenied",
  granted: null,
} as const satisfies Record<string, MessageKey | null>;
const SOUND_HINTS = {
  unsupported: "alertSoundUnsupported",
  blocked: "alertSoundBlocked",
  ready: null,
} as const satisfies Record<string, MessageKey | null>;
/** `elsewhere`: it was asked for, and this browser does none of it. */
const LABELS = {
  on: "alertsOn",
  elsewhere: "alertsElsewhere",
  off: "alerts",
} as const satisfies Record<string, MessageKey>;

export class AlertMenu extends LightElement {
  static override properties = {
    model: { attribute: false },
    alerts: { attribute: false },
    info: { attribute: false },
    reading: { attribute: false },
    revision: { attribute: false },
  };
  declare model: PageModel;
  declare alerts: BrowserAlerts;
  declare info: FeedInfo;
  declare reading: Reading;
  /** Goes up with every drawing of the page. */
  declare revision: number;

  override render(): TemplateResult {
    const { reading, info, model } = this;
    const { t } = reading;
    const state = this.#state;
    const body = html`<p class="menu-title">${t("alertTitle")}</p>
      ${this.#notify()} ${this.#sound()}
      ${
        model.has(info.slug, "muted") && state !== "off"
          ? html`<p class="form-hint" data-alert-muted>${t("alertMuted")}</p>`
          : nothing
      }`;
    return html`<drop-menu
      data-alerts=${state}
      .label=${t(LABELS[state])}
      .icon=${state === "on" ? alertOnIcon : alertIcon}
      .body=${body}
    ></drop-menu>`;
  }

  get #state(): keyof typeof LABELS {
    const { notifier, chime } = this.alerts;
    const isNotified = this.#has("notify") && notifier.state === "granted";
    // Where it is blocked, a click is enough.
    const isHeard = this.#has("sound") && chime.state !== "unsupported";
    if (isNotified || isHeard) return "on";
    return this.#has("notify") || this.#has("sound") ? "elsewhere" : "off";
  }

  #notify(): TemplateResult {
    const { t } = this.reading;
    const { state } = this.alerts.notifier;
    const isAsked = this.#has("notify") && state === "ask";
    const hint = isAsked ? "alertNotifyHere" : NOTIFY_HINTS[state];
    const allow = html`<button
      type="button"
      class="button button-small"
      data-action="allow"
      @click=${this.#allow}
    >
      ${t("alertNotifyAllow")}
    </button>`;
    return html`${this.#choice("notify", "alertNotify", { state, hint }, this.#toggleNotify)}
    ${isAsked ? allow : nothing}`;
  }

  #sound(): TemplateResult {
    const { state } = this.alerts.chime;
    return this.#choice(
      "sound",
      "alertSound",
      { state, hint: SOUND_HINTS[state] },
      this.#toggleSound,
    );
  }

  /** `hint`: what the browser says to it; null: nothing that one has to know. */
  #choice(
    kind: AlertKind,
    label: MessageKey,
    { state, hint }: { readonly state: string; readonly hint: MessageKey | null },
    toggle: (event: Event) => void,
  ): TemplateResult {
    const { t } = this.reading;
    const isSet = this.#has(kind);
    const isTooMany = !isSet && this.model.marked.isFull(kind);
    const said = isTooMany ? "alertTooMany" : hint;
    return html`<label class="check">
        ${
          // What is ticked and not granted yet is ticked for this feed only.
          keyed(
            this.info.slug,
            html`<input
              type="checkbox"
              data-alert=${kind}
              .checked=${isSet}
              ?disabled=${(state === "unsupported" && !isSet) || isTooMany}
              aria-describedby=${said === null ? nothing : `alert-${kind}-hint`}
              @change=${toggle}
            />`,
          )
        }
        <span>${t(label)}</span>
      </label>
      ${
        said === null
          ? nothing
          : html`<p class="form-hint" id="alert-${kind}-hint" data-alert-hint=${kind} data-state=${state}>
              ${t(said, { count: MOST_MARKED })}
            </p>`
      }`;
  }

  #has(kind: AlertKind): boolean {
    return this.model.has(this.info.slug, kind);
  }

  readonly #toggleNotify = async (event: Event): Promise<void> => {
    const box = event.target as HTMLInputElement;
    const { slug } = this.info;
    const isWanted = box.checked && (await this.alerts.notifier.ask()) === "granted";
    // Where the browser says no, nothing of ours changes, and nothing would be drawn anew.
    box.checked = isWanted;
    this.model.mark(slug, "notify", isWanted);
    this.requestUpdate();
  };

  readonly #allow = async (): Promise<void> => {
    await this.alerts.notifier.ask();
    this.requestUpdate();
  };

  /** Whoever asks for it hears at once how it sounds. */
  readonly #toggleSound = (event: Event): void => {
    const { checked } = event.target as HTMLInputElement;
    this.model.mark(this.info.slug, "sound", checked);
    if (checked) this.alerts.sound();
    this.requestUpdate();
  };
}

customElements.define("alert-menu", AlertMenu);
