/**
 * Which drawn row shows which record. A record keeps its row while it is in sight, and a row whose
 * record has gone takes one that came: where much arrives all records in sight are others several
 * times a second, and to make their rows anew costs a browser more than all else about them. Pure.
 */

export class RowSlots {
  /** By the record's key, in the order in which they are drawn. */
  #slots = new Map<string, number>();
  readonly #held = new Set<number>();
  #unused = 0;

  /** The row of each of these records, which are all that are drawn now. */
  assign(keys: readonly string[]): readonly number[] {
    const drawn = new Set(keys);
    const free: number[] = [];
    for (const [key, slot] of this.#slots) {
      if (!drawn.has(key) && !this.#held.delete(slot)) free.push(slot);
    }
    const known = this.#slots;
    this.#slots = new Map();
    for (const key of keys) this.#slots.set(key, known.get(key) ?? free.shift() ?? this.#unused++);
    return [...this.#slots.values()];
  }

  /** Somebody has this record's row in hand: it never shows another one. */
  hold(key: string): void {
    const slot = this.#slots.get(key);
    if (slot !== undefined) this.#held.add(slot);
  }
}
