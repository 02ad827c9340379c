/** Tells whoever listens. A name that is none does not compile. */

type Listener = (detail: unknown) => void;

export class Emitter<Events extends object> {
  readonly #listeners = new Map<keyof Events, Set<{ readonly listener: Listener }>>();

  /** Returns the function that ends it; to call that twice is no error. */
  on<Name extends keyof Events>(name: Name, listener: (detail: Events[Name]) => void): () => void {
    const listeners = this.#listeners.get(name) ?? new Set();
    this.#listeners.set(name, listeners);
    // Of its own, though the same function came twice.
    const entry = { listener: listener as Listener };
    listeners.add(entry);
    return () => void listeners.delete(entry);
  }

  protected emit<Name extends keyof Events>(name: Name, detail: Events[Name]): void {
    for (const entry of [...(this.#listeners.get(name) ?? [])]) {
      try {
        entry.listener(detail);
      } catch (error) {
        // The caller's fault is his own: it must not stop the feed, nor hide.
        queueMicrotask(() => {
          throw error;
        });
      }
    }
  }
}
