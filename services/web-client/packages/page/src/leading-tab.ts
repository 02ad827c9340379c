/**
 * Which tab of the browser tells of what arrives, and which feeds are looked at in any of them: by Web
 * Locks, which a tab that crashed holds no more. Where there are none each tab is as if it were alone.
 */

const LEAD = "aviso.alerts";
const LOOK = "aviso.looked-at:";

export class LeadingTab {
  #isLeading = navigator.locks === undefined;
  #looked: string | null = null;
  #stopLooking: () => void = () => {};

  get isLeading(): boolean {
    return this.#isLeading;
  }

  /** Take part, for as long as this tab is open: tabs of one reader share a lead. */
  join(reader: string): () => void {
    const leaving = new AbortController();
    let leave = (): void => {};
    void navigator.locks
      ?.request(`${LEAD}:${reader}`, { signal: leaving.signal }, () => {
        this.#isLeading = true;
        return new Promise<void>((resolve) => {
          leave = resolve;
        });
      })
      .catch(() => {});
    return () => {
      leaving.abort();
      leave();
      this.#isLeading = navigator.locks === undefined;
    };
  }

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
