/**
 * How much to ask for at once: what a line carries in about two seconds. Then live messages do not
 * stand behind a page for long, and little is asked for twice when the line breaks.
 *
 * Pure: no clock, no network.
 */

const TARGET_MS = 2_000;
const MAX_BYTES = 1_048_576;

export class PageSize {
  #size: number;

  constructor(private readonly options: { readonly first: number; readonly most: number }) {
    this.#size = options.first;
  }

  get size(): number {
    return this.#size;
  }

  /** A page of `count` came: so many bytes (0: not known), in so many milliseconds. */
  learn({ count, bytes, ms }: { count: number; bytes: number; ms: number }): void {
    if (count < 1) return;
    const carried = (count * TARGET_MS) / Math.max(1, ms);
    // Of a page that came in time it may be the way that took long, not what is on it.
    const inTime = ms <= TARGET_MS ? Math.max(this.#size, carried) : carried;
    const inBytes = bytes > 0 ? (count * MAX_BYTES) / bytes : this.options.most;
    // One page says little: no more than twice as much as was tried.
    this.#set(Math.min(inTime, inBytes, Math.max(this.#size, 2 * count)));
  }

  /** A page did not come to its end. */
  shrink(): void {
    this.#set(this.#size / 4);
  }

  #set(size: number): void {
    this.#size = Math.max(1, Math.min(this.options.most, Math.floor(size)));
  }
}
