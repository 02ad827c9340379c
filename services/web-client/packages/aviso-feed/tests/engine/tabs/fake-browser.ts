/**
 * One browser with several tabs, over one pair of servers: locks, channels, and tabs that are closed,
 * crash, or stand still without a word.
 */

import { AvisoClient, type ClientOptions } from "../../../src/api/client";
import { shareTabs } from "../../../src/api/tabs";
import type { HostPort, LinkPort, Timer } from "../../../src/engine/ports";
import type { Subscription } from "../../../src/engine/subscription";
import type { LockListener, PageListener, TabsPort } from "../../../src/engine/tabs/ports";
import type { FeedEvent } from "../../../src/model/event";
import { makeWorld, type World } from "../../fakes";

type Asking = { readonly tab: FakeTab; readonly listener: LockListener };
type Said = { readonly from: string; readonly generation: number; readonly count: number };
type Channel = { readonly tab: FakeTab; readonly name: string; hear(data: unknown): void };

export class FakeBrowser {
  readonly world: World = makeWorld();
  readonly tabs: FakeTab[] = [];
  readonly held = new Map<string, Asking>();
  readonly queues = new Map<string, Asking[]>();
  readonly channels = new Set<Channel>();
  readonly signOuts = new Map<string, number>();
  /** What leaders said, each with who it was and in which generation. */
  readonly said: Said[] = [];
  /** Nobody hears anybody. */
  isDeaf = false;

  /** `url`: the server's, as the page has it. */
  open(options: ClientOptions = {}, origin = "https://shop.test", url = ""): FakeTab {
    return new FakeTab(this, options, origin, url);
  }

  /** In steps, so that whatever follows from something has its turn. */
  async advance(ms: number): Promise<void> {
    const step = Math.max(10, ms / 100);
    for (let left = ms; left > 0; left -= step)
      await this.world.clock.advance(Math.min(step, left));
    if (ms === 0) await this.world.clock.advance(0);
  }

  /** Those that run. */
  get alive(): FakeTab[] {
    return this.tabs.filter((tab) => !tab.isGone);
  }

  get leaders(): FakeTab[] {
    return this.tabs.filter((tab) => [...this.held.values()].some((each) => each.tab === tab));
  }

  get openLinks(): number {
    return this.world.xmpp.links.filter(({ isOpen }) => isOpen).length;
  }

  publish(count: number, feed = "orders"): void {
    const { rest, xmpp } = this.world;
    const { epoch, head } = rest.feeds.get(feed) ?? { epoch: "k3f9", head: 0 };
    rest.feeds.set(feed, { epoch, head: head + count });
    xmpp.publish(feed, epoch, head + 1, count);
  }

  give(name: string): void {
    if (this.held.has(name)) return;
    const next = this.queues.get(name)?.shift();
    if (next === undefined) return;
    this.held.set(name, next);
    next.tab.later(() => next.listener.held());
  }
}

export class FakeTab {
  readonly host: HostPort;
  readonly client: AvisoClient;
  /** The last feed that it follows. */
  subscription: Subscription | null = null;
  isGone = false;
  isVisible = true;
  #isStill = false;
  #waiting: (() => void)[] = [];
  readonly #listeners = new Set<PageListener>();
  readonly #links = new Set<LinkPort>();
  readonly events: FeedEvent[] = [];
  readonly states: string[] = [];

