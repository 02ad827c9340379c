/**
 * Writes what is done to a collection's rows to the feed, over REST. A write is done when its event
 * is there, so that the row never falls back in between; where that takes too long, the server's answer
 * stands in for it.
 */

import type { FeedRecord } from "../../model/event";
import { asWritten } from "../../model/exact-json";
import type { AvisoClient } from "../client";
import { withDigitsOf } from "./kept-numbers";
import type { SyncedRows, Wanted } from "./synced-rows";

type Mutation<Data> = {
  readonly key: string;
  readonly modified: FeedRecord<Data>;
};

type Change<Data> = Mutation<Data> & { readonly original: FeedRecord<Data> };

type Target<Data> = {
  readonly client: AvisoClient;
  readonly feed: string;
  readonly token: string | undefined;
  readonly confirmWithinMs: number;
  /** Whether a record with this data is one of the rows. */
  readonly isRow: (data: Data) => boolean;
  /** null while nothing is followed. */
  readonly rows: () => SyncedRows<Data> | null;
};

/** What a write has come to. `record`: as the server has it now; null: it is deleted. */
type Written<Data> = { readonly version: Wanted; readonly record: FeedRecord<Data> | null };

export class RecordWriter<Data> {
  readonly #target: Target<Data>;
  /** The last write of each record that is under way. */
  readonly #last = new Map<string, Promise<Written<Data>>>();

  constructor(target: Target<Data>) {
    this.#target = target;
  }

  /** All of them in one request: the server takes all or none. */
  async insert(mutations: readonly Mutation<Data>[]): Promise<void> {
    const { client, feed, token } = this.#target;
    const drafts = mutations.map(({ key, modified }) => ({ id: key, data: modified.data }));
    const before = Promise.all(drafts.map(({ id }) => this.#last.get(id)));
    const [first, ...others] = drafts;
    // What is wrong with one alone is told without a place in a list.
    const isOne = first !== undefined && others.length === 0;
    const sent = before.then<unknown>(() =>
      isOne
        ? client.create(feed, first.data, { id: first.id, token })
        : client.createAll(feed, drafts, { token }),
    );
    await allOf(
      drafts.map(({ id, data }) => {
        const record = { id, version: 1, data };
        return this.#write(id, () => sent.then(() => ({ version: 1, record }))).seen;
      }),
    );
  }

  update(mutations: readonly Change<Data>[]): Promise<void> {
    const { client, feed, token } = this.#target;
    return this.#inTurn(mutations, async ({ key, modified, original }, version) => {
      const data = withDigitsOf(asWritten(original.data), modified.data) as Data;
      const options = { token, version: version ?? original.version };
      const record = await client.replace<Data>(feed, key, data, options);
      return { version: record.version ?? 0, record };
    });
  }

  remove(mutations: readonly Change<Data>[]): Promise<void> {
    const { client, feed, token } = this.#target;
    return this.#inTurn(mutations, async ({ key, original }, version) => {
      await client.remove(feed, key, { token, version: version ?? original.version });
      return { version: "deleted", record: null };
    });
  }

  /** One request after the other, and none after one that failed. */
  #inTurn(
    mutations: readonly Change<Data>[],
    send: (mutation: Change<Data>, version: number | undefined) => Promise<Written<Data>>,
  ): Promise<void> {
    let turn: Promise<unknown> | undefined;
    const writes = mutations.map((mutation) => {
      const earlier = turn;
      const { sent, seen } = this.#write(mutation.key, async (version) => {
        await earlier;
        return send(mutation, version);
      });
      turn = sent;
      return seen;
    });
    return allOf(writes);
  }

  /**
   * After the write of the same record that is under way, whose version it is given; what builds on one
   * that failed fails as well. `seen`: its event came, or its time is over.
   */
  #write(
    id: string,
    send: (version: number | undefined) => Promise<Written<Data>>,
  ): { readonly sent: Promise<Written<Data>>; readonly seen: Promise<void> } {
    const before = this.#last.get(id);
    const sent = (async () => {
      const written = await before;
      return send(typeof written?.version === "number" ? written.version : undefined);
    })();
    this.#last.set(id, sent);
    const seen = this.#seeEvent(id, sent).finally(() => {
      if (this.#last.get(id) === sent) this.#last.delete(id);
    });
    return { sent, seen };
  }

  async #seeEvent(id: string, sent: Promise<Written<Data>>): Promise<void> {
    const rows = this.#target.rows();
    const watched = rows?.watch(id);
    try {
      const { version, record } = await sent;
      if (rows === null || watched === undefined) return;
      const row = record !== null && this.#target.isRow(record.data) ? record : null;
      // Nothing comes of what matches no filter and did not before.
      if (row === null && !rows.has(id)) return;
      const { watch } = watched;
      const listen = (onNews: () => void): void => {
        watch.onNews = onNews;
      };
      const isSeen = await isSoon(() => watch.has(version), listen, this.#target.confirmWithinMs);
      if (!isSeen && rows === this.#target.rows()) rows.showAhead(id, version, row);
    } finally {
      watched?.end();
    }
  }
}

/** All have come to an end, whatever became of the others; the first failure is that of all. */
async function allOf(writes: readonly Promise<void>[]): Promise<void> {
  const outcomes = await Promise.allSettled(writes);
  const failed = outcomes.find((outcome) => outcome.status === "rejected");
  if (failed !== undefined) throw failed.reason;
}

/** Whether it becomes true within the time. */
function isSoon(
  isTrue: () => boolean,
  listen: (onNews: () => void) => void,
  withinMs: number,
): Promise<boolean> {
  return new Promise((resolve) => {
    if (isTrue()) return resolve(true);
    const timer = setTimeout(() => resolve(false), withinMs);
    listen(() => {
      if (!isTrue()) return;
      clearTimeout(timer);
      resolve(true);
    });
  });
}
