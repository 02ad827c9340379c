/**
 * An event log in the browser's IndexedDB.
 *
 * `feeds` has a row for each feed: its position and what is kept of it; `pieces` has the events, some in
 * each, as JSON with all digits, by feed and a number that goes up. Both change in one transaction.
 */

import type { FeedEvent } from "../model/event";
import {
  type EventLog,
  inPieces,
  isOf,
  join,
  type Kept,
  type LogKey,
  type LogLimit,
  type LogOptions,
  type LogState,
  limitOf,
  type Passage,
  type Whose,
} from "../model/event-log";
import { parseExactJson, stringifyExactJson } from "../model/exact-json";
import { bytesOf } from "../model/size";

const NAME = "aviso-feed";
const VERSION = 1;
/**
 * So long opening it is waited for: another page that has an older version, or from which it is being
 * deleted, may not let go of it.
 */
const OPEN_LIMIT_MS = 5_000;
/** What comes before, and behind, each number in a compound key. */
const FIRST = Number.NEGATIVE_INFINITY;
const LAST = Number.POSITIVE_INFINITY;

type FeedRow = LogKey & {
  readonly id: string;
  readonly epoch: string;
  readonly sequence: number;
  readonly anchor: string | null;
  readonly isListed: boolean;
  readonly at: number;
  readonly count: number;
  readonly bytes: number;
  /** The numbers of its oldest piece, and of the next one to come. */
  readonly first: number;
  readonly next: number;
};

/** `text`: an array of events. */
type Piece = {
  readonly id: string;
  readonly n: number;
  readonly count: number;
  readonly text: string;
};
type Stores = { readonly feeds: IDBObjectStore; readonly pieces: IDBObjectStore };

/** One for a page: each has a connection of its own. Made where there is no IndexedDB it keeps nothing. */
export function indexedDbLog(
  options: LogOptions = {},
  // Where a browser keeps it from a page, to look at it throws.
  factory: () => IDBFactory | undefined = () => globalThis.indexedDB,
): EventLog {
  return new IndexedDbLog(limitOf(options), options.private ?? false, factory);
}

/** The database is not open after a while. */
class NotYet extends Error {}

class IndexedDbLog implements EventLog {
  #state: LogState = "working";
  readonly #listeners = new Set<(state: LogState) => void>();
  #database: Promise<IDBDatabase> | null = null;

  constructor(
    readonly limit: LogLimit,
    readonly keepsPrivate: boolean,
    private readonly factory: () => IDBFactory | undefined,
  ) {}

  get state(): LogState {
    return this.#state;
  }

