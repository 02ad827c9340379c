/**
 * How a feed beats: how much arrives, when the last of it was written, how long it took to come here.
 * Only what arrives as it happens counts. It keeps counts of a few minutes and no event. Pure: the time
 * is handed in, by the browser's clock and in milliseconds, and how far the server's is ahead of it.
 */

import type { FeedEvent } from "./library";
import type { Bounds } from "./server-clock";

/** What is counted together. */
export const BIN_MS = 5000;
/** Five minutes. */
export const BINS = 60;
const BINS_OF_RATE = 3;
const BINS_OF_MINUTE = 12;
const MINUTE_MS = 60_000;
const MOST_LAGS = 32;

export interface Beat {
  /** Events a second of the last 10 to 15 s; null: it is not followed as it happens. */
  readonly rate: number | null;
  /** Events of the last minute, of which up to 5 s may be missing. */
  readonly lastMinute: number;
  /** Events of each whole bin, the oldest first; null: nobody was there to count. */
  readonly line: readonly (number | null)[];
  /** When the newest event was written, by the database's clock. */
  readonly lastAt: number | null;
  /** How long events took from being written to arriving: the middle of the last minute's. */
  readonly lag: Bounds | null;
}

type Lag = { readonly at: number; readonly bounds: Bounds | null };

export class Pulse {
  #bins: (number | null)[] = noBins();
  /** The number of the last bin, counted from 1970. */
  #bin = 0;
  #liveSince: number | null = null;
  #lastAt: number | null = null;
  #lags: readonly Lag[] = [];

  /** Say whether events are told as they happen. */
  setLive(isLive: boolean, now: number): void {
    if (isLive === (this.#liveSince !== null)) return;
    this.#advance(now);
    this.#liveSince = isLive ? now : null;
    if (isLive) this.#bins[BINS - 1] ??= 0;
  }

  /** Note the feed's next events, which were fetched; listed records are no events. */
  pass(events: readonly FeedEvent[]): void {
    const last = events.findLast(({ type }) => type !== "listed" && type !== "reset");
    const time = Date.parse(last?.time ?? "");
    if (!Number.isNaN(time)) this.#lastAt = time;
  }

  /** Note the feed's next events, which arrive as they happen. `ahead`: as ServerClock says. */
  arrive(events: readonly FeedEvent[], now: number, ahead: Bounds | null): void {
    this.pass(events);
    const happened = events.filter(({ type }) => type !== "listed" && type !== "reset");
    const first = happened[0];
    if (first === undefined) return;
    this.setLive(true, now);
    this.#advance(now);
    this.#bins[BINS - 1] = (this.#bins[BINS - 1] ?? 0) + happened.length;
    if (ahead === null) return;
    const lag = { at: now, bounds: lagOf(first, now, ahead) };
    this.#lags = [...this.#lags, lag].slice(-MOST_LAGS);
  }

  /** Another life of the feed begins, or nothing of it is to be known any more. */
  clear(): void {
    this.#dropCounts();
    this.#lastAt = null;
  }

  beatAt(now: number): Beat {
    this.#advance(now);
    return {
      rate: this.#rateAt(now),
      lastMinute: sum(this.#bins.slice(-BINS_OF_MINUTE)),
      line: this.#bins.slice(0, -1),
      lastAt: this.#lastAt,
      lag: this.#lagAt(now),
    };
  }

  #rateAt(now: number): number | null {
    if (this.#liveSince === null) return null;
    const counted = now - (this.#bin - BINS_OF_RATE + 1) * BIN_MS;
    const followed = now - this.#liveSince;
    const seconds = Math.max(1000, Math.min(counted, followed)) / 1000;
    return sum(this.#bins.slice(-BINS_OF_RATE)) / seconds;
  }

  #lagAt(now: number): Bounds | null {
    if (this.#liveSince === null) return null;
    const recent = this.#lags.filter(({ at }) => now - at < MINUTE_MS);
    const lags = recent.length > 0 ? recent : this.#lags.slice(-1);
    const known = lags.flatMap(({ bounds }) => bounds ?? []).sort((a, b) => a.to - b.to);
    // Where some contradict the clocks, the others are not to be trusted either.
    if (known.length < lags.length) return null;
    return known[Math.floor(known.length / 2)] ?? null;
  }

  #advance(now: number): void {
    const bin = Math.floor(now / BIN_MS);
    const steps = bin - this.#bin;
    // The browser's clock was set back: what was counted has no place in its time.
    if (steps < 0) {
      this.#dropCounts();
      if (this.#liveSince !== null) this.#liveSince = now;
    }
    for (let step = Math.max(0, steps - BINS); step < steps; step += 1) {
      this.#bins.push(this.#liveSince === null ? null : 0);
      this.#bins.shift();
    }
    this.#bin = bin;
  }

  #dropCounts(): void {
    this.#bins = noBins();
    this.#lags = [];
    if (this.#liveSince !== null) this.#bins[BINS - 1] = 0;
  }
}

/** null: the clocks cannot both be right. */
function lagOf({ time }: FeedEvent, now: number, ahead: Bounds): Bounds | null {
  const age = now - Date.parse(time);
  if (Number.isNaN(age) || age + ahead.to < 0) return null;
  return { from: Math.max(0, age + ahead.from), to: age + ahead.to };
}

const noBins = (): null[] => Array.from({ length: BINS }, () => null);
const sum = (counts: readonly (number | null)[]): number =>
  counts.reduce<number>((all, count) => all + (count ?? 0), 0);
