/**
 * The browser's notifications: the only file that knows them. Where there are none, that is a state. What
 * may be done is read when it may be another: the browser answers that from another process.
 */

import type { AlertText } from "./alert-text";

/** `ask`: nobody has said yet whether the page may. */
export type NotifyState = "unsupported" | "ask" | "denied" | "granted";

export class Notifier {
  readonly #shown = new Map<string, Notification>();
  /** The browser has them, and lets no page show one. */
  #isRefused = false;
  #state: NotifyState;

  /** `onChange`: what may be done is another. */
  constructor(private readonly onChange: () => void) {
    this.#state = this.#read();
    document.addEventListener("visibilitychange", this.#look);
    void this.#watch();
  }

  get state(): NotifyState {
    return this.#state;
  }

  /** Browsers ask only out of a click. */
  async ask(): Promise<NotifyState> {
    if (this.#look() === "ask") await Notification.requestPermission();
    return this.#look();
  }

  /** Not every browser tells of it. */
  async #watch(): Promise<void> {
    const status = await navigator.permissions
      ?.query({ name: "notifications" })
      .catch(() => undefined);
    status?.addEventListener("change", this.#look);
  }

  readonly #look = (): NotifyState => {
    const state = this.#read();
    if (state !== this.#state) {
      this.#state = state;
      this.onChange();
    }
    return state;
  };

  #read(): NotifyState {
    if (this.#isRefused || typeof Notification === "undefined") return "unsupported";
    const { permission } = Notification;
    return permission === "default" ? "ask" : permission;
  }

  /** One of a tag, renewed. Silent: the sound is the page's own. */
  show(tag: string, { title, body }: AlertText, onClick: () => void, onClose: () => void): void {
    if (this.#look() !== "granted") return;
    let shown: Notification;
    try {
      shown = new Notification(title, { body, tag, silent: true, icon: "/favicon.svg" });
    } catch {
      // On some phones only a worker may show one.
      this.#isRefused = true;
      this.#look();
      return;
    }
    this.#shown.set(tag, shown);
    const end = (then: () => void) => {
      if (this.#shown.get(tag) !== shown) return;
      this.#shown.delete(tag);
      then();
    };
    shown.onclose = () => end(onClose);
    shown.onclick = () => {
      end(onClick);
      shown.close();
    };
  }

  /** null: all. */
  close(tag: string | null): void {
    for (const [each, shown] of this.#shown) {
      if (tag !== null && each !== tag) continue;
      this.#shown.delete(each);
      shown.close();
    }
  }
}
