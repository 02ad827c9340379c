/**
 * JSON's types, and JSON as text for a person: cut into tokens so that a template can colour them
 * without building markup. Pure.
 */

import { ExactNumber, stringifyExactJson } from "aviso-feed";

export type Json = null | boolean | number | ExactNumber | string | readonly Json[] | JsonObject;
export type JsonObject = { readonly [name: string]: Json };

export type TokenKind = "name" | "text" | "number" | "word" | "mark";

export interface Token {
  readonly kind: TokenKind;
  readonly text: string;
}

export function isJsonObject(value: unknown): value is JsonObject {
  return (
    typeof value === "object" &&
    value !== null &&
    !Array.isArray(value) &&
    !(value instanceof ExactNumber)
  );
}

export const isNumber = (value: unknown): value is number | ExactNumber =>
  typeof value === "number" || value instanceof ExactNumber;

/** A member that an object has itself; undefined: it has none of this name. */
export function memberOf(data: Readonly<Record<string, unknown>>, name: string): Json | undefined {
  return Object.hasOwn(data, name) ? (data[name] as Json) : undefined;
}

/** Deeper than that lines would be more blanks than text. */
const MOST_LEVELS_INDENTED = 100;

/** Indented; what is nested too deep for that stands on one line. */
export function prettyJson(value: Json): string {
  return stringifyExactJson(value, isDeep(value) ? 0 : 2);
}

function isDeep(value: Json): boolean {
  let level: readonly Json[] = [value];
  for (let depth = 0; depth < MOST_LEVELS_INDENTED; depth += 1) {
    level = level.flatMap((each) =>
      isJsonObject(each) || Array.isArray(each) ? Object.values(each) : [],
    );
    if (level.length === 0) return false;
  }
  return true;
}

const TOKEN =
  /("(?:[^"\\]|\\.)*")(\s*:)?|(-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)|(true|false|null)|([^"\dtfn-]+|.)/g;

/** Cut pretty JSON into tokens; joined again they are the same text. */
export function tokensOfJson(text: string): readonly Token[] {
  const tokens: Token[] = [];
  const push = (kind: TokenKind, part: string) => {
    const last = tokens.at(-1);
    if (kind === "mark" && last?.kind === "mark") {
      tokens[tokens.length - 1] = { kind, text: last.text + part };
    } else {
      tokens.push({ kind, text: part });
    }
  };
  for (const match of text.matchAll(TOKEN)) {
    const [whole, string, colon, number, word] = match;
    if (string !== undefined && colon !== undefined) {
      push("name", string);
      push("mark", colon);
    } else if (string !== undefined) push("text", string);
    else if (number !== undefined) push("number", number);
    else if (word !== undefined) push("word", word);
    else push("mark", whole);
  }
  return tokens;
}
