/** In place of a browser's ResizeObserver and IntersectionObserver: jsdom lays nothing out, a test says what is seen. */
export class FakeObserver {
  /** Those made since a test emptied it, in their order. */
  static readonly made: FakeObserver[] = [];

  readonly watched = new Set<Element>();

  constructor(readonly tell: (entries: object[]) => void) {
    FakeObserver.made.push(this);
  }

  observe(element: Element): void {
    this.watched.add(element);
  }

  unobserve(element: Element): void {
    this.watched.delete(element);
  }

  disconnect(): void {
    this.watched.clear();
  }
}
