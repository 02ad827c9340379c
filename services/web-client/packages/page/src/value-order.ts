/** In which order a table sorts values: numbers, texts, yes and no, then all else as it comes. Pure. */

import type { ExactNumber } from "aviso-feed";
import { isNumber, type Json } from "./json";

const OBJECTS = 3;

export type Compare = (one: Json, other: Json) => number;

export function valueOrder(locale: string): Compare {
  const collator = new Intl.Collator(locale, { numeric: true });
  return (one, other) => {
    const [left, right] = [rankOf(one), rankOf(other)];
    if (left !== right) return left - right;
    if (isNumber(one) && isNumber(other)) return compareNumbers(one, other);
    if (left === OBJECTS) return 0;
    return collator.compare(String(one), String(other));
  };
}

function rankOf(value: Json): number {
  if (isNumber(value)) return 0;
  if (typeof value === "string") return 1;
  return typeof value === "boolean" ? 2 : OBJECTS;
}

/** Doubles that are the same may be of numbers that are not: then by their digits. */
function compareNumbers(one: number | ExactNumber, other: number | ExactNumber): number {
  const difference = Number(one) - Number(other);
  if (difference !== 0 && !Number.isNaN(difference)) return difference;
  if (typeof one === "number" && typeof other === "number") return 0;
  const [left, right] = [String(one), String(other)];
  if (!/^-?\d+$/.test(left) || !/^-?\d+$/.test(right))
    return left < right ? -1 : Number(left > right);
  const [a, b] = [BigInt(left), BigInt(right)];
  return a < b ? -1 : Number(a > b);
}
