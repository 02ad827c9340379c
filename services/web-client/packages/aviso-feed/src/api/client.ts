/** A client for a server: one connection, and a subscription for each feed that is followed over it. */

import { browserHost } from "../edges/browser-host";
import { Connection } from "../engine/connection";
import type { Log } from "../engine/debug-log";
import type { ConnectionEvents } from "../engine/emitted";
import type { FeedConnection } from "../engine/feed-connection";
import { LogKeeper } from "../engine/log-keeper";
import type {
  ConnectionOptions,
  Credentials,
  SubscriptionOptions,
  Transport,
} from "../engine/options";
import type { HostPort } from "../engine/ports";
import { SessionRest } from "../engine/session-rest";
import type { ConnectionState } from "../engine/states";
import { Subscription } from "../engine/subscription";
import type { Timings } from "../engine/timings";
import type { RecordData } from "../model/event";
import type { EventLog } from "../model/event-log";
import type { AsGiven } from "../model/filter";
import type { FeedMarks, MarksChange } from "../protocol/marks";
import { readTicket, type Ticket } from "../protocol/ticket";
import { RecordsClient } from "./records-client";

export type ClientOptions = ConnectionOptions & {
  /** Short for `credentials: {kind: "ticket", ticket}`. */
  readonly ticket?: string;
  /**
   * Keep the newest events of each feed in this log (`indexedDbLog()`), begin with them, and fetch only
   * what came since. A subscription with a `position`, a `token` or a `filter` of its own has no part in it.
   */
  readonly log?: EventLog;
  /** Share the connection with other tabs: `shareTabs()` of `aviso-feed/tabs`. Default: it is its own. */
  readonly tabs?: TabSharing;
  /**
   * Tell what happens, step by step: `true` to the console (as `debug`), or to this function. Never an
   * event's content, a password, a token or a ticket.
   */
  readonly debug?: boolean | Log;
};

/** How tabs share a connection; made by `shareTabs()` of `aviso-feed/tabs`. */
export type TabSharing = {
  readonly kind: "tabs";
  /** @internal The connection that takes the place of this tab's own. */
  readonly share: (own: Connection) => FeedConnection;
};

export type SubscribeOptions<Data = RecordData> = SubscriptionOptions<Data> & {
  /** Closes the subscription when it is aborted. */
  readonly signal?: AbortSignal;
};

export class AvisoClient extends RecordsClient {
  /** @internal */
  protected readonly connection: FeedConnection;
  /** @internal */
  protected readonly session: SessionRest;
  readonly #log: EventLog | null;
  readonly #credentials: Credentials;
  /** Those that may still write. */
  readonly #keepers = new Set<LogKeeper>();
  /** Counts ends: what began before one does not connect after it. */
  #ends = 0;

