/**
 * `<aviso-page>`: the whole page. It owns the model, the language and the appearance, follows the
 * address, and lays the parts out. It is redrawn often, so it draws little: rows draw themselves.
 */

import { html, nothing, type TemplateResult } from "lit";
import { keyed } from "lit/directives/keyed.js";
import type { AccountDialog } from "./account-dialog";
import { BrowserAlerts } from "./browser-alerts";
import { coalesce } from "./coalesce";
import { feedNav, focusFeeds } from "./feed-nav";
import { offline, refused } from "./feed-notices";
import type { FeedTools } from "./feed-tools";
import { safeLink } from "./field-values";
import { listenForPicks } from "./filter-picking";
import { withField } from "./find";
import { noFeeds } from "./first-run";
import { closeIcon, mark, menuIcon, personIcon } from "./icons";
import type { JsonObject } from "./json";
import type { KeysHelp } from "./keys-help";
import type { FeedLibrary } from "./library";
import { LightElement } from "./light-element";
import { LIST_FAILURES } from "./list-failure";
import { type Locale, preferredLocale } from "./locale";
import { onPageKey } from "./page-keys";
import { PageModel } from "./page-model";
import { localeSwitch, themeSwitch } from "./preferences";
import { type Reading, readingIn } from "./reading";
import { type FeedRoute, hashOfRoute, routeOfFeed, routeOfHash } from "./route";
import {
  rememberedAccount,
  rememberedLocale,
  rememberedTheme,
  rememberLocale,
  rememberTheme,
  type Theme,
} from "./storage";
import { badgeText, documentTitle } from "./unread";
import type { WatchedFeed } from "./watched-feed";
import "./account-dialog";
import "./retry-countdown";
import "./feed-view";
import "./keys-help";
import "./record-view";
import "./write-panel";

export class AvisoPage extends LightElement {
  static override properties = {
    reading: { state: true },
    theme: { state: true },
    isMenuOpen: { state: true },
    isWriting: { state: true },
    route: { state: true },
  };
  declare reading: Reading;
  declare theme: Theme;
  declare isMenuOpen: boolean;
  declare isWriting: boolean;
  /** What the address says; null: nothing that is known. */
  declare route: FeedRoute | null;

  readonly #model: PageModel;
  readonly #alerts: BrowserAlerts;
  /** Goes up with every drawing: the feed's part looks again, though its feed is the same object. */
  #revision = 0;
  /** Goes up when somebody leaves: what was typed and found by one person is not shown to the next. */
  #person = 0;

