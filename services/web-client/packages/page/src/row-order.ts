/**
 * Where entries belong in a list that is newest first. Pure: it works on sequences alone, so that a
 * batch costs a search for each of its entries and not a walk over thousands of rows.
 */

/** Return the index at which `sequence` keeps `sequences` (falling) in order. */
export function placeOf(sequence: number, sequences: readonly number[]): number {
  let low = 0;
  let high = sequences.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((sequences[middle] ?? 0) > sequence) low = middle + 1;
    else high = middle;
  }
  return low;
}