  /**
   * `url`: where Aviso is served, e.g. `https://aviso.example`; without it the page's own origin.
   * Nothing is connected before the first subscription, or `connect()`.
   */
  constructor(url?: string, options?: ClientOptions);
  /** @internal */
  constructor(url?: string, options?: ClientOptions, host?: HostPort, timings?: Partial<Timings>);
  constructor(
    url = "",
    options: ClientOptions = {},
    host: HostPort = browserHost(),
    timings: Partial<Timings> = {},
  ) {
    super();
    const { ticket, debug, log: eventLog, tabs, ...rest } = options;
    const log = logFor(debug);
    this.#log = eventLog ?? null;
    this.#credentials =
      ticket === undefined ? (rest.credentials ?? { kind: "guest" }) : { kind: "ticket", ticket };
    const connection = new Connection(url, { ...rest, credentials: this.#credentials }, host, {
      timings,
      ...(log && { log }),
    });
    this.connection = tabs?.share(connection) ?? connection;
    this.session = new SessionRest(this.connection, this.#credentials);
    const end = (): void => {
      this.#ends += 1;
      void this.forget();
    };
    this.connection.on("signed-out", end);
    // Whoever changed the password may have done so to shut somebody out.
    this.connection.on("state", (state) => {
      if (state.kind === "refused" && state.code === "credentials") end();
    });
  }

  get #reader(): string | null {
    return readerOf(this.#credentials, this.connection.ticket);
  }

  /** The server's address; "" is the page's own. */
  get url(): string {
    return this.connection.origin;
  }

  get state(): ConnectionState {
    return this.connection.state;
  }

  /** How the connection runs at the moment; null without one. */
  get transport(): Transport | null {
    return this.connection.transport;
  }

  /** Returns the function that ends it. */
  on<Name extends keyof ConnectionEvents>(
    name: Name,
    listener: (detail: ConnectionEvents[Name]) => void,
  ): () => void {
    return this.connection.on(name, listener);
  }

  /**
   * Follow a feed. `Data` is what its records hold; nothing checks that they do. It begins in a moment,
   * so that whoever listens at once misses nothing. On a server it does not, and stays `connecting`.
   * Throws AvisoError, `filter-not-valid`, for a filter that no server knows.
   */
  subscribe<Data = RecordData>(
    feed: string,
    options: SubscribeOptions<AsGiven<Data>> = {},
  ): Subscription<Data> {
    const { signal, ...rest } = options;
    const subscription = new Subscription<Data>(feed, this.connection, rest);
    // On a server nothing is followed.
    if (typeof window === "undefined") return subscription;
    const close = (): void => subscription.close();
    if (signal?.aborted) close();
    else signal?.addEventListener("abort", close, { once: true, signal: subscription.closing });
    const isKept = [rest.position, rest.token, rest.filter].every((each) => each === undefined);
    if (this.#log !== null && isKept) void this.#startWith(this.#log, subscription);
    else queueMicrotask(() => subscription.start());
    return subscription;
  }

  async #startWith<Data>(log: EventLog, subscription: Subscription<Data>): Promise<void> {
    const { origin, host } = this.connection;
    const ends = this.#ends;
    const keeper = new LogKeeper(log, subscription as unknown as Subscription, {
      clock: host,
      origin,
      reader: () => this.#reader,
      isPublic: async (feed) => {
        const token = await this.bearer();
        const info = await this.connection.rest(() => host.rest.feed(origin, feed, token));
        return info.visibility === "public";
      },
      served: async () => {
        if (ends === this.#ends) await reachServer(this.connection);
      },
    });
    const kept = await keeper.read();
    if (subscription.closing.aborted) return;
    const isOver = ends !== this.#ends;
    if (kept !== null && !isOver) subscription.restore(kept);
    this.#keepers.add(keeper);
    keeper.start();
    subscription.closing.addEventListener(
      "abort",
      () => void keeper.flush().then(() => this.#keepers.delete(keeper)),
    );
    subscription.start(!isOver);
  }

  /**
   * Let go of everything that was kept for this reader at this server: at sign-out, for one. Where
   * nobody knows yet who reads, of everybody's there.
   */
  async forget(): Promise<void> {
    const reader = this.#reader;
    await Promise.all([...this.#keepers].map((keeper) => keeper.discard()));
    await this.#log?.wipe({ origin: this.url, ...(reader !== null && { reader }) });
  }

  /**
   * Go on with this ticket. A session of the same reader is carried on with it; any other begins
   * anew. Subscriptions stay, and go on where they are. One that cannot be read ends the session:
   * state `refused`. Throws TypeError where the client was made without a ticket.
   */
  setTicket(ticket: string): void {
    this.connection.setTicket(ticket);
  }

  /**
   * What REST wants as `Authorization: Bearer …` to see what this client may: the ticket, or the
   * account's token; undefined for a guest.
   */
  bearer(): Promise<string | undefined> {
    return this.connection.bearer();
  }

  /**
   * What this account keeps of feeds, on all of its devices: how far it has read each, and its marks.
   * The event `marks` tells what is changed, here too. Rejects for a guest and a ticket, and while there
   * is no connection.
   */
  marks(): Promise<FeedMarks[]> {
    return this.connection.marks();
  }

  /** Change up to 100 of them. A position only moves forward. Rejects as `marks` does; ask again then. */
  changeMarks(changes: readonly MarksChange[]): Promise<void> {
    return this.connection.changeMarks(changes);
  }

  /** Connect, also again after `close`. Does nothing where that is under way. On a server: AvisoError, `no-browser`. */
  connect(): void {
    this.connection.connect();
  }

  /** End the connection. Subscriptions are offline, and go on after `connect()`. */
  close(): void {
    this.#ends += 1;
    this.connection.close();
  }

  /**
   * End the session here and in all tabs that share it: state `refused`, code `signed-out`. What the
   * log has of this reader's is let go of. Goes on after `connect()`.
   */
  signOut(): void {
    this.connection.signOut();
  }
}

/** Connect; resolves when it is online, or refused. */
function reachServer(connection: FeedConnection): Promise<void> {
  connection.connect();
  return new Promise((resolve) => {
    const look = ({ kind }: ConnectionState): void => {
      if (kind !== "online" && kind !== "refused") return;
      off();
      resolve();
    };
    const off = connection.on("state", look);
    look(connection.state);
  });
}

/** In whose log it is kept; null: nobody knows yet. */
function readerOf(credentials: Credentials, ticket: Ticket | null): string | null {
  if (credentials.kind === "guest") return "";
  if (credentials.kind === "account") return `account:${credentials.username}`;
  try {
    return `ticket:${(ticket ?? readTicket(credentials.ticket)).username}`;
  } catch {
    return null;
  }
}

function logFor(debug: ClientOptions["debug"]): Log | null {
  if (typeof debug === "function") return debug;
  return debug === true ? (what, facts) => console.debug(`aviso: ${what}`, facts) : null;
}
