/**
 * Finds what an update changed, so that the page can point at it. Pure.
 */

import { ExactNumber } from "aviso-feed";
import { isJsonObject, type Json, type JsonObject } from "./json.ts";

/** Return the top-level names whose value was added, changed or removed. */
export function changedFields(before: JsonObject, after: JsonObject): ReadonlySet<string> {
  const changed = new Set<string>();
  for (const name of Object.keys(after)) {
    if (!Object.hasOwn(before, name) || !sameJson(before[name], after[name])) changed.add(name);
  }
  for (const name of Object.keys(before)) {
    if (!Object.hasOwn(after, name)) changed.add(name);
  }
  return changed;
}

/**
 * Say whether two JSON values are equal; the order of an object's members does not count. However deep
 * they are nested, it costs no stack.
 */
export function sameJson(one: Json | undefined, other: Json | undefined): boolean {
  const left: Pair[] = [[one, other]];
  for (let pair = left.pop(); pair !== undefined; pair = left.pop()) {
    if (pair[0] === pair[1]) continue;
    const inside = membersOf(...pair);
    if (inside === null) return false;
    for (const each of inside) left.push(each);
  }
  return true;
}

type Pair = readonly [Json | undefined, Json | undefined];

/** What of two values must be equal for them to be; null: they are not. */
function membersOf(one: Json | undefined, other: Json | undefined): readonly Pair[] | null {
  if (one instanceof ExactNumber || other instanceof ExactNumber) {
    const isSame =
      one instanceof ExactNumber && other instanceof ExactNumber && one.text === other.text;
    return isSame ? [] : null;
  }
  if (Array.isArray(one) && Array.isArray(other)) {
    return one.length === other.length ? one.map((value, i) => [value, other[i]]) : null;
  }
  if (!isJsonObject(one) || !isJsonObject(other)) return null;
  const names = Object.keys(one);
  const isSame =
    names.length === Object.keys(other).length && names.every((name) => Object.hasOwn(other, name));
  return isSame ? names.map((name) => [one[name], other[name]]) : null;
}
