/** A client for a server: one connection, and a subscription for each feed that is followed over it. */

import { browserHost } from "../edges/browser-host";
import { Connection } from "../engine/connection";
import type { Log } from "../engine/debug-log";
import type { ConnectionEvents } from "../engine/emitted";
import type { ConnectionOptions, SubscriptionOptions, Transport } from "../engine/options";
import type { HostPort } from "../engine/ports";
import type { ConnectionState } from "../engine/states";
import { Subscription } from "../engine/subscription";
import type { Timings } from "../engine/timings";
import type { RecordData } from "../model/event";

export type ClientOptions = ConnectionOptions & {
  /** Short for `credentials: {kind: "ticket", ticket}`. */
  readonly ticket?: string;
  /**
   * Tell what happens, step by step: `true` to the console (as `debug`), or to this function. Never an
   * event's content, a password, a token or a ticket.
   */
  readonly debug?: boolean | Log;
};

export type SubscribeOptions = SubscriptionOptions & {
  /** Closes the subscription when it is aborted. */
  readonly signal?: AbortSignal;
};

export class AvisoClient {
  readonly #connection: Connection;

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
    const { ticket, debug, ...rest } = options;
    const log = logFor(debug);
    this.#connection = new Connection(
      url,
      ticket === undefined ? rest : { ...rest, credentials: { kind: "ticket", ticket } },
      host,
      { timings, ...(log && { log }) },
    );
  }

  /** The server's address; "" is the page's own. */
  get url(): string {
    return this.#connection.origin;
  }

  get state(): ConnectionState {
    return this.#connection.state;
  }

  /** How the connection runs at the moment; null without one. */
  get transport(): Transport | null {
    return this.#connection.transport;
  }

  /** Returns the function that ends it. */
  on<Name extends keyof ConnectionEvents>(
    name: Name,
    listener: (detail: ConnectionEvents[Name]) => void,
  ): () => void {
    return this.#connection.on(name, listener);
  }

  /**
   * Follow a feed. `Data` is what its records hold; nothing checks that they do. It begins in a moment,
   * so that whoever listens at once misses nothing.
   */
  subscribe<Data = RecordData>(feed: string, options: SubscribeOptions = {}): Subscription<Data> {
    const { signal, ...rest } = options;
    const subscription = new Subscription<Data>(feed, this.#connection, rest);
    const close = (): void => subscription.close();
    if (signal?.aborted) close();
    else signal?.addEventListener("abort", close, { once: true, signal: subscription.closing });
    queueMicrotask(() => subscription.start());
    return subscription;
  }

  /**
   * Go on with this ticket. A session of the same reader is carried on with it; any other begins
   * anew. Subscriptions stay, and go on where they are. One that cannot be read ends the session:
   * state `refused`. Throws TypeError where the client was made without a ticket.
   */
  setTicket(ticket: string): void {
    this.#connection.setTicket(ticket);
  }

  /**
   * What REST wants as `Authorization: Bearer …` to see what this client may: the ticket, or the
   * account's token; undefined for a guest.
   */
  bearer(): Promise<string | undefined> {
    return this.#connection.bearer();
  }

  /** Connect, also again after `close`. Does nothing where that is under way. */
  connect(): void {
    this.#connection.connect();
  }

  /** End the connection. Subscriptions are offline, and go on after `connect()`. */
  close(): void {
    this.#connection.close();
  }
}

function logFor(debug: ClientOptions["debug"]): Log | null {
  if (typeof debug === "function") return debug;
  return debug === true ? (what, facts) => console.debug(`aviso: ${what}`, facts) : null;
}
