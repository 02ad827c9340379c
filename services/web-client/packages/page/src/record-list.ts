/**
 * `<record-list>`: the rows of one feed, newest first.
 *
 * Every entry that is shown has its row in the document, for scripts and for the keyboard; only rows
 * near the screen have content. Rows stand in blocks of a fixed number: a block far away is as high
 * as it was when last seen, or as blocks are on average. A change touches the rows it is about and no
 * other. While the reader is further down, new entries wait, so that nothing moves under the eyes.
 */

import { everySecond } from "./clock";
import { coalesce } from "./coalesce";
import { FreshMarks } from "./fresh-marks";
import type { RecordEntry } from "./library";
import type { Reading } from "./reading";
import { RecordRow } from "./record-row";
import { RowBlocks } from "./row-blocks";
import type { ShownRecords } from "./shown-records";
import type { FeedChange } from "./watched-feed";

/** For how many milliseconds rows are made in one go; more follow in the next frames. */
const TURN_MS = 8;
/**
 * The number of milliseconds between two goes while the feed catches up: each puts what is newest on the
 * screen, and the next takes it away.
 */
const CATCHING_UP_PACE_MS = 2_000;
/** Up to how many rows glide in together. */
const ROWS_GLIDING = 3;

export class RecordList extends HTMLElement {
  #feed: ShownRecords | null = null;
  #reading: Reading | null = null;
  #stopFeed: (() => void) | null = null;
  #stopClock: (() => void) | null = null;
  #isReading = false;

  #arrived: RecordRow[] = [];

