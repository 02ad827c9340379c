/**
 * What the page knows as a whole: the list of feeds, the one client, who is reading, which feed is
 * being looked at. No DOM but what is handed in; `<aviso-page>` draws it.
 */

import { ApiError } from "aviso-feed";
import type { AccountFault } from "./account";
import { AccountMemory } from "./account-memory";
import { BrowserMemory } from "./browser-memory";
import { shownState } from "./connection";
import { type AlertEdge, FeedAlerts, SILENT } from "./feed-alerts";
import type { FeedMemory } from "./feed-memory";
import { FollowedFeeds } from "./followed-feeds";
import { KeptFeeds } from "./kept-feeds";
import type { Client, Credentials, FeedInfo, FeedLibrary, FeedState, Mark } from "./library";
import { ListLoading } from "./list-loading";
import { MarkedFeeds } from "./marked-feeds";
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
  readonly marked: MarkedFeeds;
  readonly alerts: FeedAlerts;
  readonly #guestMemory = new BrowserMemory((slugs) => {
    if (this.isGuest) this.#onTold(slugs);
  });
  #memory: FeedMemory;
  readonly #kept = new KeptFeeds();
  readonly #counts: UnreadCounts;
  readonly #onChange: () => void;
  readonly #edge: AlertEdge;
  /** The server said that there is no such feed for this reader. */
  #missing: string | null = null;
  constructor(
    readonly library: FeedLibrary,
    options: {
      readonly credentials: Credentials | null;
      readonly onChange: () => void;
      readonly alerts?: AlertEdge;
    },
  ) {
    this.#onChange = options.onChange;
    this.#edge = options.alerts ?? SILENT;
    this.credentials = options.credentials ?? GUEST;
    this.#edge.setReader(nameOf(this.credentials));
    this.client = this.#createClient(this.credentials);
    this.#memory = this.#memoryOf(this.client);
    this.followed = new FollowedFeeds({
      client: () => this.client,
      createStore: () => library.createStore(),
      clocks: library.clocks,
      seenOf: (slug) => this.#memory.seenOf(slug),
      onChange: () => this.#onFollowed(),
      onLetGo: (feed) => this.#noteSeen(feed),
    });
    this.#counts = new UnreadCounts(() => this.#memory, {
      shown: () => this.#shownSlugs(),
      ask: (slugs) => this.ask((token) => library.fetchHeads(slugs, token)),
      lose: (slugs) => this.#unlist(slugs),
      onChange: this.#onChange,
    });
    this.marked = new MarkedFeeds({
      withMark: (mark) => this.#memory.withMark(mark),
      known: (slug) => this.list.listing.get(slug) ?? this.followed.get(slug)?.info,
      find: (slug) => this.ask(async (token) => ({ info: await library.findFeed(slug, token) })),
      onFound: (info) => this.#counts.note(info),
    });
    this.alerts = new FeedAlerts(
      {
        client: () => this.client,
        wanted: () => this.#alerting(),
        wants: (slug, kind) => this.has(slug, kind),
        positionOf: (slug) => this.followed.get(slug)?.position ?? null,
        isLookedAt: (slug) => this.isTabVisible && slug === this.currentSlug,
      },
      this.#edge,
    );
    this.list = new ListLoading({
      ask: (query) => this.ask((token) => library.listFeeds(query, token)),
      noteReader: () => {
        const { client } = this;
        return () => client === this.client;
      },
      onListed: (infos) => this.#onListed(infos),
      checkFollowed: async () => {
        await Promise.all([this.#checkFollowed(), this.#findMarked()]);
      },
      hasFollowed: () => this.followed.feeds.size > 0,
      kept: () => this.#kept.entries,
      pinned: () => this.pinned,
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

  has(slug: string, mark: Mark): boolean {
    return this.#memory.has(slug, mark);
  }

  /** Of a muted feed nothing counts as unread; pinned ones stand first. */
  mark(slug: string, mark: Mark, isSet: boolean): void {
    if (isSet) for (const gone of this.marked.givingWay(mark)) this.#memory.mark(gone, mark, false);
    this.#memory.mark(slug, mark, isSet);
    this.alerts.update();
    this.#onChange();
  }

  get pinned(): readonly FeedInfo[] {
    return this.marked.infos("pinned");
  }

  /** The feeds that the reader wants to be told of. */
  #alerting(): readonly FeedInfo[] {
    const infos = [...this.marked.infos("notify"), ...this.marked.infos("sound")];
    const open = infos.filter(({ slug }) => !this.has(slug, "muted"));
    return [...new Map(open.map((info) => [info.slug, info])).values()];
  }

  async #findMarked(): Promise<void> {
    await this.marked.find();
    this.alerts.update();
    this.#onChange();
  }

  unreadOf(slug: string): number {
    if (this.has(slug, "muted")) return 0;
    return this.followed.get(slug)?.unread ?? this.#counts.of(slug);
  }

  get unread(): number {
    const isLeft = (slug: string) => this.followed.get(slug) === null && !this.has(slug, "muted");
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
    // One that became private is a guest's no more.
    this.#guestMemory.forget(infos.filter(isPrivate).map(({ slug }) => slug));
    for (const info of infos) this.#counts.note(info);
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
    this.marked.forget(slugs);
    this.#kept.forget(slugs);
    this.#guestMemory.forget(slugs);
    for (const slug of slugs) this.#counts.forget(slug);
  }

  look(slug: string | null): void {
    if (slug !== this.currentSlug) this.#missing = null;
    this.currentSlug = slug;
    this.#openFromList();
    this.followed.look(slug, this.isTabVisible);
    this.#noteLooked();
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
    const shown = [...this.pinned, ...this.list.near].map(({ slug }) => slug);
    return [...new Set(shown)].filter(isCounted);
  }

  /** The one that is being read is read on: other devices are to know. */
  #onFollowed(): void {
    const { current } = this;
    if (current?.lookedAtUpTo) this.#memory.noteSeen(current.info.slug, current.lookedAtUpTo);
    this.#onChange();
  }

  #noteSeen(feed: WatchedFeed): void {
    const { info, seen, lookedAtUpTo, position } = feed;
    const { slug } = info;
    if (lookedAtUpTo !== null) this.#memory.noteSeen(slug, lookedAtUpTo);
    else if (seen !== null) this.#memory.begin(slug, seen);
    if (position === null) return;
    this.#counts.note({ slug, epoch: position.epoch, head: position.sequence });
  }

  #save(): void {
    for (const feed of this.followed.feeds.values()) this.#noteSeen(feed);
    this.#memory.save();
  }

  #memoryOf(client: Client): FeedMemory {
    if (this.isGuest) return this.#guestMemory;
    return new AccountMemory(client, (slugs) => {
      if (client === this.client) this.#onTold(slugs);
    });
  }

  /** The reader has seen more of these elsewhere, on another device or in another tab, or marked them. */
  #onTold(slugs: readonly string[]): void {
    for (const slug of slugs) {
      const seen = this.#memory.seenOf(slug);
      this.followed.get(slug)?.adoptSeen(seen);
      if (seen !== null) this.alerts.noteSeen(slug, seen);
    }
    void this.#findMarked().catch(() => {}); // asked again with the list
    this.#onChange();
  }

  setTabVisible(isVisible: boolean): void {
    this.isTabVisible = isVisible;
    this.followed.look(this.currentSlug, isVisible);
    this.#counts.setVisible(isVisible);
    this.#noteLooked();
    this.#save();
    this.#onChange();
  }

  #noteLooked(): void {
    const looked = this.isTabVisible ? this.currentSlug : null;
    this.#edge.look(looked);
    if (looked !== null) this.alerts.noteLooked(looked);
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
   * `signal` gives it up: null, and whoever was reading goes on reading.
   */
  async signIn(
    username: string,
    password: string,
    remember: boolean,
    signal?: AbortSignal,
  ): Promise<AccountFault | null> {
    const credentials: Credentials = { kind: "account", username, password };
    const candidate = this.library.createClient(credentials);
    const outcome = await outcomeOfConnecting(candidate, signal);
    if (outcome !== "online" || signal?.aborted) {
      candidate.close();
      if (signal?.aborted) return null;
      return outcome === "refused"
        ? { field: "password", message: "errorCredentials" }
        : { field: null, message: "errorUnreachable" };
    }
    rememberAccount(remember ? credentials : null);
    this.#save();
    this.#replaceClient(candidate, credentials);
    return null;
  }

  /** What stays is what everybody may see; of the feed that is being read, if it is such a one. */
  signOut(): void {
    this.#leave((previous) => previous.signOut());
  }

  #leave(end: (previous: Client) => void): void {
    this.#save();
    forgetPerson();
    const client = this.#createClient(GUEST);
    const hidden = [...this.followed.feeds.values()].filter(({ info }) => isPrivate(info));
    for (const feed of hidden) this.followed.letGo(feed);
    const listed = this.list.listing.entries.filter(isPrivate);
    this.#unlist([...hidden.map(({ info }) => info), ...listed].map(({ slug }) => slug));
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
    this.#memory = this.#memoryOf(client);
    this.marked.clear();
    for (const feed of this.followed.feeds.values()) {
      feed.adoptSeen(this.#memory.seenOf(feed.info.slug), true);
    }
    this.#missing = null;
    this.#listen(client);
    this.followed.followAll();
    this.#edge.setReader(nameOf(credentials));
    this.alerts.restart();
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
      if (client !== this.client) return;
      this.marked.askAnew();
      void this.list.load();
    };
    client.on("signed-out", () => {
      // By another tab, which told all of them.
      if (client === this.client) this.#leave((previous) => previous.close());
    });
    client.on("bearer", listAnew);
    client.on("reader", listAnew);
  }
}

const nameOf = (credentials: Credentials): string =>
  credentials.kind === "account" ? credentials.username : "";

const isPrivate = ({ visibility }: FeedInfo): boolean => visibility === "private";
