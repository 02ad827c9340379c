/**
 * Counts what arrived unseen. Sequences have no holes, so how many events a reader has not seen is
 * a difference of two positions, whatever way the events came and however often they came.
 */

export interface Position {
  readonly epoch: string;
  readonly sequence: number;
}

/** Return how many events lie between what was seen and where the feed is; 0 when nothing is known. */
export function countUnread(seen: Position | null, now: Position | null): number {
  if (seen === null || now === null) return 0;
  if (seen.epoch !== now.epoch) return now.sequence;
  return Math.max(0, now.sequence - seen.sequence);
}

/** Return the text of a badge: counts past 999 take more room than they are worth. */
export function badgeText(count: number, formatNumber: (value: number) => string): string {
  return count > 999 ? `${formatNumber(999)}+` : formatNumber(count);
}

/** Return the document's title; unread ones stand first, because tabs cut titles at the end. */
export function documentTitle(unread: number, feedTitle: string | null): string {
  const name = feedTitle === null ? "Aviso" : `${feedTitle} · Aviso`;
  return unread > 0 ? `(${unread > 999 ? "999+" : unread}) ${name}` : name;
}
