/**
 * For whom a connection is. Tabs share one only where this is the same to the letter: the server,
 * the way to it, and everything that decides what the reader may see.
 */

import type { Ticket } from "../../protocol/ticket";
import type { Credentials, Transport } from "../options";

export type Rights = {
  readonly open: string;
  /** A name for it goes into the name that tabs meet under: who does not know it never meets them. */
  readonly secret: string | null;
};

/** null: nobody knows yet, for there is no ticket. */
export function rightsOf(
  server: string,
  transports: readonly Transport[],
  credentials: Credentials,
  ticket: Ticket | null,
): Rights | null {
  const write = (...reader: readonly string[]): string =>
    JSON.stringify([server, ...transports, credentials.kind, ...reader]);
  switch (credentials.kind) {
    case "guest":
      return { open: write(), secret: null };
    case "account":
      return { open: write(credentials.username), secret: credentials.password };
    case "ticket":
      return ticket && { open: write(ticket.rights), secret: null };
  }
}
