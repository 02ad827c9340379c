/**
 * JSON without rounding. A number of a record that a double cannot hold becomes an ExactNumber, all
 * others stay numbers. JSON.parse alone makes 1234567890123456789 another number, and 1e400 none.
 * Of a number that stays one but is written otherwise, as 43.50 is, the object or array that it is
 * in remembers the digits: asWritten and stringifyExactJson give them back.
 *
 * Pure. JSON.parse decides what is JSON; this file only finds the numbers that it would change.
 */

/**
 * A number whose digits JavaScript would change: `text` is the number as it was written, in JSON's
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
 * Fifteen digits survive a double, and JavaScript writes them the same unless there is an exponent,
 * a zero at the end or many at the start: only such a number is looked at. Cheap, for every batch
 * passes here; what only looks like one, in a string, costs time and no more.
 */
const PERHAPS_CHANGED =
  /(?:^|[:,[])\s*(?:-0(?![.\d])|-?(?:\d[\d.]{15}|\d[\d.]*[eE]|0\.0{6}|\d+\.\d*0(?!\d)))/;

/** By an object or array: the digits of its numbers that String() would write otherwise. */
const digitsOf = new WeakMap<object, Map<string, string>>();

/** Names a member that stands for a number while JSON.parse runs. No writer can know it. */
const MARK = `exact-${Array.from(crypto.getRandomValues(new Uint32Array(4))).join("-")}`;
const MARKED = new RegExp(`\\{\\s*"${MARK}":\\s*"([^"]+)"\\s*\\}`, "g");

/** What JSON.parse gives, with ExactNumbers. Throws SyntaxError. */
export function parseExactJson(text: string): unknown {
  const value: unknown = JSON.parse(text);
  if (!PERHAPS_CHANGED.test(text)) return value;
  // An object where a number stood: as a member's name it is as wrong as the number was.
  const marked = text.replace(STRING_OR_NUMBER, (token) =>
    token.startsWith('"') || isAsWritten(token) ? token : `{"${MARK}":"${token}"}`,
  );
  if (marked === text) return value;
  return unmarked(JSON.parse(marked));
}

/** Put the numbers where their marks stand. */
function unmarked(value: unknown): unknown {
  const root: object = { value };
  const parts = [root];
  for (const part of parts) {
    for (const [name, each] of Object.entries(part)) {
      if (!isPart(each)) continue;
      const digits = (each as Record<string, unknown>)[MARK];
      if (typeof digits !== "string") parts.push(each);
      else (part as Record<string, unknown>)[name] = numberIn(part, name, digits);
    }
  }
  return (root as { value: unknown }).value;
}

function numberIn(holder: object, name: string, digits: string): number | ExactNumber {
  if (!isExact(digits)) return new ExactNumber(digits);
  const remembered = digitsOf.get(holder) ?? new Map<string, string>();
  digitsOf.set(holder, remembered.set(name, digits));
  return Number(digits);
}

/**
 * What JSON.stringify gives, with every digit of what parseExactJson has read. What is nested deeper
 * than JSON.stringify can go is written on one line.
 */
export function stringifyExactJson(value: unknown, indent = 0): string {
  try {
    return stringify(value, indent);
  } catch (error) {
    // Of a stack that was too small browsers throw errors of several kinds.
    const text = isPart(value) ? writeDeep(value) : null;
    if (text === null) throw error;
    return text;
  }
}

function stringify(value: unknown, indent: number): string {
  let hasExact = false;
  function replace(this: Record<string, unknown>, name: string, each: unknown): unknown {
    const digits = writtenDigits(this, name);
    if (digits === null) return each;
    hasExact = true;
    return { [MARK]: digits };
  }
  const text = JSON.stringify(value, replace, indent);
  return hasExact ? text.replace(MARKED, "$1") : text;
}

/** Costs no stack. null: something is in itself, or twice in the value. */
function writeDeep(value: object): string | null {
  const texts = new Map<object, string>();
  const parts = new Set([value]);
  for (const part of parts)
    for (const each of Object.values(part).filter(isNested)) parts.add(each);
  for (const part of [...parts].reverse()) {
    if (Object.values(part).some((each) => isNested(each) && !texts.has(each))) return null;
    texts.set(part, writePart(part, texts));
  }
  return texts.get(value) ?? null;
}

/** What is in it was written before. */
function writePart(part: object, texts: ReadonlyMap<object, string>): string {
  const isArray = Array.isArray(part);
  let text = "";
  for (const [name, each] of Object.entries(part)) {
    const plain = isNested(each) ? texts.get(each) : JSON.stringify(each);
    const value = writtenDigits(part, name) ?? plain ?? (isArray ? "null" : undefined);
    if (value === undefined) continue;
    text += `${text === "" ? "" : ","}${isArray ? "" : `${JSON.stringify(name)}:`}${value}`;
  }
  return isArray ? `[${text}]` : `{${text}}`;
}

/** Not what says itself how it is written, as a Date does. */
const isNested = (value: unknown): value is object =>
  isPart(value) && typeof (value as { toJSON?: unknown }).toJSON !== "function";

const written = new WeakMap<object, unknown>();

/**
 * What parseExactJson has read, for somebody to look at: each number that String() would write
 * otherwise than the writer did is an ExactNumber, so that 43.50 stays 43.50. What has none of them
 * is returned as it is. The value may not be changed afterwards. However deep it is nested, it costs
 * no stack.
 */
export function asWritten<Value>(value: Value): Value {
  if (!isPart(value)) return value;
  for (const part of newParts(value).reverse()) written.set(part, spellOut(part));
  return written.get(value) as Value;
}

const isPart = (value: unknown): value is object =>
  typeof value === "object" && value !== null && !(value instanceof ExactNumber);

/** The objects and arrays in a value that were not written yet, each before what is in it. */
function newParts(value: object): object[] {
  const parts = written.has(value) ? [] : [value];
  for (const part of parts) {
    for (const each of Object.values(part))
      if (isPart(each) && !written.has(each)) parts.push(each);
  }
  return parts;
}

/** What is in it was written before. */
function spellOut(part: object): unknown {
  let isChanged = false;
  const entries = Object.entries(part).map(([name, each]): [string, unknown] => {
    const digits = typeof each === "number" ? writtenDigits(part, name) : null;
    const inside = isPart(each) ? written.get(each) : each;
    const spelled = digits === null ? inside : new ExactNumber(digits);
    isChanged ||= spelled !== each;
    return [name, spelled];
  });
  if (!isChanged) return part;
  return Array.isArray(part) ? entries.map(([, each]) => each) : Object.fromEntries(entries);
}

/** The digits of a number that String() would write otherwise, or null. */
function writtenDigits(holder: object, name: string): string | null {
  const value = (holder as Record<string, unknown>)[name];
  if (value instanceof ExactNumber) return value.text;
  if (typeof value !== "number") return null;
  const digits = digitsOf.get(holder)?.get(name);
  // Somebody may have put another number there.
  return digits !== undefined && Number(digits) === value ? digits : null;
}

/** A number of JSON as a program can best use it: a double where that is the same number. */
export function numberOf(text: string): number | ExactNumber {
  return isExact(text) ? Number(text) : new ExactNumber(text);
}

const isAsWritten = (text: string): boolean => String(Number(text)) === text;

function isExact(text: string): boolean {
  const value = Number(text);
  return Number.isFinite(value) && decimalOf(text) === decimalOf(String(value));
}

/** One text a value, of JSON's numbers: `-12.50` and `-1.25e1` are both `-125e-1`. Zero is `0`. */
export function decimalOf(text: string): string {
  const [, sign = "", whole = "", fraction = "", exponent = "0"] =
    /^(-?)(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d+))?$/.exec(text) ?? [];
  const digits = (whole + fraction).replace(/^0+/, "");
  const significant = digits.replace(/0+$/, "");
  if (significant === "") return "0";
  const power = BigInt(exponent) - BigInt(fraction.length - (digits.length - significant.length));
  return `${sign}${significant}e${power}`;
}
