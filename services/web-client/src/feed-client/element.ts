/**
 * `<record-feed feed="orders">`: a feed on any page, in one line.
 *
 * Shows the newest records and the true state. Everything that came over the wire is text.
 * Styled from outside by the custom properties `--record-feed-*` and the parts state, problem,
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
import { FeedClient } from "./feed-client";
import { type RecordEntry, RecordStore } from "./record-store";
import type { FeedState } from "./types";

const DEFAULT_HISTORY = 50;

export class RecordFeed extends LitElement {
  static override properties: PropertyDeclarations = {
    feed: { type: String },
    origin: { type: String },
    history: { type: Number },
    ticket: { type: String },
    ticketUrl: { type: String, attribute: "ticket-url" },
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

  readonly #store = new RecordStore();
  #client: FeedClient | null = null;
  #problem = "";

  constructor() {
    super();
    this.feed = "";
    this.origin = "";
    this.history = DEFAULT_HISTORY;
    this.ticket = null;
    this.ticketUrl = null;
  }

  override connectedCallback(): void {
    super.connectedCallback();
    if (!this.hasUpdated) return;
    this.#follow();
    this.requestUpdate();
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.#unfollow();
  }

  override willUpdate(changed: Map<PropertyKey, unknown>): void {
    const isOther = ["feed", "origin", "history", "ticketUrl"].some((name) => changed.has(name));
    // To and from a guest's session, or another reader's, everything begins anew.
    const isOtherKind = changed.has("ticket") && (!changed.get("ticket") || !this.ticket);
    if (isOther || isOtherKind) this.#follow();
    else if (changed.has("ticket") && this.ticket) this.#client?.setTicket(this.ticket);
  }

  override render(): TemplateResult {
    const state = this.#client?.state;
    const isLive = state?.kind === "live";
    return html`
      <p part="state" role="status">${describe(state)}</p>
      ${this.#problem ? html`<p part="problem">${this.#problem}</p>` : nothing}
      <ol part="list" aria-label=${this.feed} aria-live="polite" aria-busy=${String(!isLive)}>
        ${this.#store.slice(0, this.history).map(renderEntry)}
      </ol>
    `;
  }

  #follow(): void {
    this.#unfollow();
    this.#store.clear();
    this.#problem = "";
    if (this.feed === "" || !this.isConnected) return;
    const { feed, origin, history } = this;
    const ticketUrl = this.ticketUrl;
    const hasTicket = Boolean(this.ticket || ticketUrl);
    const client = new FeedClient({
      feed,
      origin,
      history,
      ...(hasTicket && { ticket: this.ticket ?? "" }),
      ...(ticketUrl && { renewTicket: () => requestTicket(ticketUrl) }),
    });
    this.#client = client;
    const follow = <Event>(take: (event: Event) => void): ((event: Event) => void) => {
      return (event) => {
        if (client !== this.#client) return;
        take(event);
        this.requestUpdate();
      };
    };
    client.addEventListener(
      "state",
      // What is not open any more is not left on the screen.
      follow(({ detail }) => {
        if (detail.kind === "refused" && detail.code.endsWith("-open")) this.#store.clear();
      }),
    );
    client.addEventListener(
      "ticket-expiring",
      follow(({ detail }) => {
        const options = { bubbles: true, composed: true, detail };
        this.dispatchEvent(new CustomEvent("ticket-expiring", options));
      }),
    );
    client.addEventListener(
      "events",
      follow((event) => this.#store.apply(event.detail.events)),
    );
    client.addEventListener(
      "reset",
      follow(() => this.#store.clear()),
    );
    client.addEventListener(
      "problem",
      follow((event) => {
        this.#problem = event.detail.message;
      }),
    );
    client.start();
  }

  #unfollow(): void {
    const client = this.#client;
    this.#client = null;
    client?.stop();
  }
}

const TICKET_TIMEOUT_MS = 15_000;

/** The embedding site's own call: it knows its user by the cookie. Throws where it has no ticket. */
async function requestTicket(url: string): Promise<string> {
  const response = await fetch(url, {
    method: "POST",
    headers: { Accept: "application/json" },
    credentials: "same-origin",
    cache: "no-store",
    signal: AbortSignal.timeout(TICKET_TIMEOUT_MS),
  });
  if (!response.ok) throw new Error(`The site answered with status ${response.status}.`);
  const { ticket } = (await response.json()) as { ticket?: unknown };
  if (typeof ticket !== "string") throw new Error("The site answered without a ticket.");
  return ticket;
}

function describe(state: FeedState | undefined): string {
  switch (state?.kind) {
    case undefined:
      return "";
    case "connecting":
      return "Connecting …";
    case "catching-up":
      return `Catching up: ${state.left} left`;
    case "live":
      return "Live";
    case "offline":
    case "refused":
      return state.reason;
  }
}

function renderEntry(entry: RecordEntry): TemplateResult {
  const { record, state, event } = entry;
  if (record === null) {
    return html`<li part="record unavailable">
      One event could not be delivered (${event.unavailable?.cause ?? "unknown"}).
    </li>`;
  }
  const time = new Date(record.created_at);
  return html`<li part="record ${state}">
    <time part="time" datetime=${record.created_at}>${time.toLocaleString()}</time>
    <dl>
      ${Object.entries(record.data).map(
        ([name, value]) => html`<div part="field">
          <dt part="name">${name}</dt>
          <dd part="value">${textOf(value)}</dd>
        </div>`,
      )}
    </dl>
  </li>`;
}

const textOf = (value: unknown): string =>
  typeof value === "string" ? value : JSON.stringify(value);

/** Twice on one page is no error: the first one stays. */
if (!customElements.get("record-feed")) customElements.define("record-feed", RecordFeed);

declare global {
  interface HTMLElementTagNameMap {
    "record-feed": RecordFeed;
  }
}
