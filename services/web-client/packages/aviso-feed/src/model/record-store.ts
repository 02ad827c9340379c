/** Folds a feed's events into records. Pure: no DOM, no clock, no network. */

import type { FeedEvent, FeedRecord } from "./event";
import { sizeOf } from "./size";

/** `deleted`: or it left the part that a filter shows (`event` says which). */
export type EntryState = "present" | "deleted" | "unavailable";

/**
 * One line of what a reader sees. `key` is the record's id, or, for an event that could not be
 * relayed, a text that no record has for its id. `sequence` is that of the event with which the entry appeared and gives its
 * place, `event` is the newest. A changed entry is a new object.
 */
export type RecordEntry = {
  readonly key: string;
  readonly state: EntryState;
  readonly sequence: number;
  readonly record: FeedRecord | null;
  readonly event: FeedEvent;
};

/**
 * What one `apply`, `trim` or `clear` changed. `added`, `changed` and `removed` hold keys. `removed`: the
 * oldest, which were too many. `cleared`: entries were taken away, all of them or those from before a
 * reset; what is left `get` says.
 */
export type StoreChange = {
  readonly added: readonly string[];
  readonly changed: readonly string[];
  readonly removed: readonly string[];
  readonly cleared: boolean;
};

/** `bytes`: about what the entries' events take in memory. The newest entry stays, however large it is. */
export type StoreLimit = { readonly records?: number; readonly bytes?: number };

/**
 * Records newest first by their first appearance; a change does not move them.
 *
 * An older event never overwrites a newer one, so events may come in any order: live ones at the
 * top, older ones that somebody scrolled back to below. What orders them is the feed's sequence: a
 * record that was deleted may come back under its id, and its versions then begin anew. Nothing from
 * before a reset counts, whichever comes first. Adding n events to m entries costs O(n log n) at the
 * top and O(n log n + m) further down, and a reset O(m).
 *
 * With a limit the oldest entries go when there are too many. A record that went and changes again
 * comes back as one that is new.
 */
export class RecordStore {
  readonly #limit: StoreLimit;
  readonly #entries = new Map<string, RecordEntry>();
  readonly #sizes = new Map<string, number>();
  #bytes = 0;
  #droppedUpTo = 0;
  /** Keys, oldest first, so that what is new is appended. */
  #order: string[] = [];
  /** The sequence of the last reset; 0 where there was none. */
  #resetAt = 0;
  readonly #listeners = new Set<(change: StoreChange) => void>();

  constructor(options: { readonly limit?: StoreLimit } = {}) {
    this.#limit = options.limit ?? {};
  }

  get size(): number {
    return this.#order.length;
  }

  /** About what the entries' events take in memory. */
  get bytes(): number {
    return this.#bytes;
  }

  /**
   * The newest sequence that an entry had which was taken away as one too many; 0 where none was. Older
   * events are to be asked for from here on: what is below may say less than was known.
   */
  get droppedUpTo(): number {
    return this.#droppedUpTo;
  }

  /** 0 is the newest. */
  at(index: number): RecordEntry | undefined {
    const key = index < 0 ? undefined : this.#order[this.#order.length - 1 - index];
    return key === undefined ? undefined : this.#entries.get(key);
  }

  get(key: string): RecordEntry | undefined {
    return this.#entries.get(key);
  }

  /** Newest first, like Array.slice with two positive arguments. */
  slice(start: number, end: number): RecordEntry[] {
    const entries: RecordEntry[] = [];
    for (let index = Math.max(0, start); index < Math.min(end, this.size); index += 1) {
      entries.push(this.at(index) as RecordEntry);
    }
    return entries;
  }

