/**
 * JSON without rounding. A number of a record that a double cannot hold becomes an ExactNumber, all
 * others stay numbers. JSON.parse alone makes 1234567890123456789 another number, and 1e400 none.
 *
 * Pure. JSON.parse decides what is JSON; this file only finds the numbers that it would change.
 */

/**
 * A number whose digits a double would change: `text` is the number as it was written, in JSON's
 * grammar. `Number(value)` is the nearest double, or ±Infinity; `String(value)` has every digit.
 * JSON.stringify writes the number where the engine knows JSON.rawJSON, and else its digits as a
 * string; `stringifyExactJson` writes the number everywhere.
 */
export class ExactNumber {
  constructor(readonly text: string) {
    if (!WHOLE_NUMBER.test(text)) throw new TypeError(`${text} is no number of JSON.`);
  }

  toString(): string {
    return this.text;
  }

  valueOf(): number {
    return Number(this.text);
  }

  toJSON(): unknown {
    const { rawJSON } = JSON as { rawJSON?: (text: string) => unknown };
    return rawJSON === undefined ? this.text : rawJSON(this.text);
  }
}

const NUMBER = String.raw`-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?`;
const WHOLE_NUMBER = new RegExp(`^${NUMBER}$`);
const STRING_OR_NUMBER = new RegExp(String.raw`"[^"\\]*(?:\\[^][^"\\]*)*"|${NUMBER}`, "g");

/**
 * Fifteen digits survive a double, so only a longer number or one with an exponent is looked at.
 * Cheap, for every batch passes here; what only looks like one, in a string, costs time and no more.
 */
const PERHAPS_INEXACT = /(?:^|[:,[])\s*-?(?:\d[\d.]{15}|\d[\d.]*[eE])/;

/** Names a member that stands for a number while JSON.parse runs. No writer can know it. */
const MARK = `exact-${Array.from(crypto.getRandomValues(new Uint32Array(4))).join("-")}`;
const MARKED = new RegExp(`\\{\\s*"${MARK}":\\s*"([^"]+)"\\s*\\}`, "g");

/** What JSON.parse gives, with ExactNumbers. Throws SyntaxError. */
export function parseExactJson(text: string): unknown {
  const value: unknown = JSON.parse(text);
  if (!PERHAPS_INEXACT.test(text)) return value;
  // An object where a number stood: as a member's name it is as wrong as the number was.
  const marked = text.replace(STRING_OR_NUMBER, (token) =>
    token.startsWith('"') || isExact(token) ? token : `{"${MARK}":"${token}"}`,
  );
  if (marked === text) return value;
  return JSON.parse(marked, (_, each: unknown) => {
    const digits = (each as Record<string, unknown> | null)?.[MARK];
    return typeof digits === "string" ? new ExactNumber(digits) : each;
  });
}

/** What JSON.stringify gives, with every digit of the ExactNumbers in it. */
export function stringifyExactJson(value: unknown, indent = 0): string {
  let hasExact = false;
  function replace(this: Record<string, unknown>, name: string, each: unknown): unknown {
    const before = this[name];
    if (!(before instanceof ExactNumber)) return each;
    hasExact = true;
    return { [MARK]: before.text };
  }
  const text = JSON.stringify(value, replace, indent);
  return hasExact ? text.replace(MARKED, "$1") : text;
}

/** A number of JSON as a program can best use it: a double where that is the same number. */
export function numberOf(text: string): number | ExactNumber {
  return isExact(text) ? Number(text) : new ExactNumber(text);
}

function isExact(text: string): boolean {
  const value = Number(text);
  return Number.isFinite(value) && decimalOf(text) === decimalOf(String(value));
}

/** One text a value: `-12.50` and `-1.25e1` are both `-125e-1`. Zero is `0`. */
function decimalOf(text: string): string {
  const [, sign = "", whole = "", fraction = "", exponent = "0"] =
    /^(-?)(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d+))?$/.exec(text) ?? [];
  const digits = (whole + fraction).replace(/^0+/, "");
  const significant = digits.replace(/0+$/, "");
  if (significant === "") return "0";
  const power = BigInt(exponent) - BigInt(fraction.length - (digits.length - significant.length));
  return `${sign}${significant}e${power}`;
}
