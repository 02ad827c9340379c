/**
 * What the page knows as a whole: the list of feeds, the one client, who is reading, which feed is
 * being looked at. No DOM but what is handed in; `<aviso-page>` draws it.
 */

import { ApiError } from "aviso-feed";
import type { AccountFault } from "./account";
import { shownState } from "./connection";
import { FollowedFeeds } from "./followed-feeds";
import { KeptFeeds } from "./kept-feeds";
import type { Client, Credentials, FeedInfo, FeedLibrary, FeedState } from "./library";
import { ListLoading } from "./list-loading";
import { MutedFeeds } from "./muted-feeds";
import { SeenPositions } from "./seen-positions";
import { outcomeOfConnecting } from "./signing-in";
import { forgetPerson, rememberAccount } from "./storage";
import { UnreadCounts } from "./unread-counts";
import type { WatchedFeed } from "./watched-feed";

const GUEST: Credentials = { kind: "guest" };

export class PageModel {
  credentials: Credentials = GUEST;
  client: Client;
  currentSlug: string | null = null;
  isTabVisible = true;
  /** Told when the person has left: nothing of it may stay on the page. */
  onSignedOut: () => void = () => {};

  readonly list: ListLoading;
  readonly followed: FollowedFeeds;
  readonly #seen = new SeenPositions();
  readonly #kept = new KeptFeeds();
  readonly #muted = new MutedFeeds();
  readonly #counts: UnreadCounts;
  readonly #onChange: () => void;
  /** The server said that there is no such feed for this reader. */
  #missing: string | null = null;
  constructor(
    readonly library: FeedLibrary,
    options: { readonly credentials: Credentials | null; readonly onChange: () => void },
  ) {
    this.#onChange = options.onChange;
    this.credentials = options.credentials ?? GUEST;
    this.client = this.#createClient(this.credentials);
    this.followed = new FollowedFeeds({
      client: () => this.client,
      createStore: () => library.createStore(),
      clocks: library.clocks,
      seenOf: (slug) => this.#seen.get(slug),
      onChange: this.#onChange,
      onLetGo: (feed) => this.#noteSeen(feed),
    });
    this.#counts = new UnreadCounts(this.#seen, {
      shown: () => this.#shownSlugs(),
      ask: (slugs) => this.ask((token) => library.fetchHeads(slugs, token)),
      isPublic: (slug) => this.list.listing.get(slug)?.visibility === "public",
      lose: (slugs) => this.#unlist(slugs),
      onChange: this.#onChange,
    });
    this.list = new ListLoading({
      ask: (query) => this.ask((token) => library.listFeeds(query, token)),
      noteReader: () => {
        const { client } = this;
        return () => client === this.client;
      },
      onListed: (infos) => this.#onListed(infos),
      checkFollowed: () => this.#checkFollowed(),
      hasFollowed: () => this.followed.feeds.size > 0,
      kept: () => this.#kept.entries,
      // The one that is being read stays where it was.
      isUnread: (slug) => slug === this.currentSlug || this.unreadOf(slug) > 0,
      onPace: () => this.#onPace(),
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
    return shownState(this.client.state, this.#stateWithoutFeed);
  }

  get #stateWithoutFeed(): FeedState | null {
    if (this.list.state !== "ready" || this.isFinding) return { kind: "connecting" };
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

  isMuted(slug: string): boolean {
    return this.#muted.has(slug);
  }

  /** Of a muted feed nothing counts as unread. */
  setMuted(info: FeedInfo, isMuted: boolean): void {
    this.#muted.set(info, isMuted);
    this.#onChange();
  }

  unreadOf(slug: string): number {
    if (this.isMuted(slug)) return 0;
    return this.followed.get(slug)?.unread ?? this.#counts.of(slug);
  }

  get unread(): number {
    const isLeft = (slug: string) => this.followed.get(slug) === null && !this.isMuted(slug);
    let sum = this.#counts.sum(isLeft);
    for (const slug of this.followed.feeds.keys()) sum += this.unreadOf(slug);
    return sum;
  }

  async start(): Promise<void> {
    this.client.connect();
    this.#counts.setVisible(this.isTabVisible);
    await this.list.load();
  }

  #onListed(infos: readonly FeedInfo[]): void {
    for (const info of infos) this.#counts.note(info, !isPrivate(info));
    this.#openFromList();
  }

  /** What nobody asked for; returns whether somebody looks. */
  #onPace(): boolean {
    this.followed.sweep();
    this.#save();
    return this.isTabVisible;
  }

  /** Ask with what the client gives; null where another client has taken its place meanwhile. */
  async ask<Answer>(
    question: (token: string | undefined) => Promise<Answer>,
  ): Promise<Answer | null> {
    const { client } = this;
    const answer = await question(await client.bearer());
    return client === this.client ? answer : null;
  }

  /** As `ask`; throws ApiError where another client has taken its place. */
  async askOrFail<Answer>(
    question: (token: string | undefined) => Promise<Answer>,
  ): Promise<Answer> {
    const answer = await this.ask(async (token) => ({ value: await question(token) }));
    if (answer === null) throw new ApiError(0, "Somebody else reads now.");
    return answer.value;
  }

  /** Ask for the one that is being read, and for each that is followed, whatever the list shows. */
  async #checkFollowed(): Promise<void> {
    const slugs = new Set(this.followed.feeds.keys());
    if (this.currentSlug !== null) slugs.add(this.currentSlug);
    await Promise.all([...slugs].map((slug) => this.#check(slug)));
  }

  async #check(slug: string): Promise<void> {
    const answer = await this.ask(async (token) => ({
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
    this.list.listing.drop(({ slug }) => slugs.includes(slug));
    this.#kept.forget(slugs);
    this.#muted.forget(slugs);
    for (const slug of slugs) this.#counts.forget(slug);
  }

  look(slug: string | null): void {
    if (slug !== this.currentSlug) this.#missing = null;
    this.currentSlug = slug;
    this.#openFromList();
    this.followed.look(slug, this.isTabVisible);
    this.#save();
    if (slug !== null && this.list.state === "ready") {
      if (this.current === null) void this.list.load();
      else void this.#check(slug).catch(() => {}); // asked again with the list
    }
    this.#onChange();
  }

  #openFromList(): void {
    const slug = this.currentSlug;
    const info = slug === null ? undefined : this.list.listing.get(slug);
    if (info !== undefined && this.current === null) this.#watch(info);
  }

  #watch(info: FeedInfo): void {
    this.#kept.note(info);
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

  /** Those that count themselves are not asked for. */
  #shownSlugs(): string[] {
    const isCounted = (slug: string) => this.followed.get(slug) === null;
    return this.list.near.map(({ slug }) => slug).filter(isCounted);
  }

  #noteSeen(feed: WatchedFeed): void {
    const { info, seen, position } = feed;
    const isPublic = !isPrivate(info);
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
    if (this.client.state.kind === "online") {
      if (this.current !== null) this.followed.follow(this.current);
      return;
    }
    // connect() alone leaves a client that waits for its next try waiting.
    this.client.close();
    this.client.connect();
  }

  /**
   * Sign in; returns null, or what is wrong. Whoever was reading goes on reading when it fails.
   * What is on the page stays: the feeds go on from their positions over the new client.
   */
  async signIn(
    username: string,
    password: string,
    remember: boolean,
  ): Promise<AccountFault | null> {
    const credentials: Credentials = { kind: "account", username, password };
    const candidate = this.library.createClient(credentials);
    const outcome = await outcomeOfConnecting(candidate);
    if (outcome !== "online") {
      candidate.close();
      return outcome === "refused"
        ? { field: "password", message: "errorCredentials" }
        : { field: null, message: "errorUnreachable" };
    }
    rememberAccount(remember ? credentials : null);
    this.#replaceClient(candidate, credentials);
    return null;
  }

  /** What stays is what everybody may see; of the feed that is being read, if it is such a one. */
  signOut(): void {
    this.#leave((previous) => previous.signOut());
  }

  #leave(end: (previous: Client) => void): void {
    forgetPerson();
    const client = this.#createClient(GUEST);
    const hidden = [...this.followed.feeds.values()].filter(({ info }) => isPrivate(info));
    for (const feed of hidden) this.followed.letGo(feed);
    const listed = this.list.listing.entries.filter(isPrivate);
    this.#unlist([...hidden.map(({ info }) => info), ...listed].map(({ slug }) => slug));
    this.#seen.forgetPrivate();
    this.#muted.forgetPrivate();
    if (this.list.listing.sought !== "") void this.list.search("");
    if (this.current === null) this.look(null);
    this.#replaceClient(client, GUEST, end);
    client.connect();
    this.onSignedOut();
  }

  #replaceClient(
    client: Client,
    credentials: Credentials,
    end = (previous: Client) => previous.close(),
  ): void {
    const previous = this.client;
    this.client = client;
    this.credentials = credentials;
    this.#missing = null;
    this.#listen(client);
    this.followed.followAll();
    end(previous);
    void this.list.load();
  }

  #createClient(credentials: Credentials): Client {
    const client = this.library.createClient(credentials);
    this.#listen(client);
    return client;
  }

  #listen(client: Client): void {
    client.on("state", () => {
      if (client === this.client) this.#onChange();
    });
    const listAnew = () => {
      if (client === this.client) void this.list.load();
    };
    client.on("signed-out", () => {
      // By another tab, which told all of them.
      if (client === this.client) this.#leave((previous) => previous.close());
    });
    client.on("bearer", listAnew);
    client.on("reader", listAnew);
  }
}

const isPrivate = ({ visibility }: FeedInfo): boolean => visibility === "private";
