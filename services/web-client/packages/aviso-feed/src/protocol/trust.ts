/**
 * Who may be believed: contracts/README.md, "A subscriber trusts a message when …".
 * Nicks prove nothing; the room's word about an occupant's affiliation does.
 *
 * Pure over DOM elements: no Strophe, no clock, no network.
 */

import { bareJid, childOf, childrenOf, NS, resourceOf } from "./xml";

/** XEP-0045 7.2.2: a presence that is about ourselves. */
const SELF_STATUS = "110";

/** What a room's presences said of its occupants since we joined. */
export class Occupants {
  readonly #affiliations = new Map<string, string>();

  clear(): void {
    this.#affiliations.clear();
  }

  /** Take a presence whose `from` is room/nick. */
  see(presence: Element): void {
    const nick = resourceOf(presence.getAttribute("from") ?? "");
    if (nick === null || presence.getAttribute("type") === "error") return;
    const info = childOf(presence, "x", NS.mucUser);
    const item = info && childOf(info, "item", NS.mucUser);
    if (presence.getAttribute("type") === "unavailable" || item === null) {
      this.#affiliations.delete(nick);
      return;
    }
    this.#affiliations.set(nick, item.getAttribute("affiliation") ?? "none");
  }

  isOwner(nick: string): boolean {
    return this.#affiliations.get(nick) === "owner";
  }
}

export function mucStatuses(presence: Element): readonly string[] {
  const info = childOf(presence, "x", NS.mucUser);
  if (info === null) return [];
  return childrenOf(info, "status", NS.mucUser).map((status) => status.getAttribute("code") ?? "");
}

export const isAboutUs = (presence: Element): boolean =>
  mucStatuses(presence).includes(SELF_STATUS);

/** A live message: groupchat, from an occupant who is owner, now. */
export function isTrustedLive(message: Element, room: string, occupants: Occupants): boolean {
  const from = message.getAttribute("from") ?? "";
  const nick = resourceOf(from);
  return (
    message.getAttribute("type") === "groupchat" &&
    bareJid(from) === room &&
    nick !== null &&
    occupants.isOwner(nick) &&
    childOf(message, "delay", NS.delay) === null
  );
}

/**
 * The id that the room itself gave when it archived the message, or null.
 * XEP-0359 3: only an element `by` the room counts, and an id that is no number is not ejabberd's:
 * it would read its archive from the start if asked for what is after it.
 */
export function stanzaIdOf(message: Element, room: string): string | null {
  for (const element of childrenOf(message, "stanza-id", NS.stanzaId)) {
    const id = element.getAttribute("id") ?? "";
    if (element.getAttribute("by") === room && isStanzaId(id)) return id;
  }
  return null;
}

export const isStanzaId = (id: string): boolean => /^[0-9]+$/.test(id);

export type ArchiveResult = {
  readonly queryId: string;
  readonly stanzaId: string;
  readonly message: Element;
};

/**
 * An archive result that the room itself sent (XEP-0313 4.2), or null.
 * The caller checks that `queryId` is one of its own that is still open.
 */
export function readArchiveResult(message: Element, room: string): ArchiveResult | null {
  if (message.getAttribute("from") !== room) return null;
  const result = childOf(message, "result", NS.mam);
  const forwarded = result && childOf(result, "forwarded", NS.forward);
  const inner = forwarded && childOf(forwarded, "message", NS.client);
  const stanzaId = result?.getAttribute("id") ?? "";
  const queryId = result?.getAttribute("queryid") ?? "";
  if (!inner || queryId === "" || !isStanzaId(stanzaId)) return null;
  if (inner.getAttribute("type") !== "groupchat") return null;
  if (bareJid(inner.getAttribute("from") ?? "") !== room) return null;
  return { queryId, stanzaId, message: inner };
}
