/** A feed in the fake world for the tests of the bindings: records are written and changed. */

import { AvisoClient } from "../../src/api/client";
import type { RecordsPage } from "../../src/api/records-client";
import { textOf } from "../batch-writer";
import { eventJson, type Json, makeWorld, type World } from "../fakes";

export type Order = { readonly n: number };

export class ServedFeed {
  readonly world: World = makeWorld();
  readonly #changes = new Map<number, Json>();
  readonly client = new AvisoClient("", {}, this.world.host);

  constructor() {
    this.world.rest.feeds.set("orders", { epoch: "aaaa", head: 0 });
    this.world.rest.spoil = (event) => this.#changes.get(Number(event.feedseq)) ?? event;
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

  /** The record that came with event `number` is changed to have this `n`. */
  async set(number: number, n: number): Promise<void> {
    const feed = this.#feed;
    feed.head += 1;
    const { subject, data } = recordOf(number, n);
    const event = { ...eventJson("orders", feed.epoch, feed.head, "updated"), subject, data };
    this.#changes.set(feed.head, event);
    this.world.xmpp.publish("orders", feed.epoch, feed.head, 1, { payload: textOf([event]) });
    await this.world.clock.advance(0);
  }

  /** REST lists these, the newest first: the record that came with event `number` has this `n`. */
  list(...records: (readonly [number: number, n: number])[]): void {
    const all = records.map(([number, n]) => recordOf(number, n).data);
    this.world.rest.records.set("orders", all);
  }

  /** A page as a server made it for its HTML: what `client.list` gives, through JSON. */
  async page(limit: number, filter: Partial<Order> | null = null): Promise<RecordsPage<Order>> {
    const page = await this.client.list<Order>("orders", { limit, ...(filter && { filter }) });
    return JSON.parse(JSON.stringify(page));
  }

  /** How often records were listed. */
  get listings(): number {
    return this.world.rest.requests.filter((request) => request.includes("/records/")).length;
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

  /**
   * Who lets go of a view lets go of the feed a turn later: before a test ends, since the server here
   * reads what is sent by the page's DOM, which goes with the last test.
   */
  async rest(): Promise<void> {
    await new Promise((resolve) => setTimeout(resolve, 5));
    await this.world.clock.advance(0);
  }

  get #feed(): { epoch: string; head: number } {
    return this.world.rest.feeds.get("orders") as { epoch: string; head: number };
  }
}

function recordOf(number: number, n: number): { readonly subject: unknown; readonly data: Json } {
  const { subject, data } = eventJson("orders", "aaaa", number);
  return { subject, data: { ...(data as Json), data: { n } } };
}
