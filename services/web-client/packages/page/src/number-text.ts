/**
 * Numbers of a record as text, and text as numbers, in the reader's language. A record's numbers are
 * not grouped: 94103 may be an order and 2026 a year, and both are looked for as they are. Pure.
 */

import { ExactNumber, numberOf } from "aviso-feed";
import type { MessageKey } from "./locale.ts";

/** Beyond this many digits a power of ten stays one: nobody reads 400 zeros. */
const MOST_DIGITS = 60;

/** Every digit of a number, with the language's decimal mark: `1234.5`, in Spanish `1234,5`. */
export function numberText(value: number | ExactNumber, locale: string): string {
  const text = value instanceof ExactNumber ? value.text : withoutExponent(String(value));
  return text.replace(".", decimalMarkOf(locale));
}

/** `1e+21` as 1 and 21 zeros, as the database has it; as it is where those would be more than `mostZeros`. */
export function withoutExponent(text: string, mostZeros = MOST_DIGITS): string {
  const [, sign = "", whole = "", fraction = "", power = "0"] =
    /^(-?)(\d+)(?:\.(\d+))?[eE]([+-]?\d+)$/.exec(text) ?? [];
  const exponent = Number(power);
  if (whole === "" || Math.abs(exponent) > mostZeros) return text;
  const afterPoint = fraction.length - exponent;
  const digits = (whole + fraction).padEnd(whole.length + exponent, "0");
  if (afterPoint <= 0) return sign + digits;
  const padded = digits.padStart(afterPoint + 1, "0");
  return `${sign}${padded.slice(0, -afterPoint)}.${padded.slice(-afterPoint)}`;
}

export type NumberEntry =
  | { readonly ok: true; readonly value: number | ExactNumber }
  | { readonly ok: false; readonly message: MessageKey };

const DIGITS_ONLY = /^-?\d+$/;
const LEADING_ZERO = /^-?0\d/;
const JSON_NUMBER = /^-?\d+(\.\d+)?([eE][+-]?\d+)?$/;

/**
 * Read a number that somebody typed. A mark between groups of three digits is a thousands mark where
 * the language has it so: `1,000` is a thousand in English and one in Spanish. A mark that cannot be
 * one, as in `1,5`, is the decimal mark in any language. Spaces between groups are left out.
 */
export function readNumber(text: string, locale: string): NumberEntry {
  const typed = text
    .trim()
    .replace(/^\u2212/, "-")
    .replace(/^\+(?=\d)/, "")
    .replace(/(\d)[ \u00a0\u2009\u202f](?=\d{3}(?!\d))/g, "$1");
  const decimal = decimalMarkOf(locale);
  const group = decimal === "," ? "." : ",";
  const plain = isGrouped(typed, group, decimal)
    ? typed.replaceAll(group, "").replace(decimal, ".")
    : typed.replace(",", ".");
  if (!JSON_NUMBER.test(plain)) return { ok: false, message: "errorNumber" };
  // A number with zeros before it is a code: as a number it would lose them.
  if (LEADING_ZERO.test(plain)) return { ok: false, message: "errorNumberZeros" };
  return { ok: true, value: typedNumber(plain) };
}

/** With the zeros that somebody typed: 12.50 stays 12.50. */
function typedNumber(plain: string): number | ExactNumber {
  const value = numberOf(plain);
  const isSpelled = /[eE]/.test(plain) || withoutExponent(String(value)) === plain;
  return isSpelled ? value : new ExactNumber(plain);
}

function isGrouped(text: string, group: string, decimal: string): boolean {
  const [whole = "", fraction, more] = text.split(decimal);
  if (more !== undefined || (fraction !== undefined && !/^\d+$/.test(fraction))) return false;
  if (DIGITS_ONLY.test(whole) || !whole.includes(group)) return false;
  const [first = "", ...groups] = whole.split(group);
  return /^-?[1-9]\d{0,2}$/.test(first) && groups.every((digits) => /^\d{3}$/.test(digits));
}

/** By language: to find one out takes longer than to draw a row. */
const decimalMarks = new Map<string, string>();

function decimalMarkOf(locale: string): string {
  const known = decimalMarks.get(locale);
  if (known !== undefined) return known;
  const parts = new Intl.NumberFormat(locale).formatToParts(1.5);
  const mark = parts.find(({ type }) => type === "decimal")?.value ?? ".";
  decimalMarks.set(locale, mark);
  return mark;
}
