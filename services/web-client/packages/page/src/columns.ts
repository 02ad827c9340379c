/** Which fields a feed's records have, for a table's columns and for filters. Pure. */

import { isJsonObject, type Json, type JsonObject } from "./json";
import type { FeedInfo, RecordEntry } from "./library";
import type { ShownRecords } from "./shown-records";

/** So many of the newest records are asked for their fields. */
const RECORDS_ASKED = 50;
/** A record may have thousands of fields; nobody reads so many columns. */
export const MOST_COLUMNS = 200;
/** How many columns a table begins with. */
const FIRST_COLUMNS = 8;

/** The newest records; what could not be delivered is none. */
export function newestOf(records: ShownRecords["records"]): readonly RecordEntry[] {
  const newest: RecordEntry[] = [];
  for (let from = 0; from < records.size && newest.length < RECORDS_ASKED; from += RECORDS_ASKED) {
    const next = records.slice(from, from + RECORDS_ASKED);
    newest.push(...next.filter(({ record }) => record !== null));
  }
  return newest.slice(0, RECORDS_ASKED);
}

/** The names of fields: those of the table or the schema first, then those that records have. */
export function columnNames(info: FeedInfo, newest: readonly JsonObject[]): readonly string[] {
  const names = new Set<string>(info.table?.columns ?? []);
  const properties = info.schema?.properties as Json | undefined;
  if (isJsonObject(properties)) for (const name of Object.keys(properties)) names.add(name);
  for (const data of newest) {
    for (const name of Object.keys(data)) {
      if (names.size >= MOST_COLUMNS) return [...names];
      names.add(name);
    }
  }
  return [...names].slice(0, MOST_COLUMNS);
}

/** The columns to begin with: of a tracked table all, up to what is readable. */
export function firstColumns(names: readonly string[]): readonly string[] {
  return names.slice(0, FIRST_COLUMNS);
}
