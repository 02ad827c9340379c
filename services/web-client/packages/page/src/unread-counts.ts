/**
 * How much is unread in feeds that are listed and not followed: the distance from what was seen to the
 * head, for all of them by one question. Asked every 10 s, less often while nothing changes, and not
 * at all while nobody looks.
 */

import { type FeedMemory, MOST_REMEMBERED } from "./feed-memory";
import { type FeedHead, MAX_HEADS } from "./library";

const PACE_FIRST_MS = 10_000;
const PACE_MOST_MS = 60_000;
const SLOWER = 1.5;

export interface CountSource {
  /** The feeds to ask for, those that matter most first. */
  shown(): readonly string[];
  /** null: the answer is nobody's any more. */
  ask(slugs: readonly string[]): Promise<FeedHead[] | null>;
  /** These are not there any more, or not open to the reader. */
  lose(slugs: readonly string[]): void;
  onChange(): void;
}

export class UnreadCounts {
  /** The one that came last stands last. */
  readonly #heads = new Map<string, FeedHead>();
  #pace = PACE_FIRST_MS;
  /** When the next question may be sent, by performance.now(). */
  #notBefore = 0;
  #isVisible = false;
  #isAsking = false;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(
    private readonly memory: () => FeedMemory,
    private readonly source: CountSource,
  ) {}

  of(slug: string): number {
    const head = this.#heads.get(slug);
    const seen = this.memory().seenOf(slug);
    if (head === undefined || seen?.epoch !== head.epoch) return 0;
    return Math.max(0, head.head - seen.sequence);
  }

  sum(isCounted: (slug: string) => boolean): number {
    let sum = 0;
    for (const slug of this.#heads.keys()) if (isCounted(slug)) sum += this.of(slug);
    return sum;
  }

  /** Returns whether it is news. What a feed begins with, or begins anew with, was seen. */
  note(head: FeedHead): boolean {
    const { slug, epoch } = head;
    const before = this.#heads.get(slug);
    this.#heads.delete(slug);
    this.#heads.set(slug, { slug, epoch, head: head.head });
    for (const oldest of this.#heads.keys()) {
      if (this.#heads.size <= MOST_REMEMBERED) break;
      this.#heads.delete(oldest);
    }
    this.memory().begin(slug, { epoch, sequence: head.head });
    return before?.head !== head.head || before.epoch !== epoch;
  }

  forget(slug: string): void {
    this.#heads.delete(slug);
  }

  /** Ask while somebody looks, and at once when somebody comes back. */
  setVisible(isVisible: boolean): void {
    if (this.#isVisible === isVisible) return;
    this.#isVisible = isVisible;
    this.#pace = PACE_FIRST_MS;
    if (isVisible) this.#plan(0);
    else clearTimeout(this.#timer);
  }

  #plan(delayMs: number): void {
    clearTimeout(this.#timer);
    if (!this.#isVisible) return;
    const wait = Math.max(delayMs, this.#notBefore - performance.now());
    this.#timer = setTimeout(() => void this.#ask(), wait);
  }

  async #ask(): Promise<void> {
    if (this.#isAsking) return;
    this.#isAsking = true;
    try {
      await this.#askOnce();
    } catch (error) {
      this.#pace = Math.min(PACE_MOST_MS, this.#pace * 2);
      const { retryAfterMs } = (error ?? {}) as { retryAfterMs?: number | null };
      this.#notBefore = performance.now() + (retryAfterMs ?? 0);
    } finally {
      this.#isAsking = false;
    }
    // Spread, so that pages that were opened together do not ask together.
    this.#plan(this.#pace * (0.75 + Math.random() / 4));
  }

  async #askOnce(): Promise<void> {
    const slugs = this.source.shown().slice(0, MAX_HEADS);
    if (slugs.length === 0) return;
    // Coming back again and again is no reason to ask each time.
    this.#notBefore = performance.now() + PACE_FIRST_MS / 5;
    const heads = await this.source.ask(slugs);
    if (heads === null) return;
    const news = heads.map((head) => this.note(head));
    const there = new Set(heads.map(({ slug }) => slug));
    const gone = slugs.filter((slug) => !there.has(slug));
    if (gone.length > 0) this.source.lose(gone);
    const isNews = news.includes(true) || gone.length > 0;
    this.#pace = isNews ? PACE_FIRST_MS : Math.min(PACE_MOST_MS, this.#pace * SLOWER);
    if (isNews) this.source.onChange();
  }
}
