import fc from "fast-check";
import { expect, test } from "vitest";
import { placeOf } from "../src/row-order";

test("inserting each where it belongs leaves the newest first", () => {
  fc.assert(
    fc.property(fc.uniqueArray(fc.nat()), (sequences) => {
      const placed: number[] = [];
      for (const sequence of sequences) placed.splice(placeOf(sequence, placed), 0, sequence);
      expect(placed).toEqual([...sequences].sort((a, b) => b - a));
    }),
  );
});
