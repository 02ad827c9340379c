/**
 * Numbers, times and counts in the reader's language. Pure but for Intl; "now" is handed in.
 */

import type { ExactNumber } from "aviso-feed";
import { numberText } from "./number-text.ts";

export interface Formatting {
  /** What is counted: grouped. */
  number(value: number): string;
  /** A number of a record: every digit, and nothing between them. */
  value(value: number | ExactNumber): string;
  /** Date and time to the second, in the reader's time zone. */
  exactTime(time: Date): string;
  /** Time to the second, and of another day its date before it. */
  moment(time: Date, now: Date): string;
  /** Date and time to the minute: for values of a record. */
  time(time: Date): string;
  /** A day without a time zone. */
  day(day: Date): string;
  /** "3 minutes ago"; a time in the future by a wrong clock reads as now. */
  relativeTime(time: Date, now: Date): string;
  bytes(size: number): string;
}

const SECOND_MS = 1000;
const MINUTE_MS = 60 * SECOND_MS;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;

/** A time older than this many milliseconds is written as a date. */
const RELATIVE_LIMIT_MS = 7 * DAY_MS;

export function formattingFor(locale: string, nowText: string): Formatting {
  const number = new Intl.NumberFormat(locale, { useGrouping: "min2" });
  const relative = new Intl.RelativeTimeFormat(locale, { numeric: "always", style: "short" });
  const exact = new Intl.DateTimeFormat(locale, { dateStyle: "full", timeStyle: "medium" });
  const clock = new Intl.DateTimeFormat(locale, { timeStyle: "medium" });
  const dated = new Intl.DateTimeFormat(locale, { dateStyle: "medium", timeStyle: "medium" });
  const short = new Intl.DateTimeFormat(locale, { dateStyle: "medium", timeStyle: "short" });
  const day = new Intl.DateTimeFormat(locale, { dateStyle: "medium", timeZone: "UTC" });
  const old = new Intl.DateTimeFormat(locale, { dateStyle: "medium" });
  return {
    number: (value) => number.format(value),
    value: (value) => numberText(value, locale),
    exactTime: (time) => exact.format(time),
    moment: (time, now) =>
      (time.toDateString() === now.toDateString() ? clock : dated).format(time),
    time: (time) => short.format(time),
    day: (value) => day.format(value),
    relativeTime: (time, now) => {
      const age = now.getTime() - time.getTime();
      if (age < 3 * SECOND_MS) return nowText;
      if (age < MINUTE_MS) return relative.format(-Math.floor(age / SECOND_MS), "second");
      if (age < HOUR_MS) return relative.format(-Math.floor(age / MINUTE_MS), "minute");
      if (age < DAY_MS) return relative.format(-Math.floor(age / HOUR_MS), "hour");
      if (age < RELATIVE_LIMIT_MS) return relative.format(-Math.floor(age / DAY_MS), "day");
      return old.format(time);
    },
    bytes: (size) => {
      const isSmall = size < 1024;
      return new Intl.NumberFormat(locale, {
        style: "unit",
        unit: isSmall ? "byte" : "kilobyte",
        unitDisplay: "short",
        maximumFractionDigits: 1,
      }).format(isSmall ? size : size / 1024);
    },
  };
}
