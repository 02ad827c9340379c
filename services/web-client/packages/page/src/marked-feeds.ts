/**
 * The feeds that were pinned, or that the reader wants to be told of, wherever in the list they are:
 * those it has not come to are asked for, each again after a while.
 */

import type { FeedInfo, Mark } from "./library";

/** How many feeds may be pinned, and how many told of. */
export const MOST_MARKED = 20;
/** Whether it is still there is known from its head; its name does not change often. */
const AGAIN_MS = 300_000;
const LISTED: readonly Mark[] = ["pinned", "notify", "sound"];

export interface MarkedSurroundings {
  withMark(mark: Mark): readonly string[];
  /** The list has it, or it is followed. */
  known(slug: string): FeedInfo | undefined;
  /** null: the answer is nobody's any more. */
  find(slug: string): Promise<{ readonly info: FeedInfo | null } | null>;
  onFound(info: FeedInfo): void;
}

export class MarkedFeeds {
  readonly #found = new Map<string, FeedInfo>();
  /** When each was asked for last, by performance.now(). */
  readonly #askedAt = new Map<string, number>();

  constructor(private readonly surroundings: MarkedSurroundings) {}

  /** By name. */
  infos(mark: Mark): readonly FeedInfo[] {
    return this.#slugs(mark).flatMap((slug) => this.#infoOf(slug) ?? []);
  }

  /** Those that are not there any more, or not open to the reader, are in nobody's way. */
  isFull(mark: Mark): boolean {
    return this.surroundings.withMark(mark).length - this.#gone(mark).length >= MOST_MARKED;
  }

  /** Which ones, gone, lose the mark for another one to have it. */
  givingWay(mark: Mark): readonly string[] {
    const tooMany = this.surroundings.withMark(mark).length + 1 - MOST_MARKED;
    return tooMany > 0 ? this.#gone(mark).slice(0, tooMany) : [];
  }

  forget(slugs: readonly string[]): void {
    for (const slug of slugs) this.#found.delete(slug);
  }

  /** Others may be open to the reader than before. */
  askAnew(): void {
    this.#askedAt.clear();
  }

  /** Somebody else reads. */
  clear(): void {
    this.#found.clear();
    this.#askedAt.clear();
  }

  /** Ask for those that the list has not come to. */
  async find(): Promise<void> {
    const slugs = new Set(LISTED.flatMap((mark) => this.#slugs(mark)));
    for (const map of [this.#found, this.#askedAt]) {
      for (const slug of map.keys()) if (!slugs.has(slug)) map.delete(slug);
    }
    const due = performance.now() - AGAIN_MS;
    const missing: string[] = [];
    for (const slug of slugs) {
      const info = this.surroundings.known(slug);
      // Where the list shows something else later, as what is looked for, it stays known.
      if (info !== undefined) this.#note(info);
      else if ((this.#askedAt.get(slug) ?? Number.NEGATIVE_INFINITY) <= due) missing.push(slug);
    }
    await Promise.all(missing.map((slug) => this.#find(slug)));
  }

  #note(info: FeedInfo): void {
    this.#found.set(info.slug, { ...info, schema: null });
    this.#askedAt.set(info.slug, performance.now());
  }

  #slugs(mark: Mark): readonly string[] {
    return this.surroundings.withMark(mark).slice(0, MOST_MARKED);
  }

  #gone(mark: Mark): readonly string[] {
    const isGone = (slug: string) => this.#askedAt.has(slug) && this.#infoOf(slug) === undefined;
    return this.surroundings.withMark(mark).filter(isGone);
  }

  #infoOf(slug: string): FeedInfo | undefined {
    return this.surroundings.known(slug) ?? this.#found.get(slug);
  }

  async #find(slug: string): Promise<void> {
    const answer = await this.surroundings.find(slug);
    if (answer === null) return;
    const { info } = answer;
    this.#askedAt.set(slug, performance.now());
    if (info === null) {
      this.#found.delete(slug);
      return;
    }
    this.#note(info);
    this.surroundings.onFound(info);
  }
}
