/**
 * TanStack DB copies a row member by member for whoever changes it, and makes plain objects of
 * numbers that a double cannot hold (in 0.15). Here they become numbers again, before anything is shown
 * or written.
 */

import type { FeedRecord } from "../../model/event";
import { ExactNumber } from "../../model/exact-json";

type Rows<Data> = { get(id: string): FeedRecord<Data> | undefined };

/** A schema (standardschema.dev) that refuses nothing, and the rows by which it goes. */
export function rowsKeepingNumbers<Data>() {
  let rows: Rows<Data> | null = null;
  const validate = (value: unknown): { readonly value: unknown } => {
    const row = value as FeedRecord<Data>;
    const known = rows?.get(row.id);
    if (known === undefined) return { value };
    return { value: { ...row, data: withExactNumbers(known.data, row.data) } };
  };
  return {
    schema: { schema: { "~standard": { version: 1, vendor: "aviso-feed", validate } } },
    of(collection: Rows<Data>): void {
      rows = collection;
    },
  };
}

/** The changed value, with the exact numbers of the original wherever they were copied to. */
export function withExactNumbers(original: unknown, changed: unknown): unknown {
  const numbers = new Map<string, ExactNumber>();
  collect(original, numbers);
  return numbers.size === 0 ? changed : restore(changed, numbers);
}

function collect(value: unknown, numbers: Map<string, ExactNumber>): void {
  if (value instanceof ExactNumber) numbers.set(value.text, value);
  else if (isObject(value)) for (const each of Object.values(value)) collect(each, numbers);
}

function restore(value: unknown, numbers: ReadonlyMap<string, ExactNumber>): unknown {
  if (!isObject(value) || value instanceof ExactNumber) return value;
  if (Array.isArray(value)) return value.map((each) => restore(each, numbers));
  const entries = Object.entries(value);
  const [first] = entries;
  const number = first?.[0] === "text" ? numbers.get(first[1]) : undefined;
  if (number !== undefined && entries.length === 1) return number;
  return Object.fromEntries(entries.map(([name, each]) => [name, restore(each, numbers)]));
}

/**
 * The changed value, to be written: numbers that are where they were and as large as they were get the
 * original's digits (43.50). `original` is as `asWritten` gives it.
 */
export function withDigitsOf(original: unknown, changed: unknown): unknown {
  if (original instanceof ExactNumber) return Number(original) === changed ? original : changed;
  if (!isObject(original) || !isObject(changed) || changed instanceof ExactNumber) return changed;
  const known = original as Readonly<Record<string, unknown>>;
  if (Array.isArray(changed)) return changed.map((each, index) => withDigitsOf(known[index], each));
  const entries = Object.entries(changed);
  return Object.fromEntries(
    entries.map(([name, each]) => [
      name,
      Object.hasOwn(known, name) ? withDigitsOf(known[name], each) : each,
    ]),
  );
}

const isObject = (value: unknown): value is object => typeof value === "object" && value !== null;
