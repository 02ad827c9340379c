/**
 * A password as ejabberd and chat clients take it: RFC 4013 (SASLprep). ejabberd folds what it
 * stores, `º` to `o` for one, and SCRAM proves the folded text; Strophe does not fold. Pure.
 */

import { isUnassigned } from "./unicode-3-2";

/** RFC 3454 C.1.2: spaces that are not ASCII's. */
const SPACES = /[\u00a0\u1680\u2000-\u200b\u202f\u205f\u3000]/g;
/** RFC 3454 B.1: mapped to nothing. */
const NOTHING =
  /\u034f|\u00ad|\u1806|[\u180b-\u180d]|[\u200b-\u200d]|\u2060|[\ufe00-\ufe0f]|\ufeff/g;
/** RFC 4013 2.3 and what ejabberd refuses beside: control characters, private use, surrogates, tags … */
const PROHIBITED =
  // biome-ignore lint/suspicious/noControlCharactersInRegex: those are what SASLprep refuses
  /[\u0000-\u001f\u007f-\u009f\u06dd\u1680\u070f\u180e\u200c-\u200f\u2028-\u202e\u2060-\u2063\u206a-\u206f\ufdd0-\ufdef\ufeff\ufff9-\uffff\u2ff0-\u2ffb\u{1d173}-\u{1d17a}\u{e0001}-\u{e007f}]|[\u{1fffe}\u{1ffff}\u{2fffe}\u{2ffff}]|\p{Co}|\p{Cs}/u;
/** RFC 3454 6: written from right to left; not beside letters of the other direction. */
const RIGHT_TO_LEFT = /[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc]/;

/** What is stored and proved for a password that somebody typed. */
export function preparedPassword(typed: string): string {
  return typed.replace(NOTHING, "").replace(SPACES, " ").normalize("NFKC");
}

/** The first character for which a server that refused a password did so; null where none is known. */
export function refusedCharacter(typed: string): string | null {
  // As typed: ejabberd folds by Unicode 3.2 and refuses what a browser of today can fold.
  const characters = [...typed.replace(NOTHING, "")];
  const isRefused = (character: string): boolean =>
    PROHIBITED.test(character) || isUnassigned(character.codePointAt(0) ?? 0);
  const isTurned = (character: string): boolean => RIGHT_TO_LEFT.test(character);
  return characters.find(isRefused) ?? characters.find(isTurned) ?? null;
}
