/**
 * The newest records of a feed as a value that changes: what the bindings for React, Vue and Svelte
 * draw. It follows the feed as long as somebody listens.
 */

import { CATCH_UP_LIMIT, readHistory } from "../engine/options";
import { endsReading, type FeedState } from "../engine/states";
import type { Subscription } from "../engine/subscription";
import type { FeedEvent, FeedRecord, RecordData } from "../model/event";
import type { Filter } from "../model/filter";
import type { Position } from "../model/positions";
import type { AvisoClient } from "./client";
import type { RecordsPage } from "./records-client";

export type FeedSnapshot<Data = RecordData> = {
  /** Newest first by first appearance; deleted ones are not among them. */
  readonly records: readonly FeedRecord<Data>[];
  readonly state: FeedState;
  /** How many events are known to exist that are not in `records` yet. */
  readonly behind: number;
  /** With a filter: more records match than are in `records`. */
  readonly isCut: boolean;
};

export type FeedViewOptions<Data = RecordData> = {
  /** Only records with these values, for as long as they have them. */
  readonly filter?: Filter<Data>;
  /**
   * What `client.list` gave for the same feed and filter, on a server for one: these records are there
   * from the first drawing on, and it goes on from their position.
   */
  readonly initial?: Omit<RecordsPage<Data>, "unavailable"> | undefined;
  /** How many records, at most; and with how many of the newest events, or records, it begins. Default 50. */
  readonly limit?: number;
};

export const DEFAULT_LIMIT = 50;

const NOTHING: FeedSnapshot<never> = {
  records: [],
  state: { kind: "connecting" },
  behind: 0,
  isCut: false,
};

/** A snapshot stays the same object until something in it changes; so does each record. */
export class FeedView<Data = RecordData> {
  readonly #limit: number;
  /** By key, oldest first. */
  readonly #records = new Map<string, FeedRecord<Data>>();
  readonly #listeners = new Set<{ readonly onChange: () => void }>();
  #subscription: Subscription<Data> | null = null;
  #position: Position | null = null;
  /** Records that match were let go of. */
  #isCut = false;
  #snapshot: FeedSnapshot<Data> = NOTHING;
  #first: FeedSnapshot<Data> = NOTHING;

  constructor(
    private readonly client: AvisoClient,
    private readonly feed: string,
    private readonly options: FeedViewOptions<Data> = {},
  ) {
    this.#limit = readHistory(options.limit, DEFAULT_LIMIT, 1);
    const { initial, filter } = options;
    // What is followed now may be another than the page was made with.
    if (initial?.feed !== feed || textOf(initial.filter) !== textOf(filter)) return;
    const records = initial.records.slice(0, this.#limit);
    for (const record of [...records].reverse()) this.#records.set(record.id, record);
    this.#position = initial.position;
    this.#isCut = initial.next !== null || records.length < initial.records.length;
    this.#snapshot = { ...NOTHING, records, isCut: this.#isCut && filter !== undefined };
    this.#first = this.#snapshot;
  }

  readonly snapshot = (): FeedSnapshot<Data> => this.#snapshot;

  /** What is there before anything is: on a server, and at the first drawing in a browser. */
  readonly first = (): FeedSnapshot<Data> => this.#first;

  /** Returns the function that ends it. The last one that ends it lets go of the feed. */
  readonly subscribe = (onChange: () => void): (() => void) => {
    const entry = { onChange };
    this.#listeners.add(entry);
    if (this.#subscription === null) this.#open();
    return () => {
      if (!this.#listeners.delete(entry)) return;
      // Who comes back at once (React's StrictMode, a list that is drawn anew) goes on with it.
      setTimeout(() => {
        if (this.#listeners.size === 0) this.#close();
      });
    };
  };

  /** From where it was let go of, where it was followed before. */
  #open(): void {
    const position = this.#position;
    const { filter } = this.options;
    const subscription = this.client.subscribe<Data>(this.feed, {
      ...(filter !== undefined && { filter }),
      history: this.#limit,
      catchUpLimit: Math.max(CATCH_UP_LIMIT, this.#limit),
      ...(position !== null && { position }),
    });
    this.#subscription = subscription;
    subscription.on("events", ({ events }) => {
      for (const event of events) this.#take(event);
      this.#isCut ||= subscription.isCut;
      this.#change(true);
    });
    subscription.on("reset", () => {
      this.#clear();
      this.#change(true);
    });
    subscription.on("state", (state) => {
      const isShut = state.kind === "refused" && endsReading(state.code);
      // What is not open any more is not left on the screen.
      if (isShut) this.#records.clear();
      this.#change(isShut);
    });
  }

  #close(): void {
    const subscription = this.#subscription;
    this.#subscription = null;
    this.#position = subscription?.position ?? null;
    subscription?.close();
  }

  #take({ type, subject, record }: FeedEvent<Data>): void {
    if (type === "reset") this.#clear();
    if (record === undefined) return;
    const key = subject ?? record.id;
    if (type === "deleted" || type === "left") this.#records.delete(key);
    else this.#records.set(key, record);
    const [oldest] = this.#records.keys();
    if (this.#records.size <= this.#limit || oldest === undefined) return;
    this.#records.delete(oldest);
    this.#isCut = true;
  }

  #clear(): void {
    this.#records.clear();
    this.#isCut = false;
  }

  #change(isOtherRecords: boolean): void {
    const state = this.#subscription?.state;
    if (state === undefined) return;
    this.#snapshot = {
      records: isOtherRecords ? [...this.#records.values()].reverse() : this.#snapshot.records,
      state,
      behind: state.kind === "catching-up" ? state.left : 0,
      isCut: this.#isCut && this.options.filter !== undefined,
    };
    for (const { onChange } of [...this.#listeners]) onChange();
  }
}

const textOf = (filter: unknown): string => JSON.stringify(filter ?? {});
