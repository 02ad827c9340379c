/** A value as a table's cell has it: one line of text. Pure. */

import { stringifyExactJson } from "aviso-feed";
import { shownValue } from "./field-values";
import { isJsonObject, type Json } from "./json";
import type { Reading } from "./reading";

/** What a cell has room for; the record itself has the rest. */
const MOST_CHARACTERS = 120;

export interface Cell {
  readonly text: string;
  readonly isNumber: boolean;
  /** Stands for the lack of a value. */
  readonly isQuiet: boolean;
}

const EMPTY: Cell = { text: "", isNumber: false, isQuiet: true };

export function cellOf(value: Json | undefined, { t, formatting }: Reading): Cell {
  if (value === undefined) return EMPTY;
  const shown = shownValue(value);
  const plain = (text: string): Cell => ({ text: cut(text), isNumber: false, isQuiet: false });
  const quiet = (text: string): Cell => ({ text, isNumber: false, isQuiet: true });
  switch (shown.kind) {
    case "nothing":
      return quiet(t("valueNone"));
    case "empty-text":
      return quiet(t("valueEmpty"));
    case "boolean":
      return plain(t(shown.value ? "valueYes" : "valueNo"));
    case "number":
      return { text: cut(formatting.value(shown.value)), isNumber: true, isQuiet: false };
    case "time":
      return plain(formatting.time(shown.value));
    case "day":
      return plain(formatting.day(shown.value));
    case "link":
    case "text":
      return plain(shown.text.slice(0, 2 * MOST_CHARACTERS).replace(/\s+/g, " "));
    case "words":
      return plain(shown.items.map(String).join(", "));
    case "list":
      return quiet(t("listItems", { count: shown.items.length }));
    case "object":
      return plain(startOfJson(shown.fields));
  }
}

/** Of an object of thousands of members only the first are written, and nothing of what is in them. */
function startOfJson(fields: Readonly<Record<string, Json>>): string {
  const entries = Object.entries(fields);
  const first = entries
    .slice(0, 10)
    .map(([name, value]) => `${JSON.stringify(name)}:${brief(value)}`);
  return `{${first.join(",")}${entries.length > 10 ? ", …" : ""}}`;
}

function brief(value: Json): string {
  if (Array.isArray(value)) return value.length === 0 ? "[]" : "[…]";
  if (!isJsonObject(value)) return stringifyExactJson(value);
  return Object.keys(value).length === 0 ? "{}" : "{…}";
}

function cut(text: string): string {
  return text.length > MOST_CHARACTERS ? `${text.slice(0, MOST_CHARACTERS - 1)}…` : text;
}
