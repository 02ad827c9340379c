import { FeedReader } from "../../src/engine/feed-reader";
import type { Filtered } from "../../src/engine/filtered";
import type { FeedEvent } from "../../src/model/event";
import { RecordStore } from "../../src/model/record-store";
import { type RowsPage, readBatchPage, readRowsPage } from "../../src/protocol/answers";
import { eventJson, type Json } from "../fakes";

type Said = { id: string; data: Json } | { id: string; cause: string };

const TABLE = { schema: "public", name: "stock", columns: ["id"], key: ["id"] };

/** A feed of a table, or one that is filtered, as its server has it: pages by cursor, and events 1 to `head`. */
export class FakeTable {
  head = 0;
  isTable = true;
  readonly pages = new Map<string | null, Json>();
  readonly events = new Map<number, Json>();
  readonly given: FeedEvent[] = [];
  readonly store = new RecordStore();
  resets = 0;
  /** Cursor and limit of each page that was asked for. */
  readonly asked: [string | null, number][] = [];
  lowest = Infinity;
  onPause = (): void => {};
  readonly reader: FeedReader;

  constructor(history = 100, filter?: Filtered) {
    const rest = {
      feed: async () => ({ epoch: "aaaa", head: this.head, table: this.isTable ? TABLE : null }),
      events: async ({ after, limit }: { after: number; limit: number }) => {
        const events: Json[] = [];
        for (let n = after + 1; n <= this.head && events.length < limit; n += 1) {
          events.push(this.events.get(n) as Json);
        }
        const page = readBatchPage({ epoch: "aaaa", head: this.head, events }, "stock");
        if (page === null) throw new Error("no page");
        return page;
      },
      rows: async (cursor: string | null, limit: number): Promise<RowsPage> => {
        this.asked.push([cursor, limit]);
        const page = readRowsPage(this.pages.get(cursor) ?? {});
        if (page === null) throw new Error(`no page ${cursor}`);
        return page;
      },
      now: () => 0,
      wall: () => 0,
      pause: async () => this.onPause(),
    };
    this.reader = new FeedReader("stock", { history, catchUpLimit: Infinity, filter }, null, rest, {
      events: (events) => {
        this.given.push(...events);
        this.lowest = Math.min(this.lowest, ...events.flatMap(({ place }) => place ?? []));
        this.store.apply(events);
      },
      moved: () => {},
      reset: () => {
        this.resets += 1;
        this.store.clear();
      },
      problem: () => {},
    });
  }

  page(cursor: string | null, rows: Said[], position: string, contains: string[][], next?: string) {
    this.pages.set(cursor, {
      results: rows,
      next: next === undefined ? null : `https://aviso.test/api/?cursor=${next}`,
      position: { epoch: "aaaa", sequence: position, contains },
    });
  }

  /** What happened at a sequence. */
  tell(sequence: number, type: string, id: string, n: number): void {
    const event = eventJson("stock", "aaaa", sequence, type);
    this.events.set(sequence, { ...event, subject: id, data: row(id, n) });
    this.head = Math.max(this.head, sequence);
  }

  /** All rows were taken away at a sequence. */
  empty(sequence: number): void {
    const { subject: _, ...event } = eventJson("stock", "aaaa", sequence);
    this.events.set(sequence, {
      ...event,
      type: "aviso.feed.reset.v1",
      data: { cause: "truncated" },
    });
    this.head = Math.max(this.head, sequence);
  }

  /** Rows below those that were given out. */
  async further(limit: number): Promise<readonly FeedEvent[] | null> {
    const listed = await this.reader.listFurther(this.lowest, limit);
    this.lowest = Math.min(this.lowest, listed?.[0]?.place ?? Infinity);
    return listed;
  }

  catchUp(): Promise<void> {
    return this.reader.catchUp(null, true);
  }

  get shown(): [string, unknown][] {
    return this.store
      .slice(0, this.store.size)
      .filter(({ state }) => state !== "deleted")
      .map(({ key, record }) => [key, record?.data.n]);
  }
}

export const row = (id: string, n: number) => ({ id, data: { n } });
