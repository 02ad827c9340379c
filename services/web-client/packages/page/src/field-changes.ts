/**
 * Finds what an update changed, so that the page can point at it. Pure.
 */

import { ExactNumber } from "aviso-feed";
import type { Json, JsonObject } from "./json.ts";

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

/** Say whether two JSON values are equal; the order of an object's members does not count. */
export function sameJson(one: Json | undefined, other: Json | undefined): boolean {
  if (one === other) return true;
  if (one instanceof ExactNumber || other instanceof ExactNumber) {
    return one instanceof ExactNumber && other instanceof ExactNumber && one.text === other.text;
  }
  if (typeof one !== "object" || typeof other !== "object") return false;
  if (one === null || other === null || one === undefined || other === undefined) return false;
  if (Array.isArray(one) !== Array.isArray(other)) return false;
  if (Array.isArray(one) && Array.isArray(other)) {
    return one.length === other.length && one.every((value, i) => sameJson(value, other[i]));
  }
  const left = one as JsonObject;
  const right = other as JsonObject;
  const names = Object.keys(left);
  return (
    names.length === Object.keys(right).length &&
    names.every((name) => Object.hasOwn(right, name) && sameJson(left[name], right[name]))
  );
}
