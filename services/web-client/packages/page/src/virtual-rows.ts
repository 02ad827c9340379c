/** Which rows of a long table stand near its window. The one place that talks to virtual-core. */

import {
  elementScroll,
  observeElementOffset,
  observeElementRect,
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

  /** `scroller`: what scrolls, once it is drawn. */
  constructor(
    private readonly scroller: () => HTMLElement | null,
    private readonly onChange: () => void,
  ) {
    this.#virtualizer = new Virtualizer(this.#options(0, 1));
  }

  /** `height`: of each row, in pixels. */
  update(count: number, height: number): void {
    const isOther = height !== this.#height;
    this.#height = height;
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

  get totalHeight(): number {
    return this.#virtualizer.getTotalSize();
  }

  bringIntoSight(index: number): void {
    this.#virtualizer.scrollToIndex(index, { align: "auto" });
  }

  #options(count: number, height: number) {
    return {
      count,
      getScrollElement: this.scroller,
      estimateSize: () => height,
      overscan: ROWS_READY,
      scrollToFn: elementScroll,
      observeElementRect,
      observeElementOffset,
      onChange: () => this.onChange(),
    };
  }
}
