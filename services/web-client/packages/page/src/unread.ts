/** How a number of unread events is written. Pure. */

/** Return the text of a badge: counts past 999 take more room than they are worth. */
export function badgeText(count: number, formatNumber: (value: number) => string): string {
  return count > 999 ? `${formatNumber(999)}+` : formatNumber(count);
}

/** Return the document's title; unread ones stand first, because tabs cut titles at the end. */
export function documentTitle(unread: number, feedTitle: string | null): string {
  const name = feedTitle === null ? "Aviso" : `${feedTitle} · Aviso`;
  return unread > 0 ? `(${unread > 999 ? "999+" : unread}) ${name}` : name;
}
