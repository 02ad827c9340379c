/**
 * `<record-feed feed="orders">`: a feed on any page, in one line.
 *
 * Shows the newest records and the true state. Everything that came over the wire is text.
 * Elements of one page that are for the same reader share one connection.
 * Styled from outside by the custom properties `--record-feed-*` and the parts state, kept, problem,
 * list, record, time, field, name, value.
 */

import {
  css,
  html,
  LitElement,
  nothing,
  type PropertyDeclarations,
  type TemplateResult,
} from "lit";
import { repeat } from "lit/directives/repeat.js";
import { trustedTypesRefusal } from "../edges/trusted-types";
import type { ProblemDetail } from "../engine/emitted";
import { CATCH_UP_LIMIT, readHistory, readKeep, readOrigin } from "../engine/options";
import { endsReading } from "../engine/states";
import type { Subscription } from "../engine/subscription";
import { asWritten, stringifyExactJson } from "../model/exact-json";
import { type RecordEntry, RecordStore } from "../model/record-store";
import type { TabSharing } from "./client";
import { drawingRound } from "./drawing-rounds";
import { type ElementReading, languagesOf, readingFor, stateWords } from "./element-words";
import { type ClientShare, type Reader, shareClient } from "./shared-clients";

const DEFAULT_HISTORY = 50;

export class RecordFeed extends LitElement {
  static override properties: PropertyDeclarations = {
    feed: { type: String },
    origin: { type: String },
    history: { converter: (text) => readHistory(text, DEFAULT_HISTORY, 1) },
    ticket: { type: String },
    ticketUrl: { type: String, attribute: "ticket-url" },
    keep: { type: String },
  };

  static override styles = css`
    :host {
      display: block;
      font: var(--record-feed-font, inherit);
      color: var(--record-feed-color, inherit);
    }
    :host([hidden]) {
      display: none;
    }
    [part="state"] {
      margin: 0 0 0.5em;
      color: var(--record-feed-muted-color, GrayText);
    }
    [part="kept"] {
      margin: 0 0 0.5em;
      color: var(--record-feed-muted-color, GrayText);
    }
    [part="problem"] {
      margin: 0 0 0.5em;
      color: var(--record-feed-problem-color, inherit);
    }
    [part="list"] {
      margin: 0;
      padding: 0;
      list-style: none;
    }
    [part~="record"] {
      padding: var(--record-feed-record-padding, 0.4em 0);
      border-top: var(--record-feed-border, 1px solid color-mix(in srgb, currentColor 20%, transparent));
      overflow-wrap: anywhere;
    }
    [part~="deleted"] {
      text-decoration: line-through;
      color: var(--record-feed-muted-color, GrayText);
    }
    [part="time"] {
      color: var(--record-feed-muted-color, GrayText);
    }
    dl {
      display: inline;
      margin: 0;
    }
    [part="field"] {
      display: inline-block;
      margin-inline-start: 1em;
    }
    dt,
    dd {
      display: inline;
      margin: 0;
    }
    dt::after {
      content: ": ";
    }
  `;

  /**
   * How elements share their connections with those of other tabs: `shareTabs()` of `aviso-feed/tabs`,
   * set before the first one is in a page. null: not at all.
   */
  static tabs: TabSharing | null = null;

  /** The feed's slug. */
  declare feed: string;
  /** Where Aviso is served; the page's own origin by default. */
  declare origin: string;
  /** How many of the newest records to show, at most. */
  declare history: number;
  /** A ticket for a private feed. Set anew, it carries the session on. */
  declare ticket: string | null;
  /** Where a POST answers `{"ticket": "…"}`: asked for the first one where none is set, and for fresh ones. */
  declare ticketUrl: string | null;
  /** Set: keep the feed in this browser, and begin with that; `private`: also where not everybody may read it. */
  declare keep: string | null;

