/**
 * What an account keeps of a feed: how far it has read, and its marks. contracts/README.md, "Marks".
 *
 * Pure over DOM elements: no Strophe, no clock, no network.
 */

import type { Position } from "../model/positions";
import { isEpoch, isSlug } from "./events";
import { bareJid, childOf, NS, xml } from "./xml";

export type Mark = "muted" | "pinned" | "notify" | "sound";

export type FeedMarks = {
  readonly feed: string;
  /** null: it was never read. */
  readonly seen: Position | null;
  readonly marks: readonly Mark[];
};

export type MarksChange = {
  readonly feed: string;
  readonly seen?: Position;
  /** `seen` is where the feed begins for the reader: only where nothing of its epoch is known yet. */
  readonly begins?: boolean;
  readonly set?: readonly Mark[];
  readonly unset?: readonly Mark[];
};

/** The most changes at once. */
export const MAX_CHANGES = 100;

export const marksQuestion = xml`<marks xmlns="${NS.marks}"/>`;

export function writeChanges(changes: readonly MarksChange[]): string {
  const written = changes.map(({ seen, ...rest }) => ({
    ...rest,
    ...(seen && { epoch: seen.epoch, seen: seen.sequence }),
  }));
  return xml`<marks xmlns="${NS.marks}">${JSON.stringify(written)}</marks>`;
}

/** null: the stanza has none that can be read. */
export function readMarks(stanza: Element): FeedMarks[] | null {
  const element = childOf(stanza, "marks", NS.marks);
  if (element === null) return null;
  try {
    const value: unknown = JSON.parse(element.textContent ?? "");
    return Array.isArray(value) ? value.flatMap(readOne) : null;
  } catch {
    return null;
  }
}

/** What was changed in a session of the account; null: it is nothing of that, or not from `domain`. */
export function readToldMarks(message: Element, domain: string): FeedMarks[] | null {
  const isHeadline = message.getAttribute("type") === "headline";
  const isOurs = bareJid(message.getAttribute("from") ?? "") === domain;
  return isHeadline && isOurs ? readMarks(message) : null;
}

const MARKS: readonly unknown[] = ["muted", "pinned", "notify", "sound"];

function readOne(value: unknown): FeedMarks[] {
  const { feed, epoch, seen, marks } = (value ?? {}) as Record<string, unknown>;
  if (!isSlug(feed)) return [];
  const isPosition = isEpoch(epoch) && Number.isSafeInteger(seen);
  return [
    {
      feed,
      seen: isPosition ? { epoch, sequence: seen as number } : null,
      marks: Array.isArray(marks) ? marks.filter((mark) => MARKS.includes(mark)) : [],
    },
  ];
}
