/**
 * Who reads: with what he logs in, and what he shows to REST. A guest has nothing, an account its password
 * and a token, and for a ticket there is a fresh one in time (bearer.ts).
 */

import type { ConnectionInfo } from "../protocol/answers";
import type { Ticket } from "../protocol/ticket";
import { AccountToken, TicketKeeper, type TicketListener } from "./bearer";
import type { ConnectionOptions, Credentials, Transport } from "./options";
import type { ClockPort, Login } from "./ports";
import type { ConnectionState, RefusalCode } from "./states";
import { type Rights, rightsOf } from "./tabs/rights";
import type { Timings } from "./timings";

export type LoginListener = TicketListener & {
  /** What REST is shown is another one. */
  bearer(): void;
};

export type Refusal = { readonly code: RefusalCode; readonly reason: string };

export class ReaderLogin {
  readonly #credentials: Credentials;
  readonly #token: AccountToken;
  readonly #tickets: TicketKeeper;
  /** With which the session was refused, or signed out. */
  #refusedTicket: Ticket | null = null;

  /** `askToken`: ask the session's server for an account's token. */
  constructor(
    { credentials, renewTicket }: ConnectionOptions,
    clock: ClockPort,
    timings: Timings,
    askToken: () => Promise<Element>,
    private readonly listener: LoginListener,
  ) {
    this.#credentials = credentials ?? { kind: "guest" };
    this.#token = new AccountToken(clock, timings, askToken, () => listener.bearer());
    this.#tickets = new TicketKeeper(clock, timings, renewTicket, listener);
  }

  get kind(): Credentials["kind"] {
    return this.#credentials.kind;
  }

  get ticket(): Ticket | null {
    return this.#tickets.ticket;
  }

  /** For how many milliseconds the ticket is good yet, as far as is known. */
  get ticketLeft(): number {
    return this.#tickets.left;
  }

  /** The ticket that it was given at the start, as long as none was taken; null: there is none to take. */
  get untaken(): string | null {
    const credentials = this.#credentials;
    return credentials.kind === "ticket" && this.ticket === null ? credentials.ticket : null;
  }

  /** There is no ticket yet, and one can be asked for. */
  get canOnlyAsk(): boolean {
    return this.untaken === "" && this.#tickets.canRenew;
  }

  /** What REST is shown; undefined for a guest. */
  async bearer(): Promise<string | undefined> {
    if (this.kind === "ticket") return this.ticket?.text;
    return this.#token.get();
  }

  /**
   * What REST is shown, where it refused `refused`, and where a ticket has ended: a fresh one, if there is
   * a way to get it. `state`: of the session. Rejects with AvisoError.
   */
  async goodBearer(
    refused: string | undefined,
    state: ConnectionState,
  ): Promise<string | undefined> {
    const credentials = this.#credentials;
    const tickets = this.#tickets;
    if (credentials.kind !== "ticket") {
      if (refused !== undefined) this.#token.drop(refused);
      return this.#token.get();
    }
    const isFirst = tickets.ticket === null && state.kind !== "refused";
    if (isFirst && credentials.ticket !== "") tickets.take(credentials.ticket, false);
    const { ticket } = tickets;
    const isOut = state.kind === "refused" && ticket === this.#refusedTicket;
    if (isOut && !state.code.startsWith("ticket-")) return undefined;
    const isGood = !isOut && ticket?.text !== refused && tickets.left > 0;
    if (isGood || (!isOut && refused === undefined && !tickets.canRenew)) return ticket?.text;
    return tickets.canRenew ? tickets.renewed() : undefined;
  }

  /** The session is refused, or signed out, as it is now. */
  noteRefusal(): void {
    this.#refusedTicket = this.ticket;
  }

  /** For whom this is, at this server; null as long as there is no ticket. */
  rights(server: string, transports: readonly Transport[]): Rights | null {
    return rightsOf(server, transports, this.#credentials, this.ticket);
  }

  /** How and where to log in; null where this server has no place for it. */
  at(info: ConnectionInfo): { readonly credentials: Login; readonly domain: string } | null {
    const credentials = this.#credentials;
    if (credentials.kind === "guest") return { credentials, domain: info.guest_domain };
    if (credentials.kind === "account") return { credentials, domain: info.domain };
    if (typeof info.ticket_domain !== "string" || this.ticket === null) return null;
    const { username, text } = this.ticket;
    return { credentials: { kind: "ticket", username, ticket: text }, domain: info.ticket_domain };
  }

  /** Go on with this ticket. `isFresh`: it was made just now. Throws TicketError, and then has none. */
  takeTicket(text: string, isFresh: boolean): void {
    this.#tickets.take(text, isFresh);
  }

  /** Have a fresh ticket in time. */
  keepTicket(): void {
    this.#tickets.keep();
  }

  stopTicket(): void {
    this.#tickets.stop();
  }

  /** Ask for a fresh ticket, now or soon. */
  askTicket(): void {
    this.#tickets.ask();
  }

  /** The server let him in, or took the ticket. */
  accept(): void {
    if (this.kind === "account") this.#token.keep();
    if (this.kind !== "ticket") return;
    this.#tickets.accept();
    this.listener.bearer();
  }

  /** There is no session to ask for a token. */
  pause(): void {
    this.#token.pause();
  }

  forgetToken(): void {
    this.#token.forget();
  }

  /** Why the server does not let him in; `reason`: what it said. */
  refusalOf(reason: string): Refusal {
    if (this.kind !== "ticket") return { code: "credentials", reason };
    if (!this.#tickets.hasEnded) {
      return { code: "ticket-refused", reason: "The server does not accept this ticket." };
    }
    return {
      code: "ticket-ended",
      reason: this.#tickets.canRenew
        ? "The ticket has ended; a fresh one is asked for."
        : "The ticket has ended, and there is no way to get a fresh one: it has to be set anew.",
    };
  }
}
