/**
 * The feeds of which the reader does not want to be told what is unread, the last 1,000 of them: public
 * ones in localStorage too, the names of private ones never.
 */

import type { FeedInfo } from "./library";
import { rememberedMuted, rememberMuted } from "./storage";

export const MOST_MUTED = 1_000;

export class MutedFeeds {
  readonly #public = new Set(rememberedMuted());
  readonly #private = new Set<string>();

  has(slug: string): boolean {
    return this.#public.has(slug) || this.#private.has(slug);
  }

  set({ slug, visibility }: FeedInfo, isMuted: boolean): void {
    if (visibility === "private") {
      this.#forget([slug]);
      change(this.#private, slug, isMuted);
      return;
    }
    this.#private.delete(slug);
    change(this.#public, slug, isMuted);
    this.#keep([slug]);
  }

  /** They are not there any more. */
  forget(slugs: readonly string[]): void {
    for (const slug of slugs) this.#private.delete(slug);
    this.#forget(slugs);
  }

  forgetPrivate(): void {
    this.#private.clear();
  }

  #forget(slugs: readonly string[]): void {
    const known = slugs.filter((slug) => this.#public.delete(slug));
    if (known.length > 0) this.#keep(known);
  }

  /** Write down what changed; other tabs write too. */
  #keep(changed: readonly string[]): void {
    const kept = new Set(rememberedMuted());
    for (const slug of changed) change(kept, slug, this.#public.has(slug));
    rememberMuted([...kept]);
  }
}

function change(slugs: Set<string>, slug: string, isIn: boolean): void {
  slugs.delete(slug);
  if (!isIn) return;
  slugs.add(slug);
  for (const oldest of slugs) {
    if (slugs.size <= MOST_MUTED) return;
    slugs.delete(oldest);
  }
}
