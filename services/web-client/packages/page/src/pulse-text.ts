/** A feed's pulse in words and as a line. Pure. */

import type { Beat } from "./pulse";
import type { Reading } from "./reading";
import type { Bounds } from "./server-clock";

export const LINE_HEIGHT = 16;
/** A line of few events stays low. */
const LEAST_TOP = 5;
const NOW_MS = 3000;
/** From so many seconds on minutes are said. */
const MINUTES_FROM_S = 120;

export function rateText({ rate, lastMinute }: Beat, { t, formatting }: Reading): string {
  if (rate === null) return t("pulseRateUnknown");
  if (rate < 1) return t("pulseMinute", { count: lastMinute });
  return t("pulseSecond", { rate: formatting.number(rate < 10 ? tenths(rate) : Math.round(rate)) });
}

/** `ahead`: how far the server's clock is ahead of `now`; where that is not known a time says no age. */
export function lastText(
  { lastAt }: Beat,
  now: number,
  ahead: Bounds | null,
  { t, formatting }: Reading,
): string {
  if (lastAt === null) return t("pulseNothing");
  const last = new Date(lastAt);
  if (ahead === null) return t("pulseLastAt", { time: formatting.time(last) });
  const serverNow = now + (ahead.from + ahead.to) / 2;
  if (serverNow - lastAt < NOW_MS) return t("pulseLastNow");
  return t("pulseLast", { ago: formatting.relativeTime(last, new Date(serverNow)) });
}

/** A number only where the clocks allow one: an estimate if they are near enough, else a bound. */
export function lagText({ lag }: Beat, { t }: Reading): string {
  if (lag === null) return t("pulseLagUnknown");
  const middle = (lag.from + lag.to) / 2;
  const isNear = lag.to - lag.from <= middle;
  const seconds = (isNear ? middle : lag.to) / 1000;
  const rounded = isNear ? Math.round : Math.ceil;
  let time = t("pulseSeconds", {
    count: seconds < 10 ? rounded(seconds * 10) / 10 : rounded(seconds),
  });
  if (seconds >= MINUTES_FROM_S) time = t("pulseMinutes", { count: rounded(seconds / 60) });
  return t(isNear ? "pulseLagAbout" : "pulseLagUnder", { time });
}

/** The line as the `d` of a path, one wide for each count and LINE_HEIGHT high; a gap where nobody counted. */
export function linePath(line: Beat["line"]): string {
  const top = Math.max(LEAST_TOP, ...line.map((count) => count ?? 0));
  const points = line.map((count, x) => {
    if (count === null) return "";
    const isFirst = x === 0 || line[x - 1] === null;
    const y = LINE_HEIGHT - 1 - (count / top) * (LINE_HEIGHT - 2);
    return `${isFirst ? "M" : "L"}${x} ${tenths(y)}`;
  });
  return points.join("");
}

const tenths = (value: number): number => Math.round(value * 10) / 10;
