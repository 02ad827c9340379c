/** One key for one write: kept while what is written stays the same, so that a retry is safe. */

import { stringifyExactJson } from "aviso-feed";
import type { Json } from "./json";

export class IdempotencyKeys {
  #attempt: { readonly content: string; readonly key: string } | null = null;

  keyFor(...write: readonly Json[]): string {
    const content = stringifyExactJson(write);
    if (this.#attempt?.content !== content) this.#attempt = { content, key: newKey() };
    return this.#attempt.key;
  }

  /** It was written: the same again is another write. */
  forget(): void {
    this.#attempt = null;
  }
}

/** crypto.randomUUID is only there on https and localhost; a key must be had on http as well. */
function newKey(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
