/**
 * What the page knows as a whole: the feeds, the one session they share, who is reading, which feed
 * is being looked at. No DOM but what is handed in; `<aviso-page>` draws it.
 */

import type { AccountFault } from "./account";
import { shownState } from "./connection";
import type { Credentials, FeedInfo, FeedLibrary, FeedState, Session } from "./library";
import { type ListFailureKind, listFailureKind } from "./list-failure";
import { rememberAccount } from "./storage";
import { WatchedFeed } from "./watched-feed";

export interface ListFailure {
  readonly kind: ListFailureKind;
  /** What the server answered with; 0 where nobody did. */
  readonly status: number;
  /** Which address to use instead, where this one was refused. */
  readonly address: string | null;
  readonly retryAt: Date;
}

export type ListState = "loading" | "ready" | "failed";

/** How many events a feed begins with. */
const HISTORY_EVENTS = 100;
/** How many milliseconds a sign-in may take. */
const SIGN_IN_LIMIT_MS = 20_000;

/** How many milliseconds lie between two tries to have the list: doubled each time, up to the most. */
const RETRY_FIRST_MS = 2_000;
const RETRY_MOST_MS = 60_000;

const GUEST: Credentials = { kind: "guest" };

export class PageModel {
  listState: ListState = "loading";
  /** Why the list could not be had, and when it is asked for again. */
  listFailure: ListFailure | null = null;
  credentials: Credentials = GUEST;
  session: Session;
  currentSlug: string | null = null;
  isTabVisible = true;

  readonly feeds = new Map<string, WatchedFeed>();
  readonly #onChange: () => void;
  #asking: Promise<void> | null = null;
  #isAskedAgain = false;
  #listTries = 0;
  #listTimer: ReturnType<typeof setTimeout> | undefined;

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

  /**
   * What is said of the connection where no feed is shown: nothing is live before the list is there,
   * nor where the feed that was asked for is none.
   */
  get state(): FeedState {
    return shownState(this.session.state, this.#stateWithoutFeed);
  }

  get #stateWithoutFeed(): FeedState | null {
    if (this.listState !== "ready") return { kind: "connecting" };
    if (this.currentSlug === null || this.current !== null) return null;
    return { kind: "refused", code: "not-open", reason: "" };
  }

  get isGuest(): boolean {
    return this.credentials.kind === "guest";
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

  /**
   * Ask for the list of feeds; follow those that are new, let go of those that are no longer open.
   * One request at a time: whoever asks meanwhile gets another one after it. A failure keeps what is
   * there, and is tried again.
   */
  loadFeeds(): Promise<void> {
    this.#isAskedAgain = this.#asking !== null;
    this.#asking ??= this.#loadFeeds().finally(() => {
      this.#asking = null;
    });
    return this.#asking;
  }

  async #loadFeeds(): Promise<void> {
    clearTimeout(this.#listTimer);
    do {
      this.#isAskedAgain = false;
      if (this.feeds.size === 0 && this.listFailure === null) this.listState = "loading";
      this.#onChange();
      await this.#loadOnce();
      this.#updateLookedAt();
      this.#onChange();
    } while (this.#isAskedAgain);
  }

  async #loadOnce(): Promise<void> {
    const { session } = this;
    try {
      const infos = await this.library.listFeeds(await session.bearer());
      // Of another reader's list nothing may be shown.
      if (session !== this.session) return;
      for (const info of infos) this.#watch(info);
      const listed = new Set(infos.map(({ slug }) => slug));
      for (const feed of [...this.feeds.values()]) {
        if (!listed.has(feed.info.slug)) this.#letGo(feed);
      }
      this.listState = "ready";
      this.listFailure = null;
      this.#listTries = 0;
    } catch (error) {
      if (session === this.session) this.#noteListFailure(error);
    }
  }

  #noteListFailure(error: unknown): void {
    if (this.feeds.size === 0) this.listState = "failed";
    const {
      status = 0,
      address = null,
      retryAfterMs,
    } = (error ?? {}) as {
      status?: number;
      address?: string | null;
      retryAfterMs?: number | null;
    };
    const pause = Math.min(RETRY_MOST_MS, RETRY_FIRST_MS * 2 ** this.#listTries);
    this.#listTries += 1;
    // Spread, so that pages that failed together do not come again together.
    const delay = Math.max(retryAfterMs ?? 0, pause * (0.5 + Math.random() / 2));
    const retryAt = new Date(Date.now() + delay);
    this.listFailure = { kind: listFailureKind(error), status, address, retryAt };
    this.#listTimer = setTimeout(() => void this.loadFeeds(), delay);
  }

  /** The one that is being read stays, to say what became of it. */
  #letGo(feed: WatchedFeed): void {
    const { slug } = feed.info;
    if (slug === this.currentSlug) feed.shut();
    else {
      feed.stop();
      this.feeds.delete(slug);
    }
  }

  look(slug: string | null): void {
    const left = this.current;
    this.currentSlug = slug;
    if (left?.isShut && left.info.slug !== slug) this.#letGo(left);
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
    for (const feed of [...this.feeds.values()]) {
      if (feed.info.visibility !== "private") continue;
      feed.stop();
      this.feeds.delete(feed.info.slug);
    }
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
    const listAnew = () => {
      if (session === this.session) void this.loadFeeds();
    };
    session.addEventListener("bearer", listAnew);
    session.addEventListener("reader", listAnew);
  }

  #watch(info: FeedInfo): void {
    const known = this.feeds.get(info.slug);
    if (known !== undefined) {
      known.info = info;
      if (known.isShut || known.isRefused) this.#follow(known);
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