  onState(listener: (state: LogState) => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  async read(key: LogKey): Promise<Kept | null> {
    const id = idOf(key);
    const found = await this.#try("readonly", async ({ feeds, pieces }) => {
      const row = await answerTo<FeedRow | undefined>(feeds.get(id));
      return row && { row, parts: await answerTo<Piece[]>(pieces.getAll(rangeOf(id))) };
    });
    if (!found) return null;
    const { epoch, sequence, anchor, isListed, at } = found.row;
    try {
      const events = found.parts.flatMap(({ text }) => parseExactJson(text) as FeedEvent[]);
      return { position: { epoch, sequence }, anchor, isListed, at, events };
    } catch {
      await this.drop(key);
      return null;
    }
  }

  async append(key: LogKey, passage: Passage): Promise<void> {
    // There may be room again: other pages write and let go too.
    const write = (): Promise<unknown> =>
      this.#try("readwrite", (to) => this.#add(key, passage, to));
    await write();
    if (this.#state !== "full") return;
    // What others keep is worth less than going on here.
    const id = idOf(key);
    await this.#try("readwrite", (from) => removeWhere(from, (row) => row.id !== id));
    await write();
  }

  async drop(key: LogKey): Promise<void> {
    await this.#try("readwrite", async (from) => remove(idOf(key), from));
  }

  async wipe(whose: Whose): Promise<void> {
    await this.#try("readwrite", (from) => removeWhere(from, (row) => isOf(row, whose)));
  }

  async #add(key: LogKey, passage: Passage, stores: Stores): Promise<void> {
    const { feeds, pieces } = stores;
    const id = idOf(key);
    const known = await answerTo<FeedRow | undefined>(feeds.get(id));
    const joined = join(known ?? null, passage);
    if (joined.kind === "known") return;
    if (joined.kind === "anew") remove(id, stores);
    const before = joined.kind === "anew" ? undefined : known;
    const events = joined.kind === "anew" ? passage.events : joined.events;
    const sized = events.map((event) => {
      const text = stringifyExactJson(event);
      return { text, bytes: bytesOf(text) };
    });
    let { count, bytes, first, next } = before ?? { count: 0, bytes: 0, first: 0, next: 0 };
    for (const piece of inPieces(sized, this.limit)) {
      const text = `[${piece.map((each) => each.text).join(",")}]`;
      pieces.put({ id, n: next, count: piece.length, text } satisfies Piece);
      next += 1;
      count += piece.length;
      bytes += bytesOf(text);
    }
    while ((count > this.limit.events || bytes > this.limit.bytes) && first < next - 1) {
      const oldest = await answerTo<Piece | undefined>(pieces.get([id, first]));
      pieces.delete([id, first]);
      first += 1;
      count -= oldest?.count ?? 0;
      bytes -= bytesOf(oldest?.text ?? "");
    }
    const { epoch, sequence } = passage.to;
    const isListed = before?.isListed || events.some(({ place }) => place !== undefined);
    const anchor = passage.anchor ?? before?.anchor ?? null;
    const row: FeedRow = {
      ...key,
      ...{ id, epoch, sequence, anchor, isListed, at: Date.now(), count, bytes, first, next },
    };
    feeds.put(row);
    if (known === undefined) await this.#dropOldest(stores, id);
  }

  /** `written`: the newest, whatever a clock that was set back says. */
  async #dropOldest(stores: Stores, written: string): Promise<void> {
    const rows = await answerTo<FeedRow[]>(stores.feeds.getAll());
    const at = (row: FeedRow): number => (row.id === written ? Number.POSITIVE_INFINITY : row.at);
    rows.sort((one, other) => at(other) - at(one));
    for (const { id } of rows.slice(this.limit.feeds)) remove(id, stores);
  }

  /** Do this in one transaction; undefined where it could not be done, and then the state says why. */
  async #try<Answer>(
    mode: IDBTransactionMode,
    work: (stores: Stores) => Promise<Answer>,
  ): Promise<Answer | undefined> {
    try {
      const transaction = (await this.#opened()).transaction(["feeds", "pieces"], mode);
      const done = endOf(transaction);
      const [feeds, pieces] = [transaction.objectStore("feeds"), transaction.objectStore("pieces")];
      const [result] = await Promise.all([
        work({ feeds, pieces }).catch((error) => {
          // All of it or nothing.
          const cause = transaction.error ?? error;
          abort(transaction);
          throw cause;
        }),
        done,
      ]);
      if (mode === "readwrite" || this.#state === "unavailable") this.#become("working");
      return result;
    } catch (error) {
      const isFull = (error as { name?: unknown } | null)?.name === "QuotaExceededError";
      // One that is still being opened may come yet, and is not asked for twice.
      if (!isFull && !(error instanceof NotYet)) this.#database = null;
      this.#become(isFull ? "full" : "unavailable");
      return undefined;
    }
  }

  /** Rejects with NotYet after a while. */
  async #opened(): Promise<IDBDatabase> {
    this.#database ??= this.#open();
    let timer: ReturnType<typeof setTimeout> | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(new NotYet()), OPEN_LIMIT_MS);
    });
    return Promise.race([this.#database, late]).finally(() => clearTimeout(timer));
  }

  async #open(): Promise<IDBDatabase> {
    const factory = this.factory();
    if (factory === undefined) throw new Error("There is no IndexedDB.");
    const request = factory.open(NAME, VERSION);
    request.onupgradeneeded = () => {
      request.result.createObjectStore("feeds", { keyPath: "id" });
      request.result.createObjectStore("pieces", { keyPath: ["id", "n"] });
    };
    const database = await answerTo(request);
    const letGo = (): void => {
      database.close();
      this.#database = null;
    };
    // A page of a later version wants to change it, or somebody deletes it.
    database.onversionchange = letGo;
    database.onclose = letGo;
    return database;
  }

  #become(state: LogState): void {
    if (state === this.#state) return;
    this.#state = state;
    for (const listener of [...this.#listeners]) listener(state);
  }
}

function answerTo<Answer>(request: IDBRequest<Answer>): Promise<Answer> {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}

function endOf(transaction: IDBTransaction): Promise<void> {
  return new Promise((resolve, reject) => {
    transaction.oncomplete = () => resolve();
    transaction.onabort = () => reject(transaction.error);
  });
}

function abort(transaction: IDBTransaction): void {
  try {
    transaction.abort();
  } catch {
    // It has ended.
  }
}

const idOf = ({ origin, reader, feed }: LogKey): string => JSON.stringify([origin, reader, feed]);

const rangeOf = (id: string): IDBKeyRange => IDBKeyRange.bound([id, FIRST], [id, LAST]);

function remove(id: string, { feeds, pieces }: Stores): void {
  feeds.delete(id);
  pieces.delete(rangeOf(id));
}

async function removeWhere(stores: Stores, isOver: (row: FeedRow) => boolean): Promise<void> {
  const rows = await answerTo<FeedRow[]>(stores.feeds.getAll());
  for (const row of rows) if (isOver(row)) remove(row.id, stores);
}
