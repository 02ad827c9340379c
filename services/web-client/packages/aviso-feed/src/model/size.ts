/** How much a value of JSON holds, for bounds in bytes. Pure. */

import { ExactNumber } from "./exact-json";

const encoder = new TextEncoder();

/** How many bytes a text takes where it is kept, as UTF-8. */
export const bytesOf = (text: string): number => encoder.encode(text).length;

/** What an object, an array or a number takes beside its text. */
const PART_BYTES = 16;

/**
 * About how many bytes a value takes in memory: two for each character, and something for each part.
 * However deep it is nested, it costs no stack.
 */
export function sizeOf(value: unknown): number {
  let size = 0;
  const left: unknown[] = [value];
  while (left.length > 0) {
    const each = left.pop();
    size += PART_BYTES;
    if (typeof each === "string") size += 2 * each.length;
    else if (each instanceof ExactNumber) size += 2 * each.text.length;
    else if (Array.isArray(each)) for (const item of each) left.push(item);
    else if (typeof each === "object" && each !== null) {
      for (const [name, member] of Object.entries(each)) {
        size += 2 * name.length;
        left.push(member);
      }
    }
  }
  return size;
}
