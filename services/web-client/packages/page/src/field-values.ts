/**
 * Decides how a value of a record is shown. Pure: it names the kind, templates draw it.
 */

import { ExactNumber } from "aviso-feed";
import { isNumber, type Json, type JsonObject } from "./json.ts";

export type Shown =
  | { readonly kind: "nothing" }
  | { readonly kind: "empty-text" }
  | { readonly kind: "boolean"; readonly value: boolean }
  | { readonly kind: "number"; readonly value: number | ExactNumber }
  | { readonly kind: "time"; readonly value: Date; readonly source: string }
  | { readonly kind: "day"; readonly value: Date; readonly source: string }
  | { readonly kind: "link"; readonly href: string; readonly text: string }
  | { readonly kind: "text"; readonly text: string; readonly isLong: boolean }
  | { readonly kind: "words"; readonly items: readonly Json[] }
  | { readonly kind: "list"; readonly items: readonly Json[] }
  | { readonly kind: "object"; readonly fields: JsonObject };

/** Text beyond this many characters is folded. */
const LONG_TEXT_CHARACTERS = 240;
/** Text beyond these many characters takes two columns, or a line of its own. */
const NARROW_TEXT_CHARACTERS = 15;
const WIDE_TEXT_CHARACTERS = 38;
const NARROW_LIST_CHARACTERS = 12;
/** A link has no spaces to break at. */
const WIDE_LINK_CHARACTERS = 18;

const TIME = /^\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}(:\d{2}(\.\d{1,9})?)?(Z|[+-]\d{2}:?\d{2})$/;
const DAY = /^\d{4}-\d{2}-\d{2}$/;
/** A 24th hour is the next day's first; as a date it would be shown as another day than is written. */
const LAST_HOUR = "23";
const LINK = /^https?:\/\/\S+$/i;

export function shownValue(value: Json): Shown {
  if (value === null) return { kind: "nothing" };
  if (typeof value === "boolean") return { kind: "boolean", value };
  if (isNumber(value)) return { kind: "number", value };
  if (typeof value === "string") return shownText(value);
  if (Array.isArray(value)) return shownList(value);
  return { kind: "object", fields: value as JsonObject };
}

function shownText(text: string): Shown {
  if (text.trim() === "") return { kind: "empty-text" };
  if (TIME.test(text) && isDay(text.slice(0, 10)) && text.slice(11, 13) <= LAST_HOUR) {
    const time = new Date(text);
    if (!Number.isNaN(time.getTime())) return { kind: "time", value: time, source: text };
  }
  if (DAY.test(text) && isDay(text)) {
    return { kind: "day", value: new Date(`${text}T00:00:00Z`), source: text };
  }
  const href = safeLink(text);
  if (href !== null) return { kind: "link", href, text };
  const isLong = text.length > LONG_TEXT_CHARACTERS || text.split("\n", 6).length > 5;
  return { kind: "text", text, isLong };
}

/** Whether the calendar has this day: Date takes 30 February for 2 March. */
function isDay(text: string): boolean {
  const day = new Date(`${text}T00:00:00Z`);
  return !Number.isNaN(day.getTime()) && day.toISOString().startsWith(text);
}

const isPlain = (value: Json): boolean => typeof value !== "object" || value instanceof ExactNumber;

function shownList(items: readonly Json[]): Shown {
  const isWords =
    items.length <= 24 && items.every((item) => isPlain(item) && String(item).length <= 40);
  return isWords ? { kind: "words", items } : { kind: "list", items };
}

/** Return an address that may become a link, or null: http and https only, without a password. */
export function safeLink(text: string): string | null {
  if (!LINK.test(text) || text.length > 2048) return null;
  try {
    const url = new URL(text);
    const isWeb = url.protocol === "https:" || url.protocol === "http:";
    return isWeb && url.username === "" && url.password === "" ? url.href : null;
  } catch {
    return null;
  }
}

/** How many columns of a record's grid a value takes: one, two, or the whole line. */
export type Width = "one" | "two" | "line";

export function widthOf(value: Json): Width {
  if (typeof value === "string") return widthOfText(value);
  if (isNumber(value)) return widthOfDigits(String(value).length);
  if (typeof value !== "object" || value === null) return "one";
  if (!Array.isArray(value)) return Object.keys(value).length > 0 ? "line" : "one";
  if (shownList(value).kind === "list") return "line";
  return value.map(String).join(", ").length > NARROW_LIST_CHARACTERS ? "line" : "one";
}

function widthOfDigits(count: number): Width {
  if (count > WIDE_TEXT_CHARACTERS) return "line";
  return count > NARROW_TEXT_CHARACTERS ? "two" : "one";
}

function widthOfText(text: string): Width {
  if (text.includes("\n")) return "line";
  const isLink = LINK.test(text);
  if (text.length > (isLink ? WIDE_LINK_CHARACTERS : WIDE_TEXT_CHARACTERS)) return "line";
  return text.length > NARROW_TEXT_CHARACTERS && shownText(text).kind === "text" ? "two" : "one";
}

/** Make a field's name readable: `unit_price` and `unitPrice` become `unit price`. */
export function fieldLabel(name: string): string {
  if (!/^[a-z][a-zA-Z0-9_-]*$/.test(name)) return name;
  return name
    .replace(/([a-z0-9])([A-Z])/g, "$1 $2")
    .replace(/[_-]+/g, " ")
    .trim()
    .toLowerCase();
}
