/**
 * What a ticket says of itself: contracts/README.md, section "Tokens". Whether it is good only the
 * server can say; this tells whom to log in as, and when to ask for a fresh one.
 *
 * Pure: no clock, no network. A ticket's text never becomes part of a message.
 */

export type Ticket = {
  readonly text: string;
  /** The local part of `sub`: the name to log in with. */
  readonly username: string;
  /** What it opens. */
  readonly feeds: readonly string[];
  /** All that it says but when it was made and when it ends: the same for tickets that open the same. */
  readonly rights: string;
  /** Milliseconds since 1970. */
  readonly expiresAt: number;
  /** When to ask for a fresh one. */
  readonly renewAt: number;
};

/** `message` says what is wrong with the ticket. */
export class TicketError extends Error {
  override readonly name = "TicketError";
}

const MAX_LENGTH = 8192;
const PART = /^[A-Za-z0-9_-]+$/;
const READER = /^([a-z0-9._-]{1,64})@[a-z0-9.-]{1,253}$/;
/** However short a ticket lives: so long before its end a fresh one is asked for. */
const MARGIN_MS = 30_000;

/** `now`: when it came, for a ticket that does not say when it was made. Throws TicketError. */
export function readTicket(text: string, now: number): Ticket {
  const [head, payload, signature, more] = text.split(".");
  const parts = [head, payload, signature];
  const isJwt = parts.every((part) => part !== undefined && PART.test(part)) && more === undefined;
  if (text.length > MAX_LENGTH || !isJwt) throw new TicketError("The ticket is no JSON Web Token.");
  const claims = readClaims(payload as string);
  const { sub, feeds, iat, exp } = claims;
  const username = typeof sub === "string" ? READER.exec(sub)?.[1] : undefined;
  if (username === undefined) throw new TicketError("The ticket does not say whose it is.");
  if (!isTime(exp)) throw new TicketError("The ticket does not say when it ends.");
  const expiresAt = exp * 1000;
  const begin = isTime(iat) && iat <= exp ? iat * 1000 : Math.min(now, expiresAt);
  return {
    text,
    username,
    feeds: Array.isArray(feeds) ? feeds.filter((feed) => typeof feed === "string") : [],
    rights: rightsIn(claims),
    expiresAt,
    renewAt: renewalTime(begin, expiresAt),
  };
}

/** No two tickets have these alike, whatever they open. */
const OF_ONE_TICKET = new Set(["iat", "nbf", "exp", "jti"]);

function rightsIn(claims: Record<string, unknown>): string {
  const names = Object.keys(claims).filter((name) => !OF_ONE_TICKET.has(name));
  const plain = (value: unknown): unknown => (Array.isArray(value) ? [...value].sort() : value);
  return JSON.stringify(names.sort().map((name) => [name, plain(claims[name])]));
}

/** At three quarters of its life, and not later than 30 s before its end. */
export function renewalTime(begin: number, end: number): number {
  return Math.max(begin, Math.min(begin + (end - begin) * 0.75, end - MARGIN_MS));
}

function readClaims(payload: string): Record<string, unknown> {
  try {
    const binary = atob(payload.replaceAll("-", "+").replaceAll("_", "/"));
    const bytes = Uint8Array.from(binary, (character) => character.charCodeAt(0));
    const claims: unknown = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
    if (typeof claims === "object" && claims !== null) return claims as Record<string, unknown>;
  } catch {
    // Said below.
  }
  throw new TicketError("The ticket cannot be read.");
}

/** Seconds since 1970 that a Date can hold. */
const isTime = (value: unknown): value is number =>
  typeof value === "number" && value > 0 && value < 8.64e12;