  constructor(
    private readonly browser: FakeBrowser,
    options: ClientOptions,
    origin: string,
    url = "",
  ) {
    browser.tabs.push(this);
    const { host } = browser.world;
    // Each document counts from when it was opened.
    const openedAt = host.now();
    this.host = {
      ...host,
      now: () => host.now() - openedAt,
      setTimer: (callback, delayMs) => {
        const timer = { isCleared: false, id: null as Timer };
        const fire = (): void => {
          if (!timer.isCleared) callback();
        };
        timer.id = host.setTimer(() => this.run(fire), delayMs);
        return timer;
      },
      clearTimer: (timer) => {
        if (timer === null) return;
        (timer as { isCleared: boolean }).isCleared = true;
        host.clearTimer((timer as { id: Timer }).id);
      },
      openLink: (request, listener) => {
        const link = host.openLink(request, {
          progress: () => this.run(() => listener.progress()),
          up: (jid, resumed) => this.run(() => listener.up(jid, resumed)),
          stanza: (element) => this.run(() => listener.stanza(element)),
          down: (end) => this.run(() => listener.down(end)),
        });
        this.#links.add(link);
        return link;
      },
    };
    const tabs = shareTabs(this.#port(origin));
    this.client = new AvisoClient(url, { tabs, ...options }, this.host);
  }

  /** Follow a feed, and keep what came. */
  follow(feed = "orders", history = 100) {
    const subscription = this.client.subscribe(feed, { history });
    subscription.on("events", ({ events }) => this.events.push(...events));
    subscription.on("state", ({ kind }) => this.states.push(kind));
    this.subscription = subscription;
    return subscription;
  }

  get sequences(): number[] {
    return this.events.map(({ sequence }) => sequence);
  }

  /** Now, or when the tab goes on; never where it is gone. */
  run(callback: () => void): void {
    if (this.isGone) return;
    if (this.#isStill) this.#waiting.push(callback);
    else callback();
  }

  later(callback: () => void): void {
    setImmediate(() => this.run(callback));
  }

  crash(): void {
    const { browser } = this;
    this.isGone = true;
    for (const channel of browser.channels) {
      if (channel.tab === this) browser.channels.delete(channel);
    }
    for (const queue of browser.queues.values()) {
      for (let n = queue.length - 1; n >= 0; n -= 1) if (queue[n]?.tab === this) queue.splice(n, 1);
    }
    for (const link of this.#links) link.drop();
    for (const [name, { tab }] of browser.held) {
      if (tab !== this) continue;
      browser.held.delete(name);
      browser.give(name);
    }
  }

  /** Without a word, as a stopped process. */
  standStill(): void {
    this.#isStill = true;
  }

  goOn(): void {
    this.#isStill = false;
    for (const callback of this.#waiting.splice(0)) this.run(callback);
  }

  freeze(): void {
    if (this.#isStill) return;
    for (const listener of [...this.#listeners]) listener.freeze();
    this.standStill();
  }

  thaw(): void {
    this.goOn();
    for (const listener of [...this.#listeners]) listener.thaw();
  }

  show(): void {
    this.isVisible = true;
    for (const listener of [...this.#listeners]) listener.show();
  }

  #port(pageOrigin: string): TabsPort {
    const { browser } = this;
    return {
      pageOrigin,
      isVisible: () => this.isVisible,
      signOuts: {
        get: (reader) => browser.signOuts.get(reader) ?? 0,
        note: (reader, at) => void browser.signOuts.set(reader, at),
      },
      digest: async (secret) => `name of ${secret}`,
      watch: (listener) => {
        this.#listeners.add(listener);
        return () => this.#listeners.delete(listener);
      },
      openChannel: (name, hear) => {
        const channel = { tab: this, name, hear };
        browser.channels.add(channel);
        return {
          post: (data) => {
            const copy = structuredClone(data);
            if ((copy as Said).count > 0) browser.said.push(copy as Said);
            if (browser.isDeaf) return;
            for (const other of browser.channels) {
              if (other === channel || other.name !== name) continue;
              other.tab.later(() => {
                if (browser.channels.has(other)) other.hear(copy);
              });
            }
          },
          close: () => void browser.channels.delete(channel),
        };
      },
      requestLock: (name, how, listener) => {
        const asking: Asking = { tab: this, listener };
        const queue = browser.queues.get(name) ?? [];
        browser.queues.set(name, queue);
        if (how === "wait") queue.push(asking);
        else {
          const robbed = browser.held.get(name);
          browser.held.delete(name);
          queue.unshift(asking);
          robbed?.tab.later(() => robbed.listener.lost());
        }
        browser.give(name);
        return () => {
          const index = queue.indexOf(asking);
          if (index >= 0) queue.splice(index, 1);
          if (browser.held.get(name) !== asking) return;
          browser.held.delete(name);
          browser.give(name);
        };
      },
    };
  }
}
