/** How this browser tells the reader: its notifications, a sound, and one of its tabs for all. */

import { alertText, missedText } from "./alert-text";
import { Chime } from "./chime";
import type { Alert, AlertEdge } from "./feed-alerts";
import { LeadingTab } from "./leading-tab";
import type { FeedInfo } from "./library";
import { Notifier } from "./notifier";
import type { Reading } from "./reading";

const MISSED = "aviso-missed";

export interface AlertPorts {
  reading(): Reading;
  /** Show this feed, in this tab. */
  open(slug: string): void;
  /** What may be done is another. */
  onChange(): void;
}

export class BrowserAlerts implements AlertEdge {
  readonly notifier = new Notifier();
  readonly chime: Chime;
  readonly #tab = new LeadingTab();
  readonly #tags = new Map<string, string>();
  #leave: () => void = () => {};

  constructor(private readonly ports: AlertPorts) {
    this.chime = new Chime(() => ports.onChange());
  }

  get isLeading(): boolean {
    return this.#tab.isLeading;
  }

  setReader(name: string): void {
    this.#leave();
    this.#leave = this.#tab.join(name);
  }

  look(slug: string | null): void {
    this.#tab.look(slug);
  }

  isLookedAtElsewhere(slug: string): Promise<boolean> {
    return this.#tab.isLookedAt(slug);
  }

  notify(alert: Alert, onAnswer: () => void): void {
    const { slug } = alert.info;
    const text = alertText(alert, this.ports.reading());
    const open = () => {
      onAnswer();
      window.focus();
      this.ports.open(slug);
    };
    this.notifier.show(this.#tagOf(alert.info), text, open, onAnswer);
  }

  notifyMissed(count: number, feeds: number): void {
    const text = missedText(count, feeds, this.ports.reading());
    this.notifier.show(
      MISSED,
      text,
      () => window.focus(),
      () => {},
    );
  }

  sound(): void {
    void this.chime.play();
  }

  clear(slug: string | null): void {
    if (slug === null) this.notifier.close(null);
    const tag = slug === null ? undefined : this.#tags.get(slug);
    if (tag !== undefined) this.notifier.close(tag);
  }

  /** Systems may keep it: it does not tell of a private feed. */
  #tagOf({ slug, visibility }: FeedInfo): string {
    const known = this.#tags.get(slug);
    const tag = visibility === "public" ? `aviso:${slug}` : (known ?? `aviso-${this.#tags.size}`);
    this.#tags.set(slug, tag);
    return tag;
  }
}