  constructor(library: FeedLibrary) {
    super();
    this.reading = readingIn(rememberedLocale() ?? preferredLocale(navigator.languages));
    this.theme = rememberedTheme();
    this.isMenuOpen = false;
    this.isWriting = false;
    this.route = null;
    this.#alerts = new BrowserAlerts({
      reading: () => this.reading,
      open: (slug) => this.#goTo(routeOfFeed(slug), true),
      onChange: () => this.requestUpdate(),
    });
    this.#model = new PageModel(library, {
      credentials: rememberedAccount(),
      alerts: this.#alerts,
      onChange: coalesce(() => this.requestUpdate()),
    });
    this.#model.onSignedOut = () => this.#forgetPerson();
  }

  override connectedCallback(): void {
    super.connectedCallback();
    window.addEventListener("hashchange", this.#followAddress);
    document.addEventListener("visibilitychange", this.#noteVisibility);
    document.addEventListener("keydown", (event) =>
      onPageKey(event, { find: this.#find, feeds: this.#findFeed, help: this.#showKeys }),
    );
    this.addEventListener("try-now", () => this.#model.tryNow());
    this.addEventListener("write-toggle", this.#toggleWriting);
    this.addEventListener("route-change", (event) => this.#changeRoute(event as CustomEvent));
    listenForPicks(this, (field) => {
      const { route } = this;
      if (route === null) return;
      const find = withField(route.find, field);
      this.#goTo({ ...route, record: null, at: null, find }, true);
    });
    this.addEventListener("account-open", () => this.#openAccount("sign-in"));
    this.addEventListener("keydown", (event) => {
      if (event.key === "Escape" && this.isMenuOpen) this.#closeMenu();
    });
    this.#followAddress();
    this.#noteVisibility();
    void this.#model.start();
  }

  protected override willUpdate(): void {
    // The list may come late, after tries that failed.
    this.#pickFirstFeed();
    const title = documentTitle(this.#model.unread, this.#model.current?.info.title ?? null);
    if (document.title !== title) document.title = title;
    // Writing `lang`, even the same, makes the browser restyle every element: 10,000 rows' worth.
    const root = document.documentElement;
    if (root.lang !== this.reading.locale) root.lang = this.reading.locale;
    this.#revision += 1;
  }

  override render(): TemplateResult {
    const model = this.#model;
    const { t } = this.reading;
    const feed = model.current;
    const isWriting =
      this.isWriting &&
      feed !== null &&
      feed.info.table == null &&
      (this.route?.record ?? null) === null;
    return html`
      <a class="skip-link" href="#main" @click=${this.#skipToList}>${t("skipToList")}</a>
      ${this.#topBar()}
      <div class="sidebar" id="sidebar" ?data-open=${this.isMenuOpen}>${this.#sidebar()}</div>
      ${this.isMenuOpen ? html`<div class="scrim" @click=${this.#closeMenu}></div>` : nothing}
      <main class="main" id="main" tabindex="-1" ?inert=${this.isMenuOpen} ?data-writing=${isWriting}>
        ${keyed(this.#person, feed === null ? this.#withoutFeed() : this.#feedView(feed))}
      </main>
      <aside class="write-panel" id="write-panel" ?hidden=${!isWriting}>
        ${
          isWriting
            ? html`<write-panel
                .feed=${feed.info}
                .newest=${(feed.records.at(0)?.record?.data ?? null) as JsonObject | null}
                .reading=${this.reading}
              ></write-panel>`
            : nothing
        }
      </aside>
      <keys-help .reading=${this.reading}></keys-help>
      ${keyed(
        this.#person,
        html`<account-dialog .model=${model} .reading=${this.reading}></account-dialog>`,
      )}
    `;
  }

  #feedView(feed: WatchedFeed): TemplateResult {
    const model = this.#model;
    const route = this.route?.slug === feed.info.slug ? this.route : routeOfFeed(feed.info.slug);
    if (route.record !== null && !feed.isRefused) {
      return html`<record-view
        .model=${model}
        .feed=${feed}
        .route=${route}
        .reading=${this.reading}
        .revision=${this.#revision}
      ></record-view>`;
    }
    return html`<feed-view
      .model=${model}
      .alerts=${this.#alerts}
      .feed=${feed}
      .route=${route}
      .reading=${this.reading}
      .isWriting=${this.isWriting}
      .revision=${this.#revision}
    ></feed-view>`;
  }

  #topBar(): TemplateResult {
    const { t, formatting } = this.reading;
    const model = this.#model;
    const elsewhere = model.unread - (model.current?.unread ?? 0);
    const unread = elsewhere > 0 ? `, ${t("feedUnread", { count: elsewhere })}` : "";
    const menuLabel = t("feedsMenu") + unread;
    return html`<header class="top-bar" ?inert=${this.isMenuOpen}>
      <button
        type="button"
        class="button button-quiet menu-button"
        aria-label=${menuLabel}
        aria-expanded=${this.isMenuOpen}
        aria-controls="sidebar"
        @click=${this.#openMenu}
      >
        ${menuIcon}
        ${
          elsewhere > 0
            ? html`<span class="badge" aria-hidden="true"
                >${badgeText(elsewhere, formatting.number)}</span
              >`
            : nothing
        }
      </button>
      <span class="brand">${mark}<span>Aviso</span></span>
    </header>`;
  }

  #sidebar(): TemplateResult {
    const { t } = this.reading;
    return html`
      <header class="sidebar-head">
        <span class="brand">${mark}<span>Aviso</span></span>
        <button
          type="button"
          class="button button-quiet button-icon menu-close"
          aria-label=${t("closeMenu")}
          @click=${this.#closeMenu}
        >
          ${closeIcon}
        </button>
      </header>
      ${keyed(this.#person, feedNav(this.#model, this.reading, this.#revision, this.#closeMenu))}
      <footer class="sidebar-foot">
        ${this.#account()}
        <div class="preferences">
          ${localeSwitch(this.reading, this.#chooseLocale)}
          ${themeSwitch(this.theme, this.reading, this.#chooseTheme)}
        </div>
        <div class="foot-links">
          <a class="foot-link" href="/api/docs/">${t("apiDocs")}</a>
          <a class="foot-link" href="/admin/">${t("adminSite")}</a>
          <button type="button" class="foot-link" data-action="keys" @click=${this.#showKeys}>
            ${t("keys")}
          </button>
        </div>
      </footer>
    `;
  }

  #account(): TemplateResult {
    const { t } = this.reading;
    const { credentials } = this.#model;
    const isGuest = credentials.kind === "guest";
    return html`<section class="account" aria-label=${t("account")} data-account=${credentials.kind}>
      <span class="account-icon" aria-hidden="true">${personIcon}</span>
      <strong class="account-name" dir="auto"
        title=${t(isGuest ? "accountGuestHint" : "accountSignedIn")}
        >${credentials.kind === "account" ? credentials.username : t("accountGuest")}</strong
      >
      ${
        isGuest
          ? html`<button
              type="button"
              class="button button-small"
              data-action="sign-in"
              @click=${() => this.#openAccount("sign-in")}
            >
              ${t("signIn")}
            </button>`
          : html`<button
              type="button"
              class="button button-small"
              data-action="sign-out"
              @click=${() => this.#model.signOut()}
            >
              ${t("signOut")}
            </button>`
      }
    </section>`;
  }

  #withoutFeed(): TemplateResult {
    const { t } = this.reading;
    const model = this.#model;
    const { state } = model;
    const chip = html`<connection-state
      .state=${state}
      .transport=${model.client.transport}
      .reading=${this.reading}
    ></connection-state>`;
    return html`<header class="feed-head">${chip}</header>
      ${state.kind === "offline" && model.list.state !== "failed" ? offline(state, this.reading) : nothing}
      ${
        model.client.state.kind === "refused"
          ? refused(model.client.state, this.reading, model.isGuest)
          : nothing
      }
      ${this.#emptiness(t)}`;
  }

  #emptiness(t: Reading["t"]): TemplateResult {
    const model = this.#model;
    const slug = model.currentSlug;
    const empty = (
      title: string,
      hint: string | TemplateResult,
      button: string,
    ) => html`<div class="empty">
      <span class="empty-ripple" aria-hidden="true"></span>
      <h1>${title}</h1>
      <p>${hint}</p>
      <button type="button" class="button" @click=${() => void model.list.load()}>${button}</button>
    </div>`;
    if (model.list.state === "loading" || (model.list.state === "ready" && model.isFinding)) {
      return html`<div class="record-skeletons" role="status" aria-label=${t("feedsLoading")}>
        ${[0, 1, 2].map(() => html`<span class="skeleton skeleton-record"></span>`)}
      </div>`;
    }
    if (model.list.state === "failed") {
      return empty(t("startFailed"), this.#whyNoList(), t("tryAgain"));
    }
    if (slug !== null) {
      return empty(t("feedNotFound", { feed: slug }), t("feedNotFoundHint"), t("lookAgain"));
    }
    return noFeeds(location.origin, this.reading, () => void model.list.load());
  }

  #whyNoList(): TemplateResult {
    const { t } = this.reading;
    const failure = this.#model.list.failure;
    if (failure === null) return html``;
    const { kind, status, address, retryAt } = failure;
    const link = address === null ? null : safeLink(address);
    return html`<span data-list-failure=${kind}>${t(LIST_FAILURES[kind], { status: String(status) })}</span>
      ${link === null ? nothing : html`<a href=${link + location.hash}>${address}</a>`}
      ${
        kind === "other-address"
          ? nothing
          : html`<retry-countdown .retryAt=${retryAt} .reading=${this.reading}></retry-countdown>`
      }`;
  }

  readonly #followAddress = (): void => {
    // Another hash (the skip link, an empty one) does not change what is read.
    const route = routeOfHash(location.hash);
    if (route !== null) this.route = route;
    if (route !== null) this.#model.look(route.slug);
    else this.#pickFirstFeed();
  };

  /** Without a feed in the address the first one is shown; the address is not a step to go back to. */
  readonly #pickFirstFeed = (): void => {
    const { currentSlug, list, pinned } = this.#model;
    const first = pinned[0] ?? list.listing.entries[0];
    if (currentSlug !== null || first === undefined || list.listing.sought !== "") return;
    this.#goTo(routeOfFeed(first.slug), false);
  };

  /** `isStep`: going back leads to what was there before. */
  #goTo(route: FeedRoute, isStep: boolean): void {
    if (isStep) history.pushState(null, "", hashOfRoute(route));
    else history.replaceState(null, "", hashOfRoute(route));
    this.#followAddress();
  }

  #changeRoute(event: CustomEvent<{ change: Partial<FeedRoute>; isStep: boolean }>): void {
    const { change, isStep } = event.detail;
    if (this.route !== null) this.#goTo({ ...this.route, ...change }, isStep);
  }

  /** The address keeps no more than a feed that everybody may read. */
  #forgetPerson(): void {
    this.#person += 1;
    this.isWriting = false;
    const slug = this.#model.currentSlug;
    if (slug !== null) {
      this.#goTo(routeOfFeed(slug), false);
      return;
    }
    this.route = null;
    history.replaceState(null, "", location.pathname);
    this.#followAddress();
  }

  readonly #noteVisibility = (): void => {
    const isVisible = document.visibilityState === "visible";
    this.#model.setTabVisible(isVisible);
    // Feeds opened in the meantime are listed when somebody comes back to look.
    if (isVisible && this.#model.list.state !== "loading") {
      void this.#model.list.load();
    }
  };

  readonly #skipToList = (event: Event): void => {
    event.preventDefault();
    const list = this.querySelector<HTMLElement>("#records");
    (list ?? this.querySelector<HTMLElement>("main"))?.focus();
  };

  readonly #showKeys = (): void => {
    this.querySelector<KeysHelp>("keys-help")?.open();
  };

  readonly #find = (): void => {
    this.querySelector<FeedTools>("feed-tools")?.focusFind();
  };

  /** Where the list of feeds is in a menu, that is opened. */
  readonly #findFeed = async (): Promise<void> => {
    const menu = this.querySelector<HTMLElement>(".menu-button");
    if (menu?.checkVisibility() && !this.isMenuOpen) await this.#openMenu();
    focusFeeds(this);
  };

  readonly #openMenu = async (): Promise<void> => {
    this.isMenuOpen = true;
    await this.updateComplete;
    this.querySelector<HTMLElement>(".menu-close")?.focus();
  };

  readonly #closeMenu = async (): Promise<void> => {
    if (!this.isMenuOpen) return;
    this.isMenuOpen = false;
    await this.updateComplete;
    this.querySelector<HTMLElement>(".menu-button")?.focus();
  };

  readonly #toggleWriting = async (): Promise<void> => {
    this.isWriting = !this.isWriting;
    if (this.isWriting) return;
    await this.updateComplete;
    this.querySelector<HTMLElement>('[data-action="write"]')?.focus();
  };

  readonly #openAccount = (purpose: "sign-in" | "sign-up"): void => {
    void this.querySelector<AccountDialog>("account-dialog")?.open(purpose);
  };

  readonly #chooseLocale = (locale: Locale): void => {
    rememberLocale(locale);
    this.reading = readingIn(locale);
  };

  readonly #chooseTheme = (theme: Theme): void => {
    rememberTheme(theme);
    this.theme = theme;
    showTheme(theme);
  };
}

function showTheme(theme: Theme): void {
  if (theme === "system") document.documentElement.removeAttribute("data-theme");
  else document.documentElement.dataset.theme = theme;
}

customElements.define("aviso-page", AvisoPage);
