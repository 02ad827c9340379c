/**
 * The server's hint that an account was let into a feed or put out of it: contracts/README.md,
 * "Readers". Whoever sent it, all that comes of it is a question to REST.
 *
 * Pure over DOM elements: no Strophe, no clock, no network.
 */

import { isSlug } from "./events";
import { bareJid, childOf, NS } from "./xml";

export type Hint = { readonly feed: string; readonly change: "granted" | "revoked" };

/** null: it is no hint, or not from `domain`. */
export function readHint(message: Element, domain: string): Hint | null {
  const from = bareJid(message.getAttribute("from") ?? "");
  if (message.getAttribute("type") !== "headline") return null;
  if (childOf(message, "delay", NS.delay) !== null) return null;
  if (from.split("@").at(-1) !== domain) return null;
  const element = childOf(message, "reader", NS.events);
  const feed = element?.getAttribute("feed");
  const change = element?.getAttribute("change");
  if (!isSlug(feed) || (change !== "granted" && change !== "revoked")) return null;
  return { feed, change };
}
