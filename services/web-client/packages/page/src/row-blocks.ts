/**
 * The blocks that rows stand in, the groups that blocks stand in, and which of both are near the screen.
 * Only the record list uses it. In a group that is far away nothing is laid out, painted, hit or watched,
 * so that thousands of rows cost what some dozen groups do. Heights are set through the CSSOM, which the
 * page's content security policy allows.
 */

import type { RecordRow } from "./record-row";
import { placeOf } from "./row-order";

const ROWS_PER_BLOCK = 15;
const BLOCKS_PER_GROUP = 16;
/** How far beyond the screen rows have content. */
const NEAR_MARGIN = "1200px 0px";
/** How far beyond the screen blocks are laid out: they are, before their rows get content. */
const NEAR_GROUP_MARGIN = "4800px 0px";
/** A row's height in pixels as long as none was measured. */
const ROW_HEIGHT_GUESS = 132;

/** An element between the feed and its rows. */
function makeBetween(className: string): HTMLElement {
  const element = document.createElement("div");
  element.className = className;
  // A feed owns articles; what stands between must not count in the accessibility tree.
  element.setAttribute("role", "none");
  return element;
}

class Group {
  readonly element = makeBetween("row-group");
  /** The newest first, as everywhere here. */
  readonly blocks: Block[] = [];
  isNear = false;
}

class Block {
  readonly element = makeBetween("row-block");
  readonly rows: RecordRow[] = [];
  readonly sequences: number[] = [];
  isNear = false;
  height: number | null = null;

  constructor(public group: Group) {}

  get newest(): number {
    return this.sequences[0] ?? Number.NEGATIVE_INFINITY;
  }

  get oldest(): number {
    return this.sequences.at(-1) ?? Number.POSITIVE_INFINITY;
  }
}

export class RowBlocks {
  readonly #blocks: Block[] = [];
  readonly #blockOf = new Map<Element, Block>();
  readonly #groups = new Map<Element, Group>();
  readonly #observer: IntersectionObserver;
  readonly #groupObserver: IntersectionObserver;
  #rowHeight = ROW_HEIGHT_GUESS;

