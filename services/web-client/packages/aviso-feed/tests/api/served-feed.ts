/** A feed in the fake world for the tests of the bindings: records are written and changed. */

import { AvisoClient } from "../../src/api/client";
import { textOf } from "../batch-writer";
import { eventJson, makeWorld, type World } from "../fakes";

export type Order = { readonly n: number };

export class ServedFeed {
  readonly world: World = makeWorld();
  readonly client = new AvisoClient("", {}, this.world.host);

  constructor() {
    this.world.rest.feeds.set("orders", { epoch: "aaaa", head: 0 });
  }

  async write(count: number): Promise<void> {
    const feed = this.#feed;
    this.world.xmpp.publish("orders", feed.epoch, feed.head + 1, count);
    feed.head += count;
    await this.world.clock.advance(0);
  }

  /** The record that came with event `number` again, as `type`. */
  async change(number: number, type: "updated" | "deleted"): Promise<void> {
    const feed = this.#feed;
    feed.head += 1;
    const { subject, data } = eventJson("orders", feed.epoch, number);
    const event = { ...eventJson("orders", feed.epoch, feed.head, type), subject, data };
    this.world.xmpp.publish("orders", feed.epoch, feed.head, 1, { payload: textOf([event]) });
    await this.world.clock.advance(0);
  }

  /** Whether anybody sits in the feed's room. */
  get isFollowed(): boolean {
    return this.world.xmpp.links.some(({ occupancies }) => occupancies.size > 0);
  }

  get joins(): number {
    return this.world.xmpp.links
      .flatMap(({ sent }) => sent)
      .filter((stanza) => stanza.includes("maxstanzas")).length;
  }

  /** Who lets go of a view lets go of the feed a turn later. */
  async rest(): Promise<void> {
    await new Promise((resolve) => setTimeout(resolve, 5));
    await this.world.clock.advance(0);
  }

  get #feed(): { epoch: string; head: number } {
    return this.world.rest.feeds.get("orders") as { epoch: string; head: number };
  }
}
