/** What is marked as new, each for so many seconds. */

const FRESH_SECONDS = 20;

export class FreshMarks<Marked> {
  readonly #left = new Map<Marked, number>();

  add(marked: Marked): void {
    this.#left.set(marked, FRESH_SECONDS);
  }

  has(marked: Marked): boolean {
    return this.#left.has(marked);
  }

  delete(marked: Marked): void {
    this.#left.delete(marked);
  }

  clear(): void {
    this.#left.clear();
  }

  /** A second has passed; returns what is not new any more. */
  age(): readonly Marked[] {
    const gone: Marked[] = [];
    for (const [marked, seconds] of this.#left) {
      if (seconds > 1) this.#left.set(marked, seconds - 1);
      else gone.push(marked);
    }
    for (const marked of gone) this.#left.delete(marked);
    return gone;
  }
}
