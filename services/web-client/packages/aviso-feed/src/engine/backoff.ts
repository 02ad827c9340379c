/** How long to wait before the next try: exponential, with full jitter. Pure but for `random`. */

export class Backoff {
  #tries = 0;

  constructor(
    private readonly options: {
      readonly firstMs: number;
      readonly maxMs: number;
      readonly random: () => number;
    },
  ) {}

  /** The number of milliseconds to wait, somewhere between 0 and a ceiling that doubles. */
  next(): number {
    const { firstMs, maxMs, random } = this.options;
    const ceiling = Math.min(maxMs, firstMs * 2 ** Math.min(this.#tries, 30));
    this.#tries += 1;
    return Math.round(random() * ceiling);
  }

  reset(): void {
    this.#tries = 0;
  }
}
