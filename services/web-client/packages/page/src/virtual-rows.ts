/** Which rows of a long table or list stand near its window. The one place that talks to virtual-core. */

import {
  defaultRangeExtractor,
  elementScroll,
  observeElementOffset,
  observeElementRect,
  type Range,
  Virtualizer,
} from "@tanstack/virtual-core";

/** How many rows stand ready above and below. */
const ROWS_READY = 10;
/**
 * The virtualizer lays all rows out anew when their number changes: thousands, several times a second,
 * while records arrive. So the number that it is told is rounded up to so many.
 */
const ROWS_TOLD = 1_000;

export interface VirtualRow {
  readonly index: number;
  /** From the top of all rows, in pixels. */
  readonly start: number;
}

export class VirtualRows {
  readonly #virtualizer: Virtualizer<HTMLElement, HTMLElement>;
  #isMounted = false;
  #unmount: (() => void) | null = null;
  #count = 0;
  #height = 0;
  #kept: number | null = null;

  /** `scroller`: what scrolls, once it is drawn. */
  constructor(
    private readonly scroller: () => HTMLElement | null,
    private readonly onChange: () => void,
  ) {
    this.#virtualizer = new Virtualizer(this.#options(0, 1));
  }

  /** `height`: of each row, in pixels. `kept`: a row that stays, wherever the window is. */
  update(count: number, height: number, kept: number | null = null): void {
    const isOther = height !== this.#height;
    this.#count = count;
    this.#height = height;
    this.#kept = kept;
    const told = Math.ceil(count / ROWS_TOLD) * ROWS_TOLD;
    this.#virtualizer.setOptions(this.#options(told, height));
    if (isOther) this.#virtualizer.measure();
  }

  /** Call it when the scroller is drawn. */
  mount(): void {
    if (!this.#isMounted) this.#unmount = this.#virtualizer._didMount();
    this.#isMounted = true;
    this.#virtualizer._willUpdate();
  }

  unmount(): void {
    this.#unmount?.();
    this.#isMounted = false;
  }

  get rows(): readonly VirtualRow[] {
    return this.#virtualizer.getVirtualItems().filter(({ index }) => index < this.#count);
  }

  /** Which rows stand ready, without the one that is kept: from, up to and without. */
  get ready(): readonly [number, number] {
    const { range } = this.#virtualizer;
    if (range === null) return [0, 0];
    const end = Math.min(range.endIndex + 1, this.#count);
    return [Math.max(0, range.startIndex - ROWS_READY), end + ROWS_READY];
  }

  get totalHeight(): number {
    return this.#count * this.#height;
  }

  bringIntoSight(index: number): void {
    this.#virtualizer.scrollToIndex(index, { align: "auto" });
  }

  #withKept(indexes: number[]): number[] {
    const kept = this.#kept;
    if (kept === null || indexes.includes(kept)) return indexes;
    return [...indexes, kept].sort((one, other) => one - other);
  }

  #options(count: number, height: number) {
    return {
      count,
      getScrollElement: this.scroller,
      estimateSize: () => height,
      overscan: ROWS_READY,
      rangeExtractor: (range: Range) => this.#withKept(defaultRangeExtractor(range)),
      scrollToFn: elementScroll,
      observeElementRect,
      observeElementOffset,
      onChange: () => this.onChange(),
    };
  }
}
