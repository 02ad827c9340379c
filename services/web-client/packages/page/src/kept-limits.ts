/** A page that is left open for days keeps a bounded number of a feed's records; the rest is asked for again. */

export const MOST_KEPT = 20_000;
/** And about so many bytes of them. */
export const MOST_KEPT_BYTES = 64 * 1024 * 1024;
/** How many are left after it was too many. */
export const KEPT_AFTER_TRIM = 5_000;
