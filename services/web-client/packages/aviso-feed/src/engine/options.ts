/**
 * What programs and pages ask for, read in one place: what makes no sense becomes the default, and the
 * console says so, once.
 */

import type { Position, Transport } from "../model/types";
import { isEpoch } from "../protocol/events";

/** More events than this nobody begins with; the rest is there for scrolling back. */
const MOST_HISTORY = 10_000;

/** The scheme, host and port of an address; "" stands for the page's own. */
export function readOrigin(value: unknown): string {
  if (isMissing(value)) return "";
  const url = typeof value === "string" ? addressOf(value) : null;
  if (url === null) {
    return insteadOf("origin", value, "an address such as https://aviso.example", "");
  }
  if (url.href !== `${url.origin}/`) {
    warn(`origin is ${shown(value)}; of an address only ${url.origin} counts`);
  }
  return url.origin;
}

/** A number of events; as a number, or as digits. */
export function readHistory(value: unknown, otherwise: number, least = 0): number {
  if (value === undefined || value === null) return otherwise;
  const isDigits = typeof value === "string" && /^\s*\d{1,9}\s*$/.test(value);
  const count = isDigits ? Number(value) : value;
  if (typeof count === "number" && Number.isInteger(count) && count >= least) {
    if (count <= MOST_HISTORY) return count;
    return insteadOf("history", value, `at most ${MOST_HISTORY}`, MOST_HISTORY);
  }
  return insteadOf("history", value, `a whole number from ${least} on`, otherwise);
}

export function readPosition(value: unknown): Position | null {
  if (value === undefined || value === null) return null;
  const { epoch, sequence } = value as { epoch?: unknown; sequence?: unknown };
  if (isEpoch(epoch) && Number.isSafeInteger(sequence) && Number(sequence) >= 0) {
    return { epoch, sequence: Number(sequence) };
  }
  return insteadOf("position", value, "an epoch and a sequence, as a client gave them", null);
}

/** In the order in which they are tried. */
export function readTransports(value: unknown): readonly Transport[] {
  const all: readonly Transport[] = ["websocket", "bosh"];
  if (value === undefined || value === null || value === "auto") return all;
  const found = all.find((transport) => transport === value);
  return found ? [found] : insteadOf("transport", value, "auto, websocket or bosh", all);
}

const isMissing = (value: unknown): boolean =>
  value === undefined || value === null || value === "";

function addressOf(text: string): URL | null {
  try {
    const url = new URL(text.trim());
    return url.protocol === "https:" || url.protocol === "http:" ? url : null;
  } catch {
    return null;
  }
}

function insteadOf<Value>(name: string, value: unknown, wanted: string, instead: Value): Value {
  const used = Array.isArray(instead) ? "auto" : JSON.stringify(instead);
  warn(`${name} is ${shown(value)}, expected ${wanted}; ${used} is used`);
  return instead;
}

function shown(value: unknown): string {
  return typeof value === "number" ? String(value) : JSON.stringify(value);
}

/** What the console was told already. Bounded: a page may make such values without end. */
const told = new Set<string>();
const MOST_TOLD = 100;

function warn(sentence: string): void {
  if (told.has(sentence) || told.size >= MOST_TOLD) return;
  told.add(sentence);
  console.warn(`aviso: ${sentence}.`);
}
