/**
 * What is sought in a feed: words, and values of fields. The same rule as REST's `q` and `data.…`, so
 * that what arrives live is found by it, too. Pure.
 */

import {
  asWritten,
  decimalOf,
  ExactNumber,
  type FieldValue,
  hasFields,
  parseExactJson,
} from "aviso-feed";
import { isJsonObject, isNumber, type Json, type JsonObject } from "./json";
import { withoutExponent } from "./number-text";

export interface Find {
  readonly text: string;
  readonly fields: readonly FieldValue[];
}

export const NOTHING_SOUGHT: Find = { text: "", fields: [] };
/** What REST takes. */
export const MOST_TEXT_CHARACTERS = 200;
const MOST_WORDS = 8;
/** A chip is to be read: longer values are looked for by their words. */
const MOST_VALUE_CHARACTERS = 200;
const MOST_FIELDS = 20;
/** A number with more zeros than that is not written out. */
const MOST_ZEROS = 20_000;

const DATA = "data.";

export const isSought = ({ text, fields }: Find): boolean =>
  text.trim() !== "" || fields.length > 0;

export function findOfParameters(parameters: URLSearchParams): Find {
  const fields = [...parameters].flatMap(([name, value]) => {
    const path = name.startsWith(DATA) ? name.slice(DATA.length).split(".") : [];
    return isPath(path) ? [{ path, value }] : [];
  });
  return { text: parameters.get("q") ?? "", fields: fields.slice(0, MOST_FIELDS) };
}

/** For the address: the text as it was typed. */
export function parametersOfFind({ text, fields }: Find): URLSearchParams {
  const parameters = new URLSearchParams();
  if (wordsOf(text).length > 0) parameters.set("q", text);
  for (const { path, value } of fields) parameters.append(DATA + path.join("."), value);
  return parameters;
}

/** For REST: no more words than it takes. */
export function searchOfFind(find: Find): URLSearchParams {
  return parametersOfFind({ ...find, text: wordsOf(find.text).join(" ") });
}

export function withField(find: Find, field: FieldValue): Find {
  return { ...find, fields: [...find.fields.filter((each) => !isSame(each, field)), field] };
}

export function withoutField(find: Find, field: FieldValue): Find {
  return { ...find, fields: find.fields.filter((each) => !isSame(each, field)) };
}

const isSame = (one: FieldValue, other: FieldValue): boolean =>
  one.value === other.value && one.path.join(".") === other.path.join(".");

/** The filter for a value as it stands in a record; null where an address can't say it. */
export function fieldValueOf(path: readonly string[], value: Json): FieldValue | null {
  if (!isPath(path)) return null;
  const isScalar = value === null || typeof value !== "object" || value instanceof ExactNumber;
  if (!isScalar) return null;
  const text = String(value);
  return text.length <= MOST_VALUE_CHARACTERS ? { path, value: text } : null;
}

function isPath(path: readonly string[]): boolean {
  return path.length > 0 && path.every((name) => name !== "" && !/[.\0]/.test(name));
}

/** As REST cuts them; those beyond what it takes are left out. */
function wordsOf(text: string): readonly string[] {
  const words = text.split(/[ \t\r\n]+/).filter((word) => word !== "");
  return words.slice(0, MOST_WORDS);
}

/** Say whether a record's data is what is sought. */
export function matches(data: JsonObject, { text, fields }: Find): boolean {
  if (!hasFields(data, fields)) return false;
  const words = wordsOf(text).map(folded);
  return words.length === 0 || hasWords(asWritten(data), words);
}

function scalarOf(text: string): Json | undefined {
  try {
    const value = parseExactJson(text) as Json;
    return typeof value === "string" || isJsonObject(value) || Array.isArray(value)
      ? undefined
      : value;
  } catch {
    return undefined;
  }
}

/** Each word is part of a text or of a number's digits as they were written, or a number's value, wherever. */
function hasWords(data: Json, words: readonly string[]): boolean {
  const missing = new Map(words.map((word) => [word, decimalOfWord(word)]));
  const waiting: Json[] = [data];
  for (let value = waiting.pop(); value !== undefined; value = waiting.pop()) {
    if (typeof value === "string" || isNumber(value)) {
      const text = isNumber(value) ? withoutExponent(String(value), MOST_ZEROS) : folded(value);
      const decimal = isNumber(value) ? decimalOf(String(value)) : null;
      for (const [word, meant] of missing) {
        if (text.includes(word) || (meant !== null && meant === decimal)) missing.delete(word);
      }
      if (missing.size === 0) return true;
    } else if (typeof value === "object" && value !== null) {
      for (const each of Object.values(value)) waiting.push(each as Json);
    }
  }
  return false;
}

/** The number that a word is, as decimalOf writes it; null: it is none. */
function decimalOfWord(word: string): string | null {
  const value = scalarOf(word);
  return isNumber(value) ? decimalOf(word) : null;
}

/** A to Z in either case; other letters stand for themselves, as in the database. */
const folded = (text: string): string => text.replace(/[A-Z]/g, (letter) => letter.toLowerCase());
