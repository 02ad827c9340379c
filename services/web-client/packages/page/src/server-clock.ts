/**
 * How far the server's clock is ahead of the browser's, as far as that can be known: between two bounds,
 * by the `Date` of its answers. That counts whole seconds, and was written some time between asking and
 * being answered, so one answer says little; what all of them agree on says more. Pure: moments are
 * handed in.
 */

/** By the clock that people set, and by the one that only goes on; both in milliseconds. */
export type Moment = { readonly wall: number; readonly steady: number };

/** Both in milliseconds, `from` no larger than `to`. */
export type Bounds = { readonly from: number; readonly to: number };

const MOST_READINGS = 16;
const DATE_STEP_MS = 1000;
/** So much the clocks of the API and of the database may differ: more than servers that are kept on time do. */
const SLACK_MS = 50;
/** The browser's clock was set, or the computer slept: what was read before says nothing any more. */
const SET_MS = 100;

/** The browser's time, in milliseconds, and how far the server's is ahead of it; null: not known. */
export interface Clocks {
  now(): number;
  ahead(): Bounds | null;
}

/** Where no server says its time. */
export const BROWSER_ALONE: Clocks = { now: () => Date.now(), ahead: () => null };

type Reading = Bounds & { readonly drift: number };

export class ServerClock {
  /** The newest stands first. */
  #readings: readonly Reading[] = [];

  /** Note an answer's `Date`; one that is missing or unreadable is passed over. */
  note(asked: Moment, answered: Moment, date: string | null): void {
    const time = Date.parse(date ?? "");
    const drift = driftOf(answered);
    if (Number.isNaN(time) || isFar(driftOf(asked), drift)) return;
    const from = time - answered.wall - SLACK_MS;
    const to = time + DATE_STEP_MS - asked.wall + SLACK_MS;
    this.#readings = [{ from, to, drift }, ...this.#readings].slice(0, MOST_READINGS);
  }

  /** Add it to the browser's time to have the server's; null: not known. */
  aheadAt(now: Moment): Bounds | null {
    let agreed: Bounds | null = null;
    for (const { from, to, drift } of this.#readings) {
      if (isFar(drift, driftOf(now))) break;
      const next: Bounds = {
        from: Math.max(from, agreed?.from ?? from),
        to: Math.min(to, agreed?.to ?? to),
      };
      // The older one is of another clock.
      if (next.from > next.to) break;
      agreed = next;
    }
    return agreed;
  }
}

const driftOf = ({ wall, steady }: Moment): number => wall - steady;
const isFar = (one: number, other: number): boolean => Math.abs(one - other) > SET_MS;
