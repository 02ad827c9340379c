/**
 * The blocks that rows stand in, and which of them are near the screen. Only the record list uses
 * it. A block's height is set through the CSSOM, which the page's content security policy allows.
 */

import type { RecordRow } from "./record-row";
import { placeOf } from "./row-order";

const ROWS_PER_BLOCK = 15;
/** How far beyond the screen rows have content. */
const NEAR_MARGIN = "1200px 0px";
/** A row's height in pixels as long as none was measured. */
const ROW_HEIGHT_GUESS = 132;

class Block {
  readonly element = document.createElement("div");
  readonly rows: RecordRow[] = [];
  readonly sequences: number[] = [];
  isNear = false;
  height: number | null = null;

  constructor() {
    this.element.className = "row-block";
    // A feed owns articles; what stands between must not count in the accessibility tree.
    this.element.setAttribute("role", "none");
  }

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
  readonly #observer: IntersectionObserver;
  #rowHeight = ROW_HEIGHT_GUESS;

  constructor(
    private readonly host: HTMLElement,
    private readonly onNear: (row: RecordRow) => void,
  ) {
    this.#observer = new IntersectionObserver((entries) => this.#onIntersect(entries), {
      rootMargin: NEAR_MARGIN,
    });
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
    if (block.isNear) {
      this.#makeNear(row);
    } else {
      block.height = null;
      this.#setHeight(block);
    }
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
  }

  clear(): void {
    this.#observer.disconnect();
    for (const block of this.#blocks) block.element.remove();
    this.#blocks.length = 0;
    this.#blockOf.clear();
  }

  bringNear(row: RecordRow): void {
    const block = this.#blockOf.get(row);
    if (block !== undefined) this.#setNear(block, true);
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
    const block = new Block();
    const next = this.#blocks[index]?.element ?? null;
    this.#blocks.splice(index, 0, block);
    this.#blockOf.set(block.element, block);
    this.host.insertBefore(block.element, next);
    // The first block is on the screen; the others hear from the observer.
    this.#setNear(block, index === 0);
    this.#observer.observe(block.element);
    return block;
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
    full.height = null;
    if (!full.isNear) this.#setHeight(full);
    return block;
  }

  #dropBlock(block: Block): void {
    this.#observer.unobserve(block.element);
    this.#blocks.splice(this.#blocks.indexOf(block), 1);
    this.#blockOf.delete(block.element);
    block.element.remove();
  }

  #onIntersect(entries: readonly IntersectionObserverEntry[]): void {
    for (const entry of entries) {
      const block = this.#blockOf.get(entry.target);
      if (block === undefined) continue;
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

  #setHeight(block: Block): void {
    const height = block.height ?? block.rows.length * this.#rowHeight;
    block.element.style.height = `${Math.round(height)}px`;
  }
}
