/** `<relative-time>`: "3 min ago", kept true by the shared clock, with the exact time in its title. */

import { everySecond, serverNow } from "./clock";
import type { MessageKey } from "./locale";
import type { Reading } from "./reading";

export class RelativeTime extends HTMLElement {
  #time: Date | null = null;
  #reading: Reading | null = null;
  #message: MessageKey | null = null;
  #stop: (() => void) | null = null;
  readonly #element = document.createElement("time");

  set time(time: Date) {
    if (this.#time?.getTime() === time.getTime()) return;
    this.#time = time;
    this.#writeExact();
  }

  /** The message that says what happened then; null: the title is the time alone. */
  set message(message: MessageKey | null) {
    if (this.#message === message) return;
    this.#message = message;
    this.#writeExact();
  }

  set reading(reading: Reading) {
    if (this.#reading === reading) return;
    this.#reading = reading;
    this.#writeExact();
  }

  connectedCallback(): void {
    if (this.#element.parentNode === null) this.append(this.#element);
    this.#stop = everySecond((now) => this.#write(now));
    this.#write(serverNow());
  }

  disconnectedCallback(): void {
    this.#stop?.();
  }

  #writeExact(): void {
    if (this.#time === null || this.#reading === null) return;
    this.#element.dateTime = this.#time.toISOString();
    const { t, formatting } = this.#reading;
    const time = formatting.exactTime(this.#time);
    this.#element.title = this.#message === null ? time : t(this.#message, { time });
    this.#write(serverNow());
  }

  #write(now: Date): void {
    if (this.#time === null || this.#reading === null) return;
    const text = this.#reading.formatting.relativeTime(this.#time, now);
    if (this.#element.textContent !== text) this.#element.textContent = text;
  }
}

customElements.define("relative-time", RelativeTime);