  apply(events: readonly FeedEvent[]): StoreChange {
    const added: RecordEntry[] = [];
    const changed = new Set<string>();
    const cleared = this.#reset(events);
    for (const event of events) {
      // A list is of what there was behind everything up to its sequence.
      const last = event.place === undefined ? event.sequence : event.sequence + 1;
      if (last <= this.#resetAt) continue;
      const entry = entryFor(event);
      const known = this.#entries.get(entry.key);
      if (known === undefined) {
        added.push(entry);
        this.#set(entry);
      } else if (event.sequence > known.event.sequence) {
        this.#set({ ...entry, sequence: known.sequence });
        changed.add(entry.key);
      }
    }
    this.#place(added);
    const addedKeys = added.map((entry) => entry.key);
    for (const key of addedKeys) changed.delete(key);
    const dropped = this.#drop(this.#limit);
    if (dropped.length === 0) {
      return this.#tell({ added: addedKeys, changed: [...changed], removed: [], cleared });
    }
    const isThere = (key: string): boolean => this.#entries.has(key);
    const isNew = new Set(addedKeys);
    return this.#tell({
      added: addedKeys.filter(isThere),
      changed: [...changed].filter(isThere),
      removed: dropped.filter((key) => !isNew.has(key)),
      cleared,
    });
  }

  /** Take the oldest entries away until no more are left than these. */
  trim(limit: StoreLimit): StoreChange {
    const removed = this.#drop(limit);
    return this.#tell({ added: [], changed: [], removed, cleared: false });
  }

  /** Take these away. Only where no older event of theirs may come any more. */
  remove(keys: readonly string[]): StoreChange {
    const removed = keys.filter((key) => this.#entries.has(key));
    for (const key of removed) this.#delete(key);
    if (removed.length > 0) this.#order = this.#order.filter((key) => this.#entries.has(key));
    return this.#tell({ added: [], changed: [], removed, cleared: false });
  }

  clear(): void {
    this.#resetAt = 0;
    this.#droppedUpTo = 0;
    this.#entries.clear();
    this.#sizes.clear();
    this.#bytes = 0;
    this.#order = [];
    this.#tell({ added: [], changed: [], removed: [], cleared: true });
  }

  /** Returns the function that ends the subscription. */
  subscribe(listener: (change: StoreChange) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Drop what was before the last reset of these; says whether anything was. */
  #reset(events: readonly FeedEvent[]): boolean {
    let resetAt = this.#resetAt;
    for (const { type, sequence } of events) {
      if (type === "reset") resetAt = Math.max(resetAt, sequence);
    }
    // What is there was looked at when the last one came.
    if (resetAt === this.#resetAt) return false;
    this.#resetAt = resetAt;
    const isOver = (key: string): boolean =>
      (this.#entries.get(key)?.event.sequence ?? 0) < this.#resetAt;
    const over = this.#order.filter(isOver);
    for (const key of over) this.#delete(key);
    if (over.length > 0) this.#order = this.#order.filter((key) => this.#entries.has(key));
    return over.length > 0;
  }

  #set(entry: RecordEntry): void {
    const size = sizeOf(entry.event);
    this.#bytes += size - (this.#sizes.get(entry.key) ?? 0);
    this.#sizes.set(entry.key, size);
    this.#entries.set(entry.key, entry);
  }

  #delete(key: string): void {
    this.#bytes -= this.#sizes.get(key) ?? 0;
    this.#sizes.delete(key);
    this.#entries.delete(key);
  }

  #drop({ records = Infinity, bytes = Infinity }: StoreLimit): string[] {
    let count = 0;
    const most = this.size - 1;
    while (count < most && (this.size - count > records || this.#bytes > bytes)) {
      const key = this.#order[count] as string;
      const sequence = this.#entries.get(key)?.event.sequence ?? 0;
      this.#droppedUpTo = Math.max(this.#droppedUpTo, sequence);
      this.#delete(key);
      count += 1;
    }
    return count === 0 ? [] : this.#order.splice(0, count);
  }

  #place(added: readonly RecordEntry[]): void {
    const keys = [...added].sort((a, b) => a.sequence - b.sequence).map((entry) => entry.key);
    const place = (key: string): number => this.#entries.get(key)?.sequence ?? 0;
    const newest = this.#order.at(-1);
    const lowest = keys[0];
    if (lowest === undefined) return;
    const isOnTop = newest === undefined || place(lowest) > place(newest);
    if (isOnTop) {
      for (const key of keys) this.#order.push(key);
    } else {
      this.#order = merge(this.#order, keys, place);
    }
  }

  #tell(change: StoreChange): StoreChange {
    const { added, changed, removed, cleared } = change;
    if (cleared || added.length + changed.length + removed.length > 0) {
      for (const listener of [...this.#listeners]) listener(change);
    }
    return change;
  }
}

function entryFor(event: FeedEvent): RecordEntry {
  const record = event.record ?? null;
  if (record === null) {
    // PostgreSQL has no text with this character in it.
    const key = `\0${event.id}`;
    return { key, state: "unavailable", sequence: placeOf(event), record, event };
  }
  const isGone = event.type === "deleted" || event.type === "left";
  const state = isGone ? "deleted" : "present";
  return { key: event.subject ?? record.id, state, sequence: placeOf(event), record, event };
}

const placeOf = ({ place, sequence }: FeedEvent): number => place ?? sequence;

/** Both ordered by `place`; so is the result. */
function merge(
  left: readonly string[],
  right: readonly string[],
  place: (key: string) => number,
): string[] {
  const merged: string[] = [];
  let next = 0;
  for (const key of left) {
    while (next < right.length && place(right[next] as string) < place(key)) {
      merged.push(right[next] as string);
      next += 1;
    }
    merged.push(key);
  }
  return merged.concat(right.slice(next));
}
