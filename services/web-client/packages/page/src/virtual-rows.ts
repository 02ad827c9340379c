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

export interface VirtualRow {
  readonly index: number;
  /** From the top of all rows, in pixels. */
  readonly start: number;
}

export class VirtualRows {
  readonly #virtualizer: Virtualizer<HTMLElement, HTMLElement>;
  #isMounted = false;
  #unmount: (() => void) | null = null;
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
    this.#height = height;
    this.#kept = kept;
    this.#virtualizer.setOptions(this.#options(count, height));
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
    return this.#virtualizer.getVirtualItems();
  }

  /** Which rows stand ready, without the one that is kept: from, up to and without. */
  get ready(): readonly [number, number] {
    const { range } = this.#virtualizer;
    if (range === null) return [0, 0];
    return [Math.max(0, range.startIndex - ROWS_READY), range.endIndex + 1 + ROWS_READY];
  }

  get totalHeight(): number {
    return this.#virtualizer.getTotalSize();
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
