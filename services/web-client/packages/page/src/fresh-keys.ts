/** Which records are marked as new, each for so many seconds. */

const FRESH_SECONDS = 20;

export class FreshKeys {
  readonly #left = new Map<string, number>();

  add(key: string): void {
    this.#left.set(key, FRESH_SECONDS);
  }

  has(key: string): boolean {
    return this.#left.has(key);
  }

  clear(): void {
    this.#left.clear();
  }

  /** A second has passed; says whether a mark is gone. */
  age(): boolean {
    let isGone = false;
    for (const [key, seconds] of this.#left) {
      if (seconds > 1) this.#left.set(key, seconds - 1);
      else isGone = this.#left.delete(key);
    }
    return isGone;
  }
}
