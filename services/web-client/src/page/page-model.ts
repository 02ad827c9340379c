/**
 * What the page knows as a whole: the list of feeds, the one session, who is reading, which feed is
 * being looked at. No DOM but what is handed in; `<aviso-page>` draws it.
 */

import type { AccountFault } from "./account";
import { shownState } from "./connection";
import { FeedListing, PAGE_FEEDS } from "./feed-listing";
import { FollowedFeeds } from "./followed-feeds";
import type { Credentials, FeedInfo, FeedLibrary, FeedState, Session } from "./library";
import { type ListFailure, ListRetry } from "./list-retry";
import { SeenPositions } from "./seen-positions";
import { outcomeOfConnecting } from "./signing-in";
import { rememberAccount } from "./storage";
import { UnreadCounts } from "./unread-counts";
import type { WatchedFeed } from "./watched-feed";

export type ListState = "loading" | "ready" | "failed";

/** How often the list is asked for again while somebody looks, in milliseconds. */
const LIST_PACE_MS = 60_000;

const GUEST: Credentials = { kind: "guest" };

export class PageModel {
  listState: ListState = "loading";
  /** Why the list could not be had, and when it is asked for again. */
  listFailure: ListFailure | null = null;
  credentials: Credentials = GUEST;
  session: Session;
  currentSlug: string | null = null;
  isTabVisible = true;

  readonly listing = new FeedListing((query) =>
    this.#ask((token) => this.library.listFeeds(query, token)),
  );
  readonly followed: FollowedFeeds;
  readonly #seen = new SeenPositions();
  readonly #counts: UnreadCounts;
  readonly #retry = new ListRetry(() => void this.loadFeeds());
  readonly #onChange: () => void;
  #asking: Promise<void> | null = null;
  #isAskedAgain = false;
  #isLoadingMore = false;
  /** The server said that there is no such feed for this reader. */
  #missing: string | null = null;
  /** Which rows of the list are near the screen: from, up to and without. */
  #window: readonly [number, number] = [0, PAGE_FEEDS];
  #listTimer: ReturnType<typeof setTimeout> | undefined;