  #store = new RecordStore();
  #subscription: Subscription | null = null;
  #share: ClientShare | null = null;
  #problem: ProblemDetail["code"] | null = null;
  #hasNoTicket = false;
  /** What is shown was kept then, and nobody was asked yet. */
  #keptAt: Date | null = null;
  /** `lang` may be set on anything that the element stands in. */
  readonly #languages = new MutationObserver(() => this.requestUpdate());

  constructor() {
    super();
    this.feed = "";
    this.origin = "";
    this.history = DEFAULT_HISTORY;
    this.ticket = null;
    this.ticketUrl = null;
    this.keep = null;
  }

  /**
   * End the session of all elements that are for the same reader, and let go of what this browser
   * kept for him. Resolves when it is gone. Goes on with another ticket, or when it is put into the
   * page anew.
   */
  async signOut(): Promise<void> {
    await this.#share?.signOut();
  }

  override connectedCallback(): void {
    const refusal = trustedTypesRefusal();
    if (refusal !== null) {
      this.#sayOnly(refusal);
      return;
    }
    super.connectedCallback();
    this.#languages.observe(this.ownerDocument.documentElement, {
      attributeFilter: ["lang"],
      subtree: true,
    });
    if (!this.hasUpdated) return;
    this.#follow();
    this.requestUpdate();
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.#languages.disconnect();
    this.#unfollow();
  }

  override willUpdate(changed: Map<PropertyKey, unknown>): void {
    const isOther = ["feed", "origin", "history", "ticketUrl", "keep"].some((name) =>
      changed.has(name),
    );
    // To and from a guest's session, or another reader's, everything begins anew.
    const isOtherKind = changed.has("ticket") && (!changed.get("ticket") || !this.ticket);
    if (isOther || isOtherKind) this.#follow();
    else if (changed.has("ticket") && this.ticket && !this.#share?.setTicket(this.ticket)) {
      this.#follow();
    }
  }

  /** What comes while it stands there is drawn with what comes soon after, in all elements at once. */
  protected override async scheduleUpdate(): Promise<unknown> {
    if (this.hasUpdated) await drawingRound();
    return super.scheduleUpdate();
  }

  override render(): TemplateResult {
    const state = this.#subscription?.state;
    const isLive = state?.kind === "live";
    const reading = readingFor(languagesOf(this));
    const { words } = reading;
    // Each record keeps its own nodes: a reader's selection, and what is read aloud, is of that record.
    return html`
      <p part="state" role="status" lang=${words.lang} title=${this.#reason ?? nothing}>
        ${state === undefined ? "" : stateWords(state, words, reading.number)}
      </p>
      ${this.#keptPart(reading)} ${this.#problemParts(reading)}
      <ol part="list" aria-label=${this.feed} aria-live="polite" aria-busy=${String(!isLive)}>
        ${repeat(
          this.#store.slice(0, this.#limit),
          ({ key }) => key,
          (entry) => renderEntry(entry, reading),
        )}
      </ol>
    `;
  }

  /** Where the page lets Lit draw nothing: the developer's sentence, without it. */
  #sayOnly(sentence: string): void {
    const problem = document.createElement("p");
    problem.setAttribute("part", "problem");
    problem.lang = "en";
    problem.textContent = sentence;
    (this.shadowRoot ?? this.attachShadow({ mode: "open" })).replaceChildren(problem);
  }

  get #limit(): number {
    return readHistory(this.history, DEFAULT_HISTORY, 1);
  }

  /** The engine's own sentence, which says more: for whoever looks closer. */
  get #reason(): string | undefined {
    const state = this.#subscription?.state;
    return state?.kind === "offline" || state?.kind === "refused" ? state.reason : undefined;
  }

  #keptPart({ words, time }: ElementReading): TemplateResult | typeof nothing {
    if (this.#keptAt === null) return nothing;
    return html`<p part="kept" role="status" lang=${words.lang}>
      ${words.kept(time(this.#keptAt))}
    </p>`;
  }

  #problemParts({ words }: ElementReading): TemplateResult[] {
    const problems = [
      this.#hasNoTicket ? words.noTicket : null,
      this.#problem === null ? null : words.problem[this.#problem],
    ];
    return problems
      .filter((problem) => problem !== null)
      .map((problem) => html`<p part="problem" lang=${words.lang}>${problem}</p>`);
  }

  #follow(): void {
    this.#unfollow();
    this.#store = new RecordStore({ limit: { records: this.#limit } });
    this.#problem = null;
    this.#keptAt = null;
    this.#hasNoTicket = false;
    if (this.feed === "" || !this.isConnected) return;
    const reader: Reader = {
      origin: readOrigin(this.origin),
      ticket: this.ticket ?? "",
      ticketUrl: this.ticketUrl ?? "",
      keep: readKeep(this.keep),
    };
    this.#share = shareClient(reader, RecordFeed.tabs, (failing) => {
      this.#hasNoTicket = failing;
      this.requestUpdate();
    });
    const subscription = this.#share.client.subscribe(this.feed, {
      history: this.#limit,
      catchUpLimit: Math.max(CATCH_UP_LIMIT, this.#limit),
    });
    this.#subscription = subscription;
    const follow = <Detail>(take: (detail: Detail) => void): ((detail: Detail) => void) => {
      return (detail) => {
        if (subscription !== this.#subscription) return;
        take(detail);
        this.requestUpdate();
      };
    };
    subscription.on(
      "state",
      // What is not open any more is not left on the screen.
      follow((state) => {
        if (state.kind === "refused" && endsReading(state.code)) this.#store.clear();
        if (state.kind === "live" || state.kind === "refused") this.#keptAt = null;
      }),
    );
    subscription.on(
      "ticket-expiring",
      follow((detail) => {
        const options = { bubbles: true, composed: true, detail };
        this.dispatchEvent(new CustomEvent("ticket-expiring", options));
      }),
    );
    subscription.on(
      "events",
      follow(({ events, keptAt }) => {
        this.#keptAt = keptAt ?? this.#keptAt;
        this.#store.apply(events);
      }),
    );
    subscription.on(
      "reset",
      follow(() => {
        this.#keptAt = null;
        this.#store.clear();
      }),
    );
    subscription.on(
      "problem",
      follow(({ code }) => {
        this.#problem = code;
      }),
    );
  }

  #unfollow(): void {
    const subscription = this.#subscription;
    this.#subscription = null;
    subscription?.close();
    this.#share?.release();
    this.#share = null;
  }
}

function renderEntry(entry: RecordEntry, { words, time }: ElementReading): TemplateResult {
  const { record, state, event } = entry;
  const at = record?.created_at ?? (event.type === "listed" ? null : event.time);
  if (record === null) {
    const cause = event.unavailable?.cause ?? "unknown";
    return html`<li part="record unavailable" lang=${words.lang}>${words.unavailable(cause)}</li>`;
  }
  return html`<li part="record ${state}">
    ${at === null ? nothing : html`<time part="time" datetime=${at}>${time(new Date(at))}</time>`}
    <dl>
      ${Object.entries(asWritten(record.data)).map(
        ([name, value]) => html`<div part="field">
          <dt part="name">${name}</dt>
          <dd part="value">${textOf(value)}</dd>
        </div>`,
      )}
    </dl>
  </li>`;
}

const textOf = (value: unknown): string =>
  typeof value === "string" ? value : stringifyExactJson(value);

/** Twice on one page is no error: the first one stays. On a server there is nowhere to register it. */
const registry = globalThis.customElements as CustomElementRegistry | undefined;
if (registry?.get("record-feed") === undefined) registry?.define("record-feed", RecordFeed);

declare global {
  interface HTMLElementTagNameMap {
    "record-feed": RecordFeed;
  }
}
