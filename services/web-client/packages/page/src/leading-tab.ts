/**
 * Which tab of the browser does what only one may do, and which feeds are looked at in any of them: by
 * Web Locks, which a tab that crashed holds no more. Where there are none each tab is as if it were alone.
 */

const LOOK = "aviso.looked-at:";

export class LeadingTab {
  #isLeading = navigator.locks === undefined;
  #name: string | null = null;
  #leave = (): void => {};

  get isLeading(): boolean {
    return this.#isLeading;
  }

  /** Take part in this alone, for as long as this tab is open; null: in nothing. */
  join(name: string | null): void {
    if (name === this.#name || navigator.locks === undefined) return;
    this.#name = name;
    this.#leave();
    this.#leave = () => {};
    if (name !== null) this.#request(name, navigator.locks);
  }

  #request(name: string, locks: LockManager): void {
    const leaving = new AbortController();
    let end = (): void => {};
    this.#leave = () => {
      leaving.abort();
      end();
      this.#isLeading = false;
    };
    void locks
      .request(name, { signal: leaving.signal }, () => {
        // It came while we left.
        if (leaving.signal.aborted) return;
        this.#isLeading = true;
        return new Promise<void>((resolve) => {
          end = resolve;
        });
      })
      .catch(() => {});
  }
}

export class LookedAt {
  #looked: string | null = null;
  #stopLooking: () => void = () => {};

  /** null: nothing is looked at in this tab. */
  look(slug: string | null): void {
    if (slug === this.#looked || navigator.locks === undefined) return;
    this.#looked = slug;
    this.#stopLooking();
    this.#stopLooking = () => {};
    if (slug === null) return;
    const stop = new Promise<void>((resolve) => {
      this.#stopLooking = resolve;
    });
    void navigator.locks.request(LOOK + slug, { mode: "shared" }, () => stop).catch(() => {});
  }

  async isLookedAt(slug: string): Promise<boolean> {
    const locks = await navigator.locks?.query().catch(() => null);
    return locks?.held?.some(({ name }) => name === LOOK + slug) ?? false;
  }
}
