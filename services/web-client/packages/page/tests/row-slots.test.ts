import fc from "fast-check";
import { expect, test } from "vitest";
import { RowSlots } from "../src/row-slots";

test("a row whose record has gone takes one that came, in the same order", () => {
  const slots = new RowSlots();
  expect(slots.assign(["c", "b", "a"])).toEqual([0, 1, 2]);
  expect(slots.assign(["f", "e", "d"])).toEqual([0, 1, 2]);
  expect(slots.assign(["g", "f", "e"])).toEqual([2, 0, 1]);
});

test("rows that nothing is left for go, and others are made where more is shown", () => {
  const slots = new RowSlots();
  slots.assign(["c", "b", "a"]);
  expect(slots.assign(["c"])).toEqual([0]);
  expect(slots.assign(["d", "c"])).toEqual([3, 0]);
});

test("a row in hand shows its record, and none after it", () => {
  const slots = new RowSlots();
  slots.assign(["b", "a"]);
  slots.hold("a");
  expect(slots.assign(["c", "a"])).toEqual([0, 1]);
  expect(slots.assign(["d", "c"])).toEqual([2, 0]);
  slots.hold("not drawn");
  expect(slots.assign(["e", "d"])).toEqual([0, 2]);
});

test("whatever is drawn and held, each record has a row of its own and keeps it", () => {
  const step = fc.record({
    keys: fc.uniqueArray(fc.nat(12).map(String), { maxLength: 8 }),
    held: fc.nat(12).map(String),
  });
  fc.assert(
    fc.property(fc.array(step), (steps) => {
      const slots = new RowSlots();
      const never = new Set<number>();
      let before = new Map<string, number>();
      for (const { keys, held } of steps) {
        const now = new Map(slots.assign(keys).map((slot, at) => [keys[at] as string, slot]));
        expect(new Set(now.values()).size).toBe(keys.length);
        for (const [key, slot] of now) {
          if (before.has(key)) expect(slot).toBe(before.get(key));
          else expect(never.has(slot)).toBe(false);
        }
        slots.hold(held);
        if (now.has(held)) never.add(now.get(held) as number);
        before = now;
      }
    }),
  );
});
