/**
 * What the page knows as a whole: the feeds, the one session they share, who is reading, which feed
 * is being looked at. No DOM but what is handed in; `<aviso-page>` draws it.
 */

import type { AccountFault } from "./account";
import type { Credentials, FeedInfo, FeedLibrary, Session } from "./library";
import { rememberAccount } from "./storage";
import { WatchedFeed } from "./watched-feed";

export type ListState = "loading" | "ready" | "failed";

/** How many events a feed begins with. */
const HISTORY_EVENTS = 100;
/** How many milliseconds a sign-in may take. */
const SIGN_IN_LIMIT_MS = 20_000;

const GUEST: Credentials = { kind: "guest" };

export class PageModel {
  listState: ListState = "loading";
  credentials: Credentials = GUEST;
  session: Session;
  currentSlug: string | null = null;
  isTabVisible = true;

  readonly feeds = new Map<string, WatchedFeed>();
  readonly #onChange: () => void;

  constructor(
    readonly library: FeedLibrary,
    options: { readonly credentials: Credentials | null; readonly onChange: () => void },
  ) {
    this.#onChange = options.onChange;
    this.credentials = options.credentials ?? GUEST;
    this.session = this.#openSession(this.credentials);
  }

  get current(): WatchedFeed | null {
    return this.currentSlug === null ? null : (this.feeds.get(this.currentSlug) ?? null);
  }

  get unread(): number {
    let sum = 0;
    for (const feed of this.feeds.values()) sum += feed.unread;
    return sum;
  }

  async start(): Promise<void> {
    this.session.connect();
    await this.loadFeeds();
  }

  /** Ask for the list of feeds and follow those that are new. A failure keeps what is there. */
  async loadFeeds(): Promise<void> {
    if (this.feeds.size === 0) this.listState = "loading";
    this.#onChange();
    try {
      const infos = await this.library.listFeeds();
      for (const info of infos) this.#watch(info);
      this.listState = "ready";
    } catch {
      if (this.feeds.size === 0) this.listState = "failed";
    }
    this.#updateLookedAt();
    this.#onChange();
  }

  look(slug: string | null): void {
    this.currentSlug = slug;
    this.#updateLookedAt();
    if (slug !== null && !this.feeds.has(slug) && this.listState === "ready") {
      void this.loadFeeds();
    }
    this.#onChange();
  }

  setTabVisible(isVisible: boolean): void {
    this.isTabVisible = isVisible;
    this.#updateLookedAt();
    this.#onChange();
  }

  /** Try at once instead of at the time set: the connection, or only the room that is shut. */
  tryNow(): void {
    if (this.session.state.kind === "online") {
      if (this.current !== null) this.#follow(this.current);
      return;
    }
    // connect() alone leaves a session that waits for its next try waiting.
    this.session.close();
    this.session.connect();
  }

  /**
   * Sign in; returns null, or what is wrong. Whoever was reading goes on reading when it fails.
   * What is on the page stays: the feeds go on from their positions over the new session.
   */
  async signIn(
    username: string,
    password: string,
    remember: boolean,
  ): Promise<AccountFault | null> {
    const credentials: Credentials = { kind: "account", username, password };
    const candidate = this.library.openSession({ credentials });
    const outcome = await outcomeOfConnecting(candidate);
    if (outcome !== "online") {
      candidate.close();
      return outcome === "refused"
        ? { field: "password", message: "errorCredentials" }
        : { field: null, message: "errorUnreachable" };
    }
    rememberAccount(remember ? credentials : null);
    this.#replaceSession(candidate, credentials);
    return null;
  }

  signOut(): void {
    rememberAccount(null);
    const session = this.#openSession(GUEST);
    this.#replaceSession(session, GUEST);
    session.connect();
  }

  #replaceSession(session: Session, credentials: Credentials): void {
    const previous = this.session;
    this.session = session;
    this.credentials = credentials;
    this.#listen(session);
    for (const feed of this.feeds.values()) this.#follow(feed);
    previous.close();
    void this.loadFeeds();
  }

  #openSession(credentials: Credentials): Session {
    const session = this.library.openSession({ credentials });
    this.#listen(session);
    return session;
  }

  #listen(session: Session): void {
    session.addEventListener("state", () => {
      if (session === this.session) this.#onChange();
    });
  }

  #watch(info: FeedInfo): void {
    const known = this.feeds.get(info.slug);
    if (known !== undefined) {
      known.info = info;
      return;
    }
    const feed = new WatchedFeed(info, this.library.createStore());
    this.feeds.set(info.slug, feed);
    feed.subscribe(this.#onChange);
    this.#follow(feed);
  }

  #follow(feed: WatchedFeed): void {
    const position = feed.position;
    feed.follow(
      this.session.feed(
        feed.info.slug,
        position === null ? { history: HISTORY_EVENTS } : { position },
      ),
    );
  }

  #updateLookedAt(): void {
    for (const [slug, feed] of this.feeds) {
      feed.setLookedAt(this.isTabVisible && slug === this.currentSlug);
    }
  }
}

/** Connect and say how it went; an `offline` means that the server was not reached. */
function outcomeOfConnecting(session: Session): Promise<"online" | "refused" | "unreachable"> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => resolve("unreachable"), SIGN_IN_LIMIT_MS);
    session.addEventListener("state", ({ detail }) => {
      if (detail.kind === "connecting") return;
      clearTimeout(timer);
      resolve(detail.kind === "offline" ? "unreachable" : detail.kind);
    });
    session.connect();
  });
}