  readonly #rows = new Map<string, RecordRow>();
  readonly #fresh = new FreshMarks<RecordRow>();
  readonly #blocks = new RowBlocks(this, (row) => {
    if (this.#reading !== null) row.reading = this.#reading;
  });
  /** Keys with a change that no row shows yet. */
  readonly #pending = new Set<string>();
  /** What one turn had no time for, the next one last: it is taken from the end. */
  #backlog: string[] = [];
  /** Keys newer than the newest row, kept back while the reader is further down. */
  readonly #waiting = new Set<string>();
  readonly #flushSoon = coalesce(() => this.#flush());
  readonly #flushLater = coalesce(() => this.#flush(), CATCHING_UP_PACE_MS);
  readonly #flushOn = coalesce(() => this.#flush(), 0);

  connectedCallback(): void {
    this.#stopClock = everySecond(() => this.#age());
    this.addEventListener("animationend", (event) => {
      if (event.target instanceof RecordRow) event.target.classList.remove("is-entering");
    });
  }

  disconnectedCallback(): void {
    this.#stopClock?.();
    this.#letGo();
  }

  set reading(reading: Reading) {
    if (this.#reading === reading) return;
    this.#reading = reading;
    this.#blocks.eachNearRow((row) => {
      row.reading = reading;
    });
  }

  set feed(feed: ShownRecords) {
    if (this.#feed === feed) return;
    this.#letGo();
    this.#feed = feed;
    feed.isReadingOlder = this.#isReading;
    this.dataset.feed = feed.info.slug;
    this.#stopFeed = feed.subscribe((change) => this.#onChange(change));
    for (const entry of feed.records.slice(0, feed.records.size)) this.#pending.add(entry.key);
    this.#flush();
  }

  /** Whether the reader is busy further down: new entries then wait. */
  set isReading(isReading: boolean) {
    if (this.#isReading === isReading) return;
    this.#isReading = isReading;
    if (this.#feed !== null) this.#feed.isReadingOlder = isReading;
    if (!isReading && this.#waiting.size > 0) this.showWaiting();
  }

  get rowCount(): number {
    return this.#rows.size;
  }

  get waitingCount(): number {
    return this.#waiting.size;
  }

  /** Whether each row that there is to show stands there: many are made in several goes. */
  get isComplete(): boolean {
    return this.#pending.size === 0 && this.#backlog.length === 0;
  }

  /** The rows in the order they stand. */
  get firstRow(): RecordRow | null {
    return this.#blocks.rowAt(0);
  }

  rowBeside(row: RecordRow, step: 1 | -1): RecordRow | null {
    return this.#blocks.rowBeside(row, step);
  }

  get lastRow(): RecordRow | null {
    return this.#blocks.lastRow;
  }

  /** Give content to the rows around this one at once, so that it can be scrolled to. */
  bringNear(row: RecordRow): void {
    this.#blocks.bringNear(row);
  }

  showWaiting(): void {
    for (const key of this.#waiting) this.#pending.add(key);
    this.#waiting.clear();
    this.#flush({ isForced: true });
  }

  #onChange(change: FeedChange): void {
    const isCatchingUp = this.#feed?.state.kind === "catching-up";
    if (change === null) {
      this.#describe();
      if (this.#pending.size > 0 && !isCatchingUp) this.#flushSoon();
      return;
    }
    if (change.cleared) this.#dropMissing();
    for (const key of change.removed) this.#pending.add(key);
    for (const key of change.added) this.#pending.add(key);
    for (const key of change.changed) this.#pending.add(key);
    if (isCatchingUp) this.#flushLater();
    else this.#flushSoon();
  }

  #flush(options: { readonly isForced?: boolean } = {}): void {
    const feed = this.#feed;
    if (feed === null) return;
    this.#queuePending(feed);
    const end = performance.now() + TURN_MS;
    while (this.#backlog.length > 0 && performance.now() < end) {
      this.#showKey(this.#backlog.pop() as string, feed, options.isForced ?? false);
    }
    if (this.#backlog.length > 0) this.#flushOn();
    this.#describe();
    this.dispatchEvent(new CustomEvent("rows-change"));
    this.#enter();
  }

  /** The newest come first: they are on the screen, and what is below needs no content yet. */
  #queuePending(feed: ShownRecords): void {
    if (this.#pending.size === 0) return;
    const sequence = (key: string) => feed.records.get(key)?.sequence ?? 0;
    const keys = [...this.#pending].sort((one, other) => sequence(one) - sequence(other));
    this.#pending.clear();
    this.#backlog.push(...keys);
  }

  #showKey(key: string, feed: ShownRecords, isForced: boolean): void {
    const entry = feed.records.get(key);
    const row = this.#rows.get(key);
    if (entry === undefined) this.#drop(key);
    else if (row !== undefined) this.#update(row, entry);
    else if (!isForced && this.#mustWait(entry)) this.#waiting.add(key);
    else this.#insert(entry, feed.newAfter);
  }

  #mustWait(entry: RecordEntry): boolean {
    return this.#isReading && this.#rows.size > 0 && entry.sequence > this.#blocks.newestSequence;
  }

  #insert(entry: RecordEntry, newAfter: number): void {
    const row = new RecordRow();
    row.show(entry);
    this.#rows.set(entry.key, row);
    this.#blocks.insert(row, entry.sequence);
    if (entry.event.place !== undefined || entry.event.sequence <= newAfter) return;
    this.#markFresh(row);
    this.#arrived.push(row);
  }

  /** Let few rows glide in; many at once would only flicker. */
  #enter(): void {
    const arrived = this.#arrived;
    this.#arrived = [];
    if (arrived.length === 0) return;
    if (arrived.length <= ROWS_GLIDING) for (const row of arrived) row.classList.add("is-entering");
    this.dispatchEvent(new CustomEvent("records-arrive", { detail: arrived.length }));
  }

  #update(row: RecordRow, entry: RecordEntry): void {
    if (row.entry === entry) return;
    const isNewer = entry.event.sequence > row.entry.event.sequence;
    row.show(entry);
    if (isNewer) this.#markFresh(row);
  }

  #drop(key: string): void {
    this.#waiting.delete(key);
    const row = this.#rows.get(key);
    if (row === undefined) return;
    this.#rows.delete(key);
    this.#fresh.delete(row);
    this.#blocks.remove(row);
  }

  /** What was cleared may come back at once; rows that did stay where they are. */
  #dropMissing(): void {
    for (const key of this.#rows.keys()) this.#pending.add(key);
    for (const key of this.#waiting) this.#pending.add(key);
    this.#flushSoon();
  }

  #letGo(): void {
    this.#stopFeed?.();
    this.#stopFeed = null;
    // Nobody reads what is not on the page.
    if (this.#feed !== null) this.#feed.isReadingOlder = false;
    this.#feed = null;
    this.#clear();
  }

  #clear(): void {
    this.#rows.clear();
    this.#fresh.clear();
    this.#pending.clear();
    this.#backlog = [];
    this.#waiting.clear();
    this.#blocks.clear();
    this.dispatchEvent(new CustomEvent("rows-change"));
  }

  #markFresh(row: RecordRow): void {
    row.isFresh = true;
    this.#fresh.add(row);
  }

  #age(): void {
    for (const row of this.#fresh.age()) row.isFresh = false;
  }

  #describe(): void {
    // A feed owns articles; without any it is only a named place.
    this.setAttribute("role", this.#rows.size > 0 ? "feed" : "group");
    const position = this.#feed?.applied;
    this.#setData("count", this.#rows.size);
    this.#setData("waiting", this.#waiting.size);
    this.#setData("position", position?.sequence ?? 0);
    this.#setData("epoch", position?.epoch ?? "");
  }

  #setData(name: string, value: string | number): void {
    const text = String(value);
    if (this.dataset[name] !== text) this.dataset[name] = text;
  }
}

customElements.define("record-list", RecordList);
