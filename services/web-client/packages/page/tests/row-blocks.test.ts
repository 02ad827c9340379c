// @vitest-environment jsdom

import { beforeEach, expect, test, vi } from "vitest";
import type { RecordRow } from "../src/record-row";
import { RowBlocks } from "../src/row-blocks";
import { FakeObserver } from "./fake-observer";

let host: HTMLElement;
let blocks: RowBlocks;
let rows: Map<number, RecordRow>;

beforeEach(() => {
  FakeObserver.made.length = 0;
  vi.stubGlobal("IntersectionObserver", FakeObserver);
  host = document.createElement("div");
  rows = new Map();
  blocks = new RowBlocks(host, () => undefined);
});

function insert(sequence: number): void {
  const row = Object.assign(document.createElement("p"), { isNear: false }) as unknown as RecordRow;
  row.dataset.sequence = String(sequence);
  rows.set(sequence, row);
  blocks.insert(row, sequence);
}

const upTo = (last: number) => Array.from({ length: last }, (_, i) => i + 1);
const sequences = () =>
  [...host.querySelectorAll<HTMLElement>("p")].map((row) => Number(row.dataset.sequence));
const groups = () => [...host.children] as HTMLElement[];
// Made in this order.
const ofBlocks = () => FakeObserver.made[0] as FakeObserver;
const ofGroups = () => FakeObserver.made[1] as FakeObserver;

function say(observer: FakeObserver, element: Element, isIntersecting: boolean, height = 0): void {
  observer.tell([{ target: element, isIntersecting, boundingClientRect: { height } }]);
}

const nearRows = () => [...rows.values()].filter((row) => row.isNear).length;

test.each([
  ["upwards", upTo(2_000)],
  ["downwards", upTo(2_000).reverse()],
  ["from both ends", upTo(2_000).map((n) => (n % 2 ? n : 2_002 - n))],
  ["into the middle", [...upTo(1_000).map((n) => n * 2), ...upTo(1_000).map((n) => n * 2 - 1)]],
])("rows that come %s stand newest first, in groups that end", (_, order) => {
  order.forEach(insert);
  expect(sequences()).toEqual(upTo(2_000).reverse());
  expect(Math.max(...groups().map((group) => group.childElementCount))).toBeLessThanOrEqual(16);
  expect(groups().length).toBeLessThan(80);
  expect([...ofGroups().watched]).toHaveLength(groups().length);
  expect(blocks.newestSequence).toBe(2_000);
});

test("of a group that is far no block is watched, and it is as high as its blocks", () => {
  upTo(2_000).forEach(insert);
  for (const group of groups().slice(1)) say(ofGroups(), group, false);
  const [first, second] = groups() as [HTMLElement, HTMLElement];
  expect(first.hasAttribute("data-far")).toBe(false);
  expect(first.style.height).toBe("");
  expect([...ofBlocks().watched].every((block) => first.contains(block))).toBe(true);
  expect(second.style.height).toBe(`${16 * 15 * 132}px`);
  expect(nearRows()).toBeLessThanOrEqual(16 * 15);
});

test("a group that comes near is laid out, and its blocks are asked for", () => {
  upTo(1_000).forEach(insert);
  const second = groups()[1] as HTMLElement;
  say(ofGroups(), second, true);
  expect([second.hasAttribute("data-far"), second.style.height]).toEqual([false, ""]);
  expect([...second.children].every((block) => ofBlocks().watched.has(block))).toBe(true);
  const block = second.children[3] as HTMLElement;
  say(ofBlocks(), block, true);
  expect(nearRowsIn(block)).toBe(15);
});

test("what was measured stays when its group goes far, until its rows are others", () => {
  upTo(1_000).forEach(insert);
  const second = groups()[1] as HTMLElement;
  const block = second.children[3] as HTMLElement;
  say(ofGroups(), second, true);
  say(ofBlocks(), block, true);
  say(ofBlocks(), block, false, 4_500);
  say(ofGroups(), second, false);
  expect(block.style.height).toBe("4500px");
  expect(second.style.height).toBe(`${4_500 + 15 * 15 * 300}px`);
  expect(ofBlocks().watched.has(block)).toBe(false);
  // Told late, of one that is not laid out any more.
  say(ofBlocks(), block, true);
  expect(nearRowsIn(block)).toBe(0);

  blocks.remove(block.firstElementChild as RecordRow);
  expect(block.style.height).toBe(`${14 * 300}px`);
});

test("a row that is to be seen at once brings its group along", () => {
  upTo(1_000).forEach(insert);
  const row = rows.get(100) as RecordRow;
  blocks.bringNear(row);
  expect(row.isNear).toBe(true);
  expect(row.closest(".row-group")?.hasAttribute("data-far")).toBe(false);
});

test("neighbours are found across blocks and groups, and what is taken away leaves nothing", () => {
  upTo(1_000).forEach(insert);
  let row = blocks.rowAt(0);
  const walked: number[] = [];
  while (row !== null) {
    walked.push(Number(row.dataset.sequence));
    row = blocks.rowBeside(row, 1);
  }
  expect(walked).toEqual(upTo(1_000).reverse());
  for (const sequence of upTo(990)) blocks.remove(rows.get(sequence) as RecordRow);
  expect(sequences()).toEqual(upTo(1_000).slice(990).reverse());
  expect(groups()).toHaveLength(1);
  blocks.clear();
  expect([host.childElementCount, ofGroups().watched.size, ofBlocks().watched.size]).toEqual([
    0, 0, 0,
  ]);
});

function nearRowsIn(block: Element): number {
  return [...block.children].filter((row) => (row as RecordRow).isNear).length;
}