  constructor(
    readonly library: FeedLibrary,
    options: { readonly credentials: Credentials | null; readonly onChange: () => void },
  ) {
    this.#onChange = options.onChange;
    this.credentials = options.credentials ?? GUEST;
    this.session = this.#openSession(this.credentials);
    this.followed = new FollowedFeeds({
      session: () => this.session,
      createStore: () => library.createStore(),
      seenOf: (slug) => this.#seen.get(slug),
      onChange: this.#onChange,
      onLetGo: (feed) => this.#noteSeen(feed),
    });
    this.#counts = new UnreadCounts(this.#seen, {
      shown: () => this.#shownSlugs(),
      ask: (slugs) => this.#ask((token) => library.fetchHeads(slugs, token)),
      isPublic: (slug) => this.listing.get(slug)?.visibility === "public",
      lose: (slugs) => this.#unlist(slugs),
      onChange: this.#onChange,
    });
  }

  get current(): WatchedFeed | null {
    return this.followed.get(this.currentSlug);
  }

  /**
   * What is said of the connection where no feed is shown: nothing is live before the list is there,
   * nor where the feed that was asked for is none.
   */
  get state(): FeedState {
    return shownState(this.session.state, this.#stateWithoutFeed);
  }

  get #stateWithoutFeed(): FeedState | null {
    if (this.listState !== "ready" || this.isFinding) return { kind: "connecting" };
    if (this.currentSlug === null || this.current !== null) return null;
    return { kind: "refused", code: "not-open", reason: "" };
  }

  /** Nobody has said yet whether the feed that is asked for is there. */
  get isFinding(): boolean {
    const slug = this.currentSlug;
    return slug !== null && this.current === null && this.#missing !== slug;
  }

  get isGuest(): boolean {
    return this.credentials.kind === "guest";
  }

  unreadOf(slug: string): number {
    return this.followed.get(slug)?.unread ?? this.#counts.of(slug);
  }

  get unread(): number {
    let sum = this.#counts.sum((slug) => this.followed.get(slug) === null);
    for (const feed of this.followed.feeds.values()) sum += feed.unread;
    return sum;
  }

  async start(): Promise<void> {
    this.session.connect();
    this.#counts.setVisible(this.isTabVisible);
    await this.loadFeeds();
  }

  /**
   * Ask for the list of feeds where somebody looks at it, and for those that are followed; let go of
   * what is no longer open. One at a time: whoever asks meanwhile gets another one after it. A failure
   * keeps what is there, and is tried again.
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
    this.#retry.cancel();
    do {
      this.#isAskedAgain = false;
      await this.#loadOnce();
      this.#onChange();
    } while (this.#isAskedAgain);
    this.#planLookAround();
  }

  #planLookAround(): void {
    clearTimeout(this.#listTimer);
    const delay = LIST_PACE_MS * (0.75 + Math.random() / 4);
    this.#listTimer = setTimeout(() => this.#lookAround(), delay);
  }

  /** What nobody asked for: new feeds appear, gone ones leave, and quiet ones are let go of. */
  #lookAround(): void {
    this.followed.sweep();
    this.#save();
    if (this.isTabVisible) void this.loadFeeds();
    else this.#planLookAround();
  }

  async #loadOnce(): Promise<void> {
    const { session } = this;
    try {
      await this.#list(0);
      const [from] = this.#window;
      if (from >= PAGE_FEEDS) await this.#list(from);
      if (session !== this.session) return;
      this.listState = "ready";
      this.#openFromList();
      await this.#checkFollowed();
      this.listFailure = null;
      this.#retry.succeed();
    } catch (error) {
      if (session !== this.session) return;
      if (this.listing.entries.length === 0 && this.followed.feeds.size === 0)
        this.listState = "failed";
      this.listFailure = this.#retry.fail(error);
    }
  }

  async #list(from: number): Promise<void> {
    for (const info of await this.listing.load(from)) {
      this.#counts.note(info, info.visibility === "public");
    }
  }

  /** Ask with what the session gives; null where another session has taken its place meanwhile. */
  async #ask<Answer>(
    question: (token: string | undefined) => Promise<Answer>,
  ): Promise<Answer | null> {
    const { session } = this;
    const answer = await question(await session.bearer());
    return session === this.session ? answer : null;
  }

  /** Ask for the one that is being read, and for each that is followed, whatever the list shows. */
  async #checkFollowed(): Promise<void> {
    const slugs = new Set(this.followed.feeds.keys());
    if (this.currentSlug !== null) slugs.add(this.currentSlug);
    await Promise.all([...slugs].map((slug) => this.#check(slug)));
  }

  async #check(slug: string): Promise<void> {
    const answer = await this.#ask(async (token) => ({
      info: await this.library.findFeed(slug, token),
    }));
    if (answer === null) return;
    if (answer.info !== null) this.#watch(answer.info);
    else this.#lose(slug);
    this.#onChange();
  }

  #lose(slug: string): void {
    if (slug === this.currentSlug) this.#missing = slug;
    this.#unlist([slug]);
    const feed = this.followed.get(slug);
    // The one that is being read stays, to say what became of it.
    if (feed !== null && slug === this.currentSlug) feed.shut();
    else if (feed !== null) this.followed.letGo(feed);
  }

  #unlist(slugs: readonly string[]): void {
    this.listing.drop(({ slug }) => slugs.includes(slug));
    for (const slug of slugs) this.#counts.forget(slug);
  }

  look(slug: string | null): void {
    if (slug !== this.currentSlug) this.#missing = null;
    this.currentSlug = slug;
    this.#openFromList();
    this.followed.look(slug, this.isTabVisible);
    this.#save();
    if (slug !== null && this.listState === "ready") {
      if (this.current === null) void this.loadFeeds();
      else void this.#check(slug).catch(() => {}); // asked again with the list
    }
    this.#onChange();
  }

  #openFromList(): void {
    const slug = this.currentSlug;
    const info = slug === null ? undefined : this.listing.get(slug);
    if (info !== undefined && this.current === null) this.#watch(info);
  }

  #watch(info: FeedInfo): void {
    const known = this.followed.get(info.slug);
    if (known !== null) {
      known.info = info;
      if (known.isShut || known.isRefused) this.followed.follow(known);
    } else if (info.slug === this.currentSlug) {
      this.#missing = null;
      this.followed.open(info);
      this.followed.look(info.slug, this.isTabVisible);
    }
  }

  /** Look for feeds by how their names begin; "": all. */
  search(text: string): void {
    this.listing.search(text);
    this.#window = [0, PAGE_FEEDS];
    void this.loadFeeds();
  }

  /** Say which rows of the list are near the screen: from, up to and without. */
  showFeeds(from: number, to: number): void {
    this.#window = [from, to];
    if (to >= this.listing.entries.length) void this.#loadMore();
  }

  async #loadMore(): Promise<void> {
    if (!this.listing.hasMore || this.#isLoadingMore || this.#asking !== null) return;
    if (this.listFailure !== null) return;
    this.#isLoadingMore = true;
    try {
      await this.#list(this.listing.entries.length);
    } catch (error) {
      this.listFailure = this.#retry.fail(error);
    } finally {
      this.#isLoadingMore = false;
    }
    this.#onChange();
  }

  /** Those near the screen, and around them as many as can be asked for. */
  #shownSlugs(): string[] {
    const [from, to] = this.#window;
    const start = Math.max(0, Math.min(from, to - PAGE_FEEDS));
    return this.listing.entries
      .slice(start, start + PAGE_FEEDS)
      .map(({ slug }) => slug)
      .filter((slug) => this.followed.get(slug) === null);
  }

  #noteSeen(feed: WatchedFeed): void {
    const { info, seen, position } = feed;
    const isPublic = info.visibility === "public";
    if (seen !== null) this.#seen.note(info.slug, seen, isPublic);
    if (position === null) return;
    this.#counts.note(
      { slug: info.slug, epoch: position.epoch, head: position.sequence },
      isPublic,
    );
  }

  #save(): void {
    for (const feed of this.followed.feeds.values()) this.#noteSeen(feed);
    this.#seen.save();
  }

  setTabVisible(isVisible: boolean): void {
    this.isTabVisible = isVisible;
    this.followed.look(this.currentSlug, isVisible);
    this.#counts.setVisible(isVisible);
    this.#save();
    this.#onChange();
  }

  /** Try at once instead of at the time set: the connection, or only the room that is shut. */
  tryNow(): void {
    if (this.session.state.kind === "online") {
      if (this.current !== null) this.followed.follow(this.current);
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
    const hidden = [...this.followed.feeds.values()].filter(isPrivate);
    for (const feed of hidden) this.followed.letGo(feed);
    const listed = this.listing.entries.filter(({ visibility }) => visibility === "private");
    this.#unlist([...hidden.map(({ info }) => info.slug), ...listed.map(({ slug }) => slug)]);
    this.#seen.forgetPrivate();
    this.#replaceSession(session, GUEST);
    session.connect();
  }

  #replaceSession(session: Session, credentials: Credentials): void {
    const previous = this.session;
    this.session = session;
    this.credentials = credentials;
    this.#missing = null;
    this.#listen(session);
    this.followed.followAll();
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
}

const isPrivate = ({ info }: WatchedFeed): boolean => info.visibility === "private";
