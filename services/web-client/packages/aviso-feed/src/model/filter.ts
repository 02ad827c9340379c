/**
 * Which records of a feed are wanted, by values of their fields. The same rule as REST's `data.…`, so
 * that what happens is looked at as what is listed. Pure.
 */

import { AvisoError } from "./errors";
import type { RecordData } from "./event";
import { decimalOf, ExactNumber, parseExactJson } from "./exact-json";

/**
 * A value for each field that counts, all of which a record must have; an object for the fields of an
 * object: `{ status: "paid", address: { city: "Madrid" } }`. `{}`: all records.
 *
 * A number is the same however it is written. A text stands also for the number, boolean or null that
 * it is in JSON: `"5"` finds 5, and 5 finds `"5"`.
 */
export type Filter<Data = RecordData> = {
  readonly [Name in keyof Data]?: FilterValue<Data[Name]>;
};

/** Keeps TypeScript from guessing what records hold from what they are filtered by. */
export type AsGiven<Data> = [Data][Data extends unknown ? 0 : never];

type Scalar = string | number | boolean | null | ExactNumber;

type FilterValue<Value> = unknown extends Value
  ? Scalar | Filter
  : Value extends number | ExactNumber
    ? number | ExactNumber
    : Value extends string | boolean | null
      ? Value
      : Value extends readonly unknown[] | undefined
        ? never
        : Value extends object
          ? Filter<Value>
          : never;

/** `path`: names that lead to the value, outermost first. `value`: as REST has it in an address. */
export type FieldValue = { readonly path: readonly string[]; readonly value: string };

const MOST_FIELDS = 20;
/** Of an address, as it is sent. */
const MOST_CHARACTERS = 2_000;

/** Throws AvisoError, `filter-not-valid`, for what REST could not be asked. */
export function readFilter(filter: unknown): readonly FieldValue[] {
  if (!isPlainObject(filter)) throw notValid("filter", "an object with values of fields");
  const fields = Object.entries(filter).flatMap(([name, value]) => fieldsOf([name], value));
  if (fields.length > MOST_FIELDS) throw notValid("filter", `at most ${MOST_FIELDS} fields`);
  const length = String(new URLSearchParams(parametersOf(fields))).length;
  if (length > MOST_CHARACTERS) {
    throw notValid("filter", `at most ${MOST_CHARACTERS} characters in an address`);
  }
  return fields;
}

function fieldsOf(path: readonly string[], value: unknown): FieldValue[] {
  const name = `filter.${path.join(".")}`;
  if (!path.every((part) => /^[^.\0]+$/.test(part)) || UNSENDABLE.test(name)) {
    throw notValid(name, "the name of a field, without a dot");
  }
  if (isPlainObject(value)) {
    const inside = path.length < MOST_FIELDS ? Object.entries(value) : [];
    if (inside.length > 0) return inside.flatMap(([part, each]) => fieldsOf([...path, part], each));
  }
  const isScalar =
    value === null ||
    ["string", "boolean"].includes(typeof value) ||
    Number.isFinite(value) ||
    value instanceof ExactNumber;
  if (!isScalar || UNSENDABLE.test(String(value))) {
    throw notValid(name, "a text, a number, true, false, null, or an object of them");
  }
  return [{ path, value: String(value) }];
}

/** No record has these. */
const UNSENDABLE = /[\0\p{Surrogate}]/u;

const notValid = (name: string, wanted: string): AvisoError =>
  new AvisoError("filter-not-valid", `${name} is none that a server knows: expected ${wanted}.`);

/** For REST. */
export const parametersOf = (fields: readonly FieldValue[]): [string, string][] =>
  fields.map(({ path, value }) => [`data.${path.join(".")}`, value]);

/** Whether a record's data has all these values. */
export const hasFields = (data: unknown, fields: readonly FieldValue[]): boolean =>
  fields.every(({ path, value }) => hasValue(valueAt(data, path), value));

function valueAt(data: unknown, path: readonly string[]): unknown {
  let value = data;
  for (const name of path) {
    if (Array.isArray(value)) value = /^-?\d+$/.test(name) ? value.at(Number(name)) : undefined;
    else if (isObject(value) && Object.hasOwn(value, name)) value = value[name];
    else return undefined;
  }
  return value;
}

/** A text stands for itself, and for the number, boolean or null that it is in JSON. */
function hasValue(value: unknown, text: string): boolean {
  if (value === text) return true;
  if (value === undefined || typeof value === "string") return false;
  let meant: unknown;
  try {
    meant = parseExactJson(text);
  } catch {
    return false;
  }
  if (isNumber(value) && isNumber(meant)) {
    return decimalOf(String(value)) === decimalOf(String(meant));
  }
  return value === meant;
}

const isNumber = (value: unknown): boolean =>
  typeof value === "number" || value instanceof ExactNumber;

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !(value instanceof ExactNumber);

function isPlainObject(value: unknown): value is Record<string, unknown> {
  if (!isObject(value)) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === null || Object.getPrototypeOf(prototype) === null;
}
