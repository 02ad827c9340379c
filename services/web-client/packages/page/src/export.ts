/**
 * Records as a file: CSV (RFC 4180) or JSON lines, with every digit that they have. In CSV no text is
 * a formula. Pure.
 */

import { asWritten, ExactNumber, stringifyExactJson } from "aviso-feed";
import { type Json, memberOf } from "./json";
import type { FeedRecord, RecordEntry } from "./library";

/** Those that are there now; what was deleted or not delivered is no data. */
export function exportedRecords(entries: readonly RecordEntry[]): readonly FeedRecord[] {
  return entries.flatMap(({ state, record }) =>
    state === "present" && record !== null ? [record] : [],
  );
}

export function jsonLines(records: readonly FeedRecord[]): string {
  return records.map((record) => `${stringifyExactJson(record)}\n`).join("");
}

const ABOUT = ["id", "version", "created_at", "updated_at"] as const;

/** `columns`: the fields of the data, in order; null: all that the records have. */
export function csv(records: readonly FeedRecord[], columns: readonly string[] | null): string {
  const names = columns ?? namesOf(records);
  const about = ABOUT.filter((name) => records.some((record) => record[name] !== undefined));
  // A field may be called as what is said about the record.
  const head = [...about, ...names.map((name) => (isAbout(name) ? `data.${name}` : name))];
  const lines = records.map((record) => {
    const data = asWritten(record.data);
    return [
      ...about.map((name) => cell(record[name] as Json | undefined)),
      ...names.map((name) => cell(memberOf(data, name))),
    ];
  });
  return [head.map(ofText), ...lines].map((cells) => `${cells.join(",")}\r\n`).join("");
}

const isAbout = (name: string): boolean => (ABOUT as readonly string[]).includes(name);

function namesOf(records: readonly FeedRecord[]): readonly string[] {
  const names = new Set<string>();
  for (const { data } of records) for (const name of Object.keys(data)) names.add(name);
  return [...names];
}

/** Nothing for what is not there and for null; an empty text is one in quotes. */
function cell(value: Json | undefined): string {
  if (value === undefined || value === null) return "";
  if (typeof value === "string") return value === "" ? '""' : ofText(value);
  const isNested = typeof value === "object" && !(value instanceof ExactNumber);
  return quoted(isNested ? stringifyExactJson(value) : String(value));
}

/** What a spreadsheet takes for a formula's begin (OWASP, "CSV Injection"). */
const FORMULA = /^[=+\-@\t\r\n\uff1d\uff0b\uff0d\uff20]/;

/** A text that a spreadsheet would reckon with has an apostrophe before it. */
function ofText(text: string): string {
  return FORMULA.test(text) ? quoted(`'${text}`) : quoted(text);
}

function quoted(text: string): string {
  const isSplit = /[",;\t\r\n]/.test(text) || text.trim() !== text;
  return isSplit ? `"${text.replaceAll('"', '""')}"` : text;
}
