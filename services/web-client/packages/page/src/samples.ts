/**
 * What somebody types to make the first record arrive: a call, a statement, an element. Pure; the
 * address is the one that the page was reached at.
 */

import { isJsonObject, type Json, type JsonObject } from "./json";
import type { FeedInfo } from "./library";

/** Stands where the reader's own key belongs. */
const KEY = "YOUR_API_KEY";
const GREETING: JsonObject = { greeting: "hello", from: "Aviso" };
/** A sample is an example and no form: of a wide record the first fields. */
const MOST_FIELDS = 6;

/** A call that writes a record; null where the feed shows a table. */
export function curlOf(feed: FeedInfo, origin: string): string | null {
  if (feed.table != null) return null;
  return curl(`${origin}/api/v1/feeds/${feed.slug}/records/`, { data: sampleOf(feed.schema) });
}

/** A call that makes a feed. */
export function feedCurl(origin: string): string {
  return curl(`${origin}/api/v1/feeds/`, { slug: "orders", visibility: "public" });
}

function curl(url: string, body: JsonObject): string {
  return [
    `curl ${shellText(url)}`,
    `-H 'Authorization: Bearer ${KEY}'`,
    "-H 'Content-Type: application/json'",
    `-d ${shellText(JSON.stringify(body))}`,
  ].join(" \\\n  ");
}

export function sqlOf({ slug, schema, table }: FeedInfo): string {
  if (table == null) {
    const data = JSON.stringify(sampleOf(schema));
    return `INSERT INTO aviso.records (feed, data)\nVALUES (${sqlText(slug)}, ${sqlText(data)});`;
  }
  const columns = table.columns.map(sqlName).join(", ");
  return `INSERT INTO ${sqlName(table.schema)}.${sqlName(table.name)} (${columns})\nVALUES (…);`;
}

/** The element's lines; null where whoever is let in needs a ticket first. */
export function elementOf({ slug, visibility }: FeedInfo, origin: string): string | null {
  if (visibility === "private") return null;
  return [
    `<script type="module" src="${origin}/feed-client/aviso-feed.js"></script>`,
    `<record-feed feed="${slug}" origin="${origin}"></record-feed>`,
  ].join("\n");
}

/** A record as the schema names its fields; a greeting where it names none. */
export function sampleOf(schema: FeedInfo["schema"]): JsonObject {
  const properties = schema?.properties as Json | undefined;
  if (!isJsonObject(properties)) return GREETING;
  const required: readonly unknown[] = Array.isArray(schema?.required) ? schema.required : [];
  const names = Object.keys(properties);
  const first = names.filter((name) => required.includes(name));
  const others = names.filter((name) => !required.includes(name));
  const shown = [...first, ...others.slice(0, Math.max(0, MOST_FIELDS - first.length))];
  if (shown.length === 0) return GREETING;
  return Object.fromEntries(shown.map((name) => [name, sampleValue(properties[name])]));
}

function sampleValue(property: Json | undefined): Json {
  if (!isJsonObject(property)) return "…";
  if (property.const !== undefined) return property.const;
  const choices = [property.enum, property.examples].find(Array.isArray) as Json[] | undefined;
  if (choices?.[0] !== undefined) return choices[0];
  const type = Array.isArray(property.type) ? property.type[0] : property.type;
  switch (type) {
    case "number":
    case "integer":
      return typeof property.minimum === "number" ? property.minimum : 1;
    case "boolean":
      return true;
    case "array":
      return [];
    case "object":
      return {};
    default:
      return textOf(property.format);
  }
}

function textOf(format: Json | undefined): string {
  if (format === "date") return "2026-11-24";
  if (format === "date-time") return "2026-11-24T09:30:00Z";
  return format === "email" ? "ada@example.org" : "…";
}

const shellText = (text: string): string => `'${text.replaceAll("'", "'\\''")}'`;
const sqlText = (text: string): string => `'${text.replaceAll("'", "''")}'`;
const sqlName = (name: string): string =>
  /^[a-z_][a-z0-9_]*$/.test(name) ? name : `"${name.replaceAll('"', '""')}"`;
