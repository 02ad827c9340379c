/**
 * The record that somebody is writing: as rows of name, kind and value, or as JSON text, and from
 * one to the other. Pure; faults are values that say where they belong.
 */

import { asWritten, ExactNumber, parseExactJson, stringifyExactJson } from "aviso-feed";
import { isJsonObject, type Json, type JsonObject, prettyJson } from "./json";
import type { MessageKey, Parameters } from "./locale";
import { numberText, readNumber } from "./number-text";

export type FieldKind = "text" | "number" | "boolean" | "json";
export const FIELD_KINDS: readonly FieldKind[] = ["text", "number", "boolean", "json"];

export interface DraftField {
  readonly name: string;
  readonly kind: FieldKind;
  readonly value: string;
}

/** Where a fault belongs: a row's name or value, or the record as a whole. */
export interface DraftFault {
  readonly row: number | null;
  readonly part: "name" | "value";
  readonly message: MessageKey;
  readonly parameters: Parameters;
}

export type DraftResult =
  | { readonly ok: true; readonly data: JsonObject }
  | { readonly ok: false; readonly faults: readonly DraftFault[] };

export const EMPTY_FIELD: DraftField = { name: "", kind: "text", value: "" };

/**
 * Read rows as a record, numbers by the writer's language. Rows without name and value are left out,
 * and so are empty values.
 */
export function recordOfFields(fields: readonly DraftField[], locale: string): DraftResult {
  const faults: DraftFault[] = [];
  const data = new Map<string, Json>();
  fields.forEach((field, row) => {
    const name = field.name.trim();
    if (field.value === "") return;
    if (name === "") {
      faults.push({ row, part: "name", message: "errorNameMissing", parameters: {} });
      return;
    }
    if (data.has(name)) {
      faults.push({ row, part: "name", message: "errorNameTwice", parameters: { name } });
      return;
    }
    const value = readValue(field, locale);
    if (value.ok) data.set(name, value.value);
    else faults.push({ row, part: "value", ...value.fault });
  });
  // fromEntries defines members, so that a field named __proto__ stays a field.
  return faults.length > 0 ? { ok: false, faults } : { ok: true, data: Object.fromEntries(data) };
}

type ValueResult =
  | { readonly ok: true; readonly value: Json }
  | { readonly ok: false; readonly fault: Pick<DraftFault, "message" | "parameters"> };

function readValue(field: DraftField, locale: string): ValueResult {
  switch (field.kind) {
    case "text":
      return { ok: true, value: field.value };
    case "boolean":
      return { ok: true, value: field.value === "true" };
    case "number": {
      const entry = readNumber(field.value, locale);
      if (entry.ok) return entry;
      return { ok: false, fault: { message: entry.message, parameters: { value: field.value } } };
    }
    case "json":
      try {
        return { ok: true, value: parseExactJson(field.value) as Json };
      } catch (error) {
        return { ok: false, fault: jsonFault(field.value, error) };
      }
  }
}

/** Read JSON text as a record. */
export function recordOfText(text: string): DraftResult {
  let value: unknown;
  try {
    value = parseExactJson(text);
  } catch (error) {
    return { ok: false, faults: [{ row: null, part: "value", ...jsonFault(text, error) }] };
  }
  if (isJsonObject(value)) return { ok: true, data: value };
  const fault: DraftFault = {
    row: null,
    part: "value",
    message: "errorNotObject",
    parameters: {},
  };
  return { ok: false, faults: [fault] };
}

function jsonFault(text: string, error: unknown): Pick<DraftFault, "message" | "parameters"> {
  const reason = error instanceof Error ? error.message : String(error);
  // Chromium and Firefox say where, each in its way; Safari does not.
  const position = /position (\d+)/.exec(reason)?.[1];
  const lineColumn = /line (\d+) column (\d+)/.exec(reason);
  const short = reason
    .replace(/^JSON\.parse: /, "")
    .replace(/,? ?(\.\.\.)?"[\s\S]*is not valid JSON$/, "")
    .replace(/ (in JSON )?at (position|line)[\s\S]*$/, "")
    .replace(/ of the JSON data$/, "");
  if (lineColumn !== null) {
    const [, line, column] = lineColumn;
    return at(Number(line), Number(column), short);
  }
  if (position !== undefined) {
    const before = text.slice(0, Number(position)).split("\n");
    return at(before.length, (before.at(-1)?.length ?? 0) + 1, short);
  }
  return { message: "errorJson", parameters: { reason: short } };
}

function at(line: number, column: number, reason: string) {
  return { message: "errorJsonAt", parameters: { line, column, reason } } as const;
}

/** Show a record as rows, numbers in the writer's language; nested values become JSON text. */
export function fieldsOfRecord(data: JsonObject, locale: string): readonly DraftField[] {
  return Object.entries(asWritten(data)).map(([name, value]) => {
    if (typeof value === "string" && value !== "") return { name, kind: "text", value };
    if (typeof value === "number" || value instanceof ExactNumber) {
      return { name, kind: "number", value: numberText(value, locale) };
    }
    if (typeof value === "boolean") return { name, kind: "boolean", value: String(value) };
    return { name, kind: "json", value: stringifyExactJson(value) };
  });
}

export function textOfRecord(data: JsonObject): string {
  return prettyJson(data);
}

/** The same rows for a writer who changed the language: what was typed stays the number that it was. */
export function translatedFields(
  fields: readonly DraftField[],
  from: string,
  to: string,
): readonly DraftField[] {
  return fields.map((field) => {
    const entry = field.kind === "number" ? readNumber(field.value, from) : null;
    return entry?.ok ? { ...field, value: numberText(entry.value, to) } : field;
  });
}

/** The most rows that a form begins with. */
const TEMPLATE_FIELDS = 12;

/** Rows to begin with: the feed's schema names them, else the newest record does, else one is empty. */
export function templateFields(
  schema: Readonly<Record<string, unknown>> | null,
  newest: JsonObject | null,
): readonly DraftField[] {
  const properties = schema?.properties;
  if (isJsonObject(properties)) {
    const fields = Object.entries(properties).map(
      ([name, property]): DraftField => ({ name, kind: kindOfSchema(property), value: "" }),
    );
    if (fields.length > 0) return fields.slice(0, TEMPLATE_FIELDS);
  }
  const fields = fieldsOfRecord(newest ?? {}, "en").map((field) => ({ ...field, value: "" }));
  return fields.length > 0 ? fields.slice(0, TEMPLATE_FIELDS) : [EMPTY_FIELD];
}

function kindOfSchema(property: Json | undefined): FieldKind {
  if (!isJsonObject(property)) return "text";
  switch (property.type) {
    case "number":
    case "integer":
      return "number";
    case "boolean":
      return "boolean";
    case "object":
    case "array":
      return "json";
    default:
      return "text";
  }
}
