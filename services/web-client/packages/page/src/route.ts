/**
 * What the address says: which feed is being read. Pure; whoever owns `location` hands the hash in.
 */

const FEED_ROUTE = /^#\/feeds\/([a-z0-9-]{1,64})\/?$/;

/** Return the slug in `#/feeds/<slug>`, or null for any other hash. */
export function feedOfHash(hash: string): string | null {
  return FEED_ROUTE.exec(hash)?.[1] ?? null;
}

export function hashOfFeed(slug: string): string {
  return `#/feeds/${slug}`;
}
