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
  /** When it was made, in milliseconds since 1970 by the server's clock; null: it does not say. */
  readonly begin: number | null;
  /** When it ends, by the same clock. */
  readonly end: number;
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

/** Throws TicketError. */
export function readTicket(text: string): Ticket {
  const claims = readClaims(text);
  const { sub, feeds, iat, exp } = claims;
  const username = typeof sub === "string" ? READER.exec(sub)?.[1] : undefined;
  if (username === undefined) throw new TicketError("The ticket does not say whose it is.");
  if (!isTime(exp)) throw new TicketError("The ticket does not say when it ends.");
  return {
    text,
    username,
    feeds: Array.isArray(feeds) ? feeds.filter((feed) => typeof feed === "string") : [],
    rights: rightsIn(claims),
    begin: isTime(iat) && iat < exp ? iat * 1000 : null,
    end: exp * 1000,
  };
}

/** No two tickets have these alike, whatever they open. */
const OF_ONE_TICKET = new Set(["iat", "nbf", "exp", "jti"]);

function rightsIn(claims: Record<string, unknown>): string {
  const names = Object.keys(claims).filter((name) => !OF_ONE_TICKET.has(name));
  const plain = (value: unknown): unknown => (Array.isArray(value) ? [...value].sort() : value);
  return JSON.stringify(names.sort().map((name) => [name, plain(claims[name])]));
}

/** How long the token of an account lives, in milliseconds. Throws TicketError. */
export function lifeOfToken(text: string): number {
  const { iat, exp } = readClaims(text);
  if (isTime(iat) && isTime(exp) && iat < exp) return (exp - iat) * 1000;
  throw new TicketError("The token does not say how long it lives.");
}

/** In milliseconds from when it came; Infinity where nobody but the server knows. */
export type Lasting = { readonly ends: number; readonly renews: number };

/**
 * How long a ticket lasts. `wall`: the browser's clock as it came, in milliseconds since 1970, which
 * may be wrong by hours. A fresh ticket (`isFresh`: just made for us) has all of its life before it. Of
 * another one, which a page may have held for long, the browser's clock says the age, if it says one
 * that is possible.
 */
export function lastingOf({ begin, end }: Ticket, wall: number, isFresh: boolean): Lasting {
  const from = begin ?? wall;
  const life = end > from ? end - from : Infinity;
  const age = !isFresh && wall > from && wall < end ? wall - from : 0;
  return { ends: life - age, renews: Math.max(0, renewalAfter(life) - age) };
}

/** At three quarters of its life, and not later than 30 s before its end. */
export function renewalAfter(life: number): number {
  return Math.max(0, Math.min(life * 0.75, life - MARGIN_MS));
}

function readClaims(text: string): Record<string, unknown> {
  const [head, payload, signature, more] = text.split(".");
  const parts = [head, payload, signature];
  const isJwt = parts.every((part) => part !== undefined && PART.test(part)) && more === undefined;
  if (text.length > MAX_LENGTH || !isJwt) throw new TicketError("The ticket is no JSON Web Token.");
  try {
    const binary = atob((payload as string).replaceAll("-", "+").replaceAll("_", "/"));
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
