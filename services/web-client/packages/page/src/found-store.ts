/** Entries in the order of their places, the newest first; the oldest leave when they are too many. */

import type { RecordEntry } from "./library";
import { placeOf } from "./row-order";

/** A search that goes on finding has a bounded number of records in memory. */
export const MOST_FOUND = 5_000;

export class FoundStore {
  readonly #entries = new Map<string, RecordEntry>();
  /** Keys, and beside them their places, both from the highest down. */
  readonly #keys: string[] = [];
  readonly #places: number[] = [];

  get size(): number {
    return this.#keys.length;
  }

  get(key: string): RecordEntry | undefined {
    return this.#entries.get(key);
  }

  slice(start: number, end: number): RecordEntry[] {
    return this.#keys.slice(start, end).map((key) => this.#entries.get(key) as RecordEntry);
  }

  /** Put an entry at its place; a known one keeps the place that it has. Returns whose entry had to leave. */
  put(entry: RecordEntry): string | null {
    if (!this.#entries.has(entry.key)) {
      const index = placeOf(entry.sequence, this.#places);
      this.#keys.splice(index, 0, entry.key);
      this.#places.splice(index, 0, entry.sequence);
    }
    this.#entries.set(entry.key, entry);
    if (this.size <= MOST_FOUND) return null;
    const oldest = this.#keys.at(-1) as string;
    this.remove(oldest);
    return oldest;
  }

  remove(key: string): void {
    const index = this.#keys.indexOf(key);
    if (index === -1) return;
    this.#keys.splice(index, 1);
    this.#places.splice(index, 1);
    this.#entries.delete(key);
  }

  clear(): void {
    this.#entries.clear();
    this.#keys.length = 0;
    this.#places.length = 0;
  }
}
