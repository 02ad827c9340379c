/**
 * What the address says: which feed is being read and how, or which record. Pure; whoever owns
 * `location` hands the hash in. What is not said stands for what is usual, so that addresses stay short.
 */

import { MOST_COLUMNS } from "./columns";
import { type Find, findOfParameters, NOTHING_SOUGHT, parametersOfFind } from "./find";

export interface Sorting {
  readonly column: string;
  readonly isDescending: boolean;
}

export interface FeedRoute {
  readonly slug: string;
  /** The record that is looked at by itself. */
  readonly record: string | null;
  readonly find: Find;
  /** The feed as it was: after this event, or at this time. null: as it is. */
  readonly at: string | null;
  /** null: what the feed is best shown as. */
  readonly view: "cards" | "table" | null;
  /** null: those that the schema or the data have. */
  readonly columns: readonly string[] | null;
  readonly sorting: Sorting | null;
  readonly isDense: boolean;
}

const FEED = /^#\/feeds\/([a-z0-9-]{1,64})(?:\/records\/([^/?]+))?\/?(?:\?(.*))?$/s;

/** Return what `#/feeds/<slug>…` says, or null for any other hash. */
export function routeOfHash(hash: string): FeedRoute | null {
  const [, slug, key, query] = FEED.exec(hash) ?? [];
  if (slug === undefined) return null;
  const record = key === undefined ? null : decoded(key);
  if (record === "") return null;
  const parameters = new URLSearchParams(query ?? "");
  const view = parameters.get("view");
  const columns = [...new Set(parameters.getAll("column"))].slice(0, MOST_COLUMNS);
  const column = parameters.get("sort") ?? "";
  return {
    slug,
    record,
    find: findOfParameters(parameters),
    at: momentOf(parameters.get("at")),
    view: view === "cards" || view === "table" ? view : null,
    columns: columns.length > 0 ? columns : null,
    sorting: column === "" ? null : { column, isDescending: parameters.has("descending") },
    isDense: parameters.has("dense"),
  };
}

export function hashOfRoute(route: FeedRoute): string {
  const parameters = parametersOfFind(route.find);
  if (route.at !== null) parameters.set("at", route.at);
  if (route.view !== null) parameters.set("view", route.view);
  for (const column of route.columns ?? []) parameters.append("column", column);
  const { sorting } = route;
  if (sorting !== null) parameters.set("sort", sorting.column);
  if (sorting?.isDescending) parameters.set("descending", "1");
  if (route.isDense) parameters.set("dense", "1");
  const query = parameters.toString();
  const record = route.record === null ? "" : `/records/${encodeURIComponent(route.record)}`;
  return `#/feeds/${route.slug}${record}${query === "" ? "" : `?${query}`}`;
}

export function routeOfFeed(slug: string): FeedRoute {
  return {
    slug,
    record: null,
    find: NOTHING_SOUGHT,
    at: null,
    view: null,
    columns: null,
    sorting: null,
    isDense: false,
  };
}

export function hashOfFeed(slug: string): string {
  return hashOfRoute(routeOfFeed(slug));
}

/** A sequence, or a time as RFC 3339 has it. */
function momentOf(text: string | null): string | null {
  return text !== null && /^(\d{1,18}|\d{4}-\d\d-\d\dT[\d:.]+Z)$/.test(text) ? text : null;
}

/** Any text is a key, also what is not encoded well. */
function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
