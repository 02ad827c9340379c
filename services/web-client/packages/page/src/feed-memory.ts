/**
 * What is remembered of feeds for whoever reads: how far each was seen, and its marks. A guest's is the
 * browser's (browser-memory.ts), an account's goes with it (account-memory.ts).
 */

import { MOST_LISTED } from "./feed-listing";
import type { Mark, Position } from "./library";

/**
 * How many feeds, those noted last; those that have marks go last. As many as the list keeps: what was
 * seen of one feed is not forgotten for looking at the others.
 */
export const MOST_REMEMBERED = MOST_LISTED;

export interface FeedMemory {
  /** null: nothing is known of it. */
  seenOf(slug: string): Position | null;
  /** The reader has seen it this far. Only forward, in one epoch. */
  noteSeen(slug: string, position: Position): void;
  /** It begins here for the reader: what is before counts as seen, where nothing is known of its epoch. */
  begin(slug: string, position: Position): void;
  has(slug: string, mark: Mark): boolean;
  /** The feeds that have it, by name. */
  withMark(mark: Mark): readonly string[];
  mark(slug: string, mark: Mark, isSet: boolean): void;
  /** Keep now what was noted. */
  save(): void;
}

/** Of two positions of one feed the one that counts: in one epoch the furthest. */
export function furthest(own: Position, there: Position | null | undefined): Position {
  return there?.epoch === own.epoch && there.sequence > own.sequence ? there : own;
}

/** Let go of those that are too many; the one noted last stands last. */
export function dropOldest<Known>(map: Map<string, Known>, isKept = (_: Known) => false): void {
  for (const isLast of [false, true]) {
    for (const [slug, known] of map) {
      if (map.size <= MOST_REMEMBERED) return;
      if (isLast || !isKept(known)) map.delete(slug);
    }
  }
}

/** Returns whether that changed anything. */
export function changeMark(marks: Set<Mark>, mark: Mark, isSet: boolean): boolean {
  if (marks.has(mark) === isSet) return false;
  if (isSet) marks.add(mark);
  else marks.delete(mark);
  return true;
}
