/**
 * The connections that the elements of one page share: one for each server and reader. A server takes
 * so many of one reader and ends the oldest beyond that.
 */

import { delayOf } from "../edges/http";
import { indexedDbLog } from "../edges/indexed-db-log";
import { ApiError } from "../model/errors";
import { readTicket } from "../protocol/ticket";
import { AvisoClient, type TabSharing } from "./client";

export type Reader = {
  /** "" is the page's own. */
  readonly origin: string;
  /** "": a guest, or a reader whose first ticket `ticketUrl` gives. */
  readonly ticket: string;
  /** "": nobody gives fresh ones. */
  readonly ticketUrl: string;
  /** Keep the feeds in this browser's log: those that everybody may read, or all; "": none. */
  readonly keep: Keep;
};

export type Keep = "" | "public" | "private";

/** One element's share of a client. What was signed out nobody goes on with: a new one is opened. */
export interface ClientShare {
  readonly client: AvisoClient;
  /** Go on with this ticket; false where it can't: signed out, or others share it and would lose by it. */
  setTicket(ticket: string): boolean;
  /** End it for all who share it. Resolves when nothing kept of the reader's is left. */
  signOut(): Promise<void>;
  /** The last one to let go ends the connection. */
  release(): void;
}

/** `failing`: whether the page's own server gave no ticket when it was asked last. */
export type TicketListener = (failing: boolean) => void;

type Shared = {
  reader: Reader;
  readonly client: AvisoClient;
  readonly listeners: Set<TicketListener>;
};

const shared = new Set<Shared>();

/** `tabs`: how it is shared with other tabs, where it has to be opened; null: not at all. */
export function shareClient(
  reader: Reader,
  tabs: TabSharing | null,
  onTicket: TicketListener,
): ClientShare {
  const found = [...shared].find((each) => isSame(each.reader, reader)) ?? open(reader, tabs);
  // Of its own, though the same function came twice.
  const listener: TicketListener = (failing) => onTicket(failing);
  found.listeners.add(listener);
  return {
    client: found.client,
    setTicket(ticket) {
      if (!shared.has(found)) return false;
      if (found.reader.ticket === ticket) return true;
      if (found.listeners.size > 1 && !opensAsMuch(ticket, found.reader.ticket)) return false;
      found.reader = { ...found.reader, ticket };
      found.client.setTicket(ticket);
      return true;
    },
    async signOut() {
      shared.delete(found);
      found.client.signOut();
      await found.client.forget();
    },
    release() {
      found.listeners.delete(listener);
      // An element that is moved within the page leaves it and comes back at once.
      queueMicrotask(() => {
        if (found.listeners.size === 0 && shared.delete(found)) found.client.close();
      });
    },
  };
}

function open(reader: Reader, tabs: TabSharing | null): Shared {
  const listeners = new Set<TicketListener>();
  const { origin, ticket, ticketUrl, keep } = reader;
  const renewTicket = async (): Promise<string> => {
    try {
      const fresh = await requestTicket(ticketUrl);
      for (const listener of [...listeners]) listener(false);
      return fresh;
    } catch (error) {
      for (const listener of [...listeners]) listener(true);
      throw error;
    }
  };
  const client = new AvisoClient(origin, {
    ...((ticket || ticketUrl) && { ticket }),
    ...(ticketUrl && { renewTicket }),
    ...(keep && { log: indexedDbLog({ private: keep === "private" }) }),
    ...(tabs && { tabs }),
  });
  const opened = { reader, client, listeners };
  // Also by another tab.
  client.on("signed-out", () => shared.delete(opened));
  shared.add(opened);
  return opened;
}

const isSame = (one: Reader, other: Reader): boolean =>
  one.origin === other.origin &&
  one.ticket === other.ticket &&
  one.ticketUrl === other.ticketUrl &&
  one.keep === other.keep;

/** Whether everybody who reads by `before` can go on by `fresh`. */
function opensAsMuch(fresh: string, before: string): boolean {
  try {
    const [now, then] = [readTicket(fresh), readTicket(before)];
    return now.username === then.username && then.feeds.every((feed) => now.feeds.includes(feed));
  } catch {
    return false;
  }
}

const TICKET_TIMEOUT_MS = 15_000;

/** The embedding site's own call: it knows its user by the cookie. Throws where it has no ticket. */
async function requestTicket(url: string): Promise<string> {
  const response = await fetch(url, {
    method: "POST",
    headers: { Accept: "application/json" },
    credentials: "same-origin",
    cache: "no-store",
    signal: AbortSignal.timeout(TICKET_TIMEOUT_MS),
  });
  if (!response.ok) {
    const delay = delayOf(response.headers.get("Retry-After"));
    throw new ApiError(response.status, "The site gave no ticket.", null, delay);
  }
  const { ticket } = (await response.json()) as { ticket?: unknown };
  if (typeof ticket !== "string") throw new Error("The site answered without a ticket.");
  return ticket;
}