  constructor(
    private readonly host: HTMLElement,
    private readonly onNear: (row: RecordRow) => void,
  ) {
    this.#observer = new IntersectionObserver((entries) => this.#onIntersect(entries), {
      rootMargin: NEAR_MARGIN,
    });
    this.#groupObserver = new IntersectionObserver(
      (entries) => {
        for (const entry of entries) {
          const group = this.#groups.get(entry.target);
          if (group !== undefined) this.#setGroupNear(group, entry.isIntersecting);
        }
      },
      { rootMargin: NEAR_GROUP_MARGIN },
    );
  }

  get newestSequence(): number {
    return this.#blocks[0]?.newest ?? Number.NEGATIVE_INFINITY;
  }

  get lastRow(): RecordRow | null {
    return this.#blocks.at(-1)?.rows.at(-1) ?? null;
  }

  rowAt(index: number): RecordRow | null {
    return this.#blocks[0]?.rows[index] ?? null;
  }

  rowBeside(row: RecordRow, step: 1 | -1): RecordRow | null {
    const block = this.#blockOf.get(row);
    if (block === undefined) return null;
    const beside = block.rows[block.rows.indexOf(row) + step];
    if (beside !== undefined) return beside;
    const next = this.#blocks[this.#blocks.indexOf(block) + step];
    return (step === 1 ? next?.rows[0] : next?.rows.at(-1)) ?? null;
  }

  eachNearRow(visit: (row: RecordRow) => void): void {
    for (const block of this.#blocks) if (block.isNear) block.rows.forEach(visit);
  }

  insert(row: RecordRow, sequence: number): void {
    const block = this.#blockFor(sequence);
    const index = placeOf(sequence, block.sequences);
    const next = block.rows[index] ?? null;
    block.rows.splice(index, 0, row);
    block.sequences.splice(index, 0, sequence);
    this.#blockOf.set(row, block);
    if (block.isNear) this.#makeNear(row);
    else this.#forgetHeight(block);
    block.element.insertBefore(row, next);
  }

  remove(row: RecordRow): void {
    const block = this.#blockOf.get(row);
    if (block === undefined) return;
    const index = block.rows.indexOf(row);
    block.rows.splice(index, 1);
    block.sequences.splice(index, 1);
    this.#blockOf.delete(row);
    row.remove();
    if (block.rows.length === 0) this.#dropBlock(block);
    else this.#forgetHeight(block);
  }

  clear(): void {
    this.#observer.disconnect();
    this.#groupObserver.disconnect();
    for (const element of this.#groups.keys()) element.remove();
    this.#blocks.length = 0;
    this.#blockOf.clear();
    this.#groups.clear();
  }

  bringNear(row: RecordRow): void {
    const block = this.#blockOf.get(row);
    if (block === undefined) return;
    this.#setGroupNear(block.group, true);
    this.#setNear(block, true);
  }

  /** Find the block that `sequence` belongs in; a new one is made where its neighbours are full. */
  #blockFor(sequence: number): Block {
    const index = this.#firstBelow(sequence);
    const below = this.#blocks[index];
    if (below !== undefined && sequence < below.newest) {
      if (below.rows.length < ROWS_PER_BLOCK) return below;
      return this.#split(index, placeOf(sequence, below.sequences));
    }
    const above = this.#blocks[index - 1];
    const open = [above, below].find((block) => block && block.rows.length < ROWS_PER_BLOCK);
    return open ?? this.#makeBlock(index);
  }

  /** The first block that has a row below `sequence`; the number of blocks where none has. */
  #firstBelow(sequence: number): number {
    let low = 0;
    let high = this.#blocks.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (sequence > (this.#blocks[middle]?.oldest ?? 0)) high = middle;
      else low = middle + 1;
    }
    return low;
  }

  #makeBlock(index: number): Block {
    const group = this.#groupFor(index);
    const block = new Block(group);
    const next = this.#blocks[index];
    this.#blocks.splice(index, 0, block);
    this.#blockOf.set(block.element, block);
    const place = next?.group === group ? group.blocks.indexOf(next) : group.blocks.length;
    group.element.insertBefore(block.element, group.blocks[place]?.element ?? null);
    group.blocks.splice(place, 0, block);
    // The first block is on the screen; the others hear from the observer.
    if (index === 0) this.#setGroupNear(group, true);
    this.#setNear(block, index === 0);
    if (group.isNear) this.#observer.observe(block.element);
    return block;
  }

  /** Find the group of a block that is to come to `index`; a new one where its neighbours' are full. */
  #groupFor(index: number): Group {
    const above = this.#blocks[index - 1]?.group;
    const below = this.#blocks[index]?.group;
    const open = [above, below].find((group) => group && group.blocks.length < BLOCKS_PER_GROUP);
    if (open !== undefined) return open;
    if (above !== undefined && above === below) return this.#splitGroup(above, index);
    return this.#makeGroup(below ?? null);
  }

  #makeGroup(below: Group | null): Group {
    const group = new Group();
    this.#groups.set(group.element, group);
    this.host.insertBefore(group.element, below?.element ?? null);
    group.element.toggleAttribute("data-far", true);
    this.#groupObserver.observe(group.element);
    return group;
  }

  /** Give the blocks of a full group that stand above `index` one of their own, and return it. */
  #splitGroup(full: Group, index: number): Group {
    const group = this.#makeGroup(full);
    const count = full.blocks.indexOf(this.#blocks[index] as Block);
    group.blocks.push(...full.blocks.splice(0, count));
    for (const block of group.blocks) block.group = group;
    group.element.append(...group.blocks.map((block) => block.element));
    this.#setGroupHeight(full);
    if (full.isNear) this.#setGroupNear(group, true);
    else this.#setGroupHeight(group);
    return group;
  }

  /**
   * Give the first rows of a full block one of their own, and return it. Many that come at once, the
   * newest first, would all be put between that and the older ones. What was there before stays in its
   * place: it may have the focus.
   */
  #split(index: number, count: number): Block {
    const full = this.#blocks[index] as Block;
    const block = this.#makeBlock(index);
    block.rows.push(...full.rows.splice(0, count));
    block.sequences.push(...full.sequences.splice(0, count));
    for (const row of block.rows) this.#blockOf.set(row, block);
    block.element.append(...block.rows);
    this.#setNear(block, block.isNear);
    this.#forgetHeight(full);
    return block;
  }

  #dropBlock(block: Block): void {
    this.#observer.unobserve(block.element);
    this.#blocks.splice(this.#blocks.indexOf(block), 1);
    this.#blockOf.delete(block.element);
    block.element.remove();
    const { group } = block;
    group.blocks.splice(group.blocks.indexOf(block), 1);
    if (group.blocks.length > 0) {
      this.#setGroupHeight(group);
      return;
    }
    this.#groupObserver.unobserve(group.element);
    this.#groups.delete(group.element);
    group.element.remove();
  }

  #onIntersect(entries: readonly IntersectionObserverEntry[]): void {
    for (const entry of entries) {
      const block = this.#blockOf.get(entry.target);
      // What is told of a block whose group has gone far meanwhile is that it is not laid out.
      if (block === undefined || !block.group.isNear) continue;
      if (!entry.isIntersecting) {
        if (block.isNear) this.#measure(block, entry.boundingClientRect.height);
        this.#setNear(block, false);
      } else {
        this.#setNear(block, true);
      }
    }
  }

  #measure(block: Block, height: number): void {
    if (height === 0 || block.rows.length === 0) return;
    block.height = height;
    this.#rowHeight = height / block.rows.length;
  }

  #setNear(block: Block, isNear: boolean): void {
    block.isNear = isNear;
    block.element.toggleAttribute("data-far", !isNear);
    if (isNear) {
      block.element.style.removeProperty("height");
      block.height = null;
      for (const row of block.rows) this.#makeNear(row);
    } else {
      this.#setHeight(block);
      for (const row of block.rows) row.isNear = false;
    }
  }

  #makeNear(row: RecordRow): void {
    this.onNear(row);
    row.isNear = true;
  }

  #setGroupNear(group: Group, isNear: boolean): void {
    if (group.isNear === isNear) return;
    group.isNear = isNear;
    group.element.toggleAttribute("data-far", !isNear);
    for (const block of group.blocks) {
      if (isNear) {
        this.#observer.observe(block.element);
      } else {
        this.#observer.unobserve(block.element);
        if (block.isNear) this.#setNear(block, false);
      }
    }
    this.#setGroupHeight(group);
  }

  /** A block that is not near has other rows than when it was measured. */
  #forgetHeight(block: Block): void {
    if (block.isNear) return;
    block.height = null;
    this.#setHeight(block);
  }

  #setHeight(block: Block): void {
    block.element.style.height = `${this.#heightOf(block)}px`;
    this.#setGroupHeight(block.group);
  }

  #setGroupHeight(group: Group): void {
    if (group.isNear) {
      group.element.style.removeProperty("height");
      return;
    }
    const height = group.blocks.reduce((sum, block) => sum + this.#heightOf(block), 0);
    group.element.style.height = `${height}px`;
  }

  #heightOf(block: Block): number {
    return Math.round(block.height ?? block.rows.length * this.#rowHeight);
  }
}
