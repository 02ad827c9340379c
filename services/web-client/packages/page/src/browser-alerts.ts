/** How this browser tells the reader: its notifications, a sound, and one of its tabs for all. */

import { alertText, missedText } from "./alert-text";
import { Chime } from "./chime";
import type { Alert, AlertEdge, AlertKind } from "./feed-alerts";
import { LeadingTab, LookedAt } from "./leading-tab";
import type { FeedInfo } from "./library";
import { Notifier } from "./notifier";
import type { Reading } from "./reading";

const MISSED = "aviso-missed";
/** Tabs of one reader share these. */
const NOTIFIES = "aviso.notifies:";
const SOUNDS = "aviso.sounds:";

export interface AlertPorts {
  reading(): Reading;
  /** Show this feed, in this tab. */
  open(slug: string): void;
  /** What may be done is another. */
  onChange(): void;
}

export class BrowserAlerts implements AlertEdge {
  readonly notifier: Notifier;
  readonly chime: Chime;
  readonly #lookedAt = new LookedAt();
  readonly #notifies = new LeadingTab();
  readonly #sounds = new LeadingTab();
  readonly #tags = new Map<string, string>();
  #reader = "";

  constructor(private readonly ports: AlertPorts) {
    this.notifier = new Notifier(() => ports.onChange());
    this.chime = new Chime(() => {
      this.#joinSounds();
      ports.onChange();
    });
  }

  leads(kind: AlertKind): boolean {
    return (kind === "notify" ? this.#notifies : this.#sounds).isLeading;
  }

  setReader(name: string): void {
    this.#reader = name;
    this.#notifies.join(NOTIFIES + name);
    this.#joinSounds();
  }

  /** A tab on which nobody has clicked yet would keep the others silent. */
  #joinSounds(): void {
    this.#sounds.join(this.chime.state === "ready" ? SOUNDS + this.#reader : null);
  }

  look(slug: string | null): void {
    this.#lookedAt.look(slug);
  }

  isLookedAtElsewhere(slug: string): Promise<boolean> {
    return this.#lookedAt.isLookedAt(slug);
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
