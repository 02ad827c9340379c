/**
 * Writes a batch (contracts/batch.schema.json) out into whole events: what its events share is said
 * once in it.
 *
 * Pure: no DOM, no Strophe, no clock, no network.
 */

import { asObject, isEpoch, isReader, isSlug, MalformedError, readSequence } from "./events";

export type WrittenOut = {
  readonly feed: string;
  readonly epoch: string;
  readonly first: number;
  /** Each as contracts/event.schema.json has it, in order; whether it is that, nobody looked. */
  readonly events: readonly Readonly<Record<string, unknown>>[];
};

/** Said once for the whole batch, and by no event again. */
const SHARED = ["specversion", "source", "feed", "feedepoch", "feedseq"] as const;

/** Throws MalformedError. */
export function writeOut(value: unknown): WrittenOut {
  const batch = asObject(value, "a batch");
  const { specversion, source, feed, feedepoch, type, time, events } = batch;
  const first = readSequence(batch.feedseq);
  if (!isSlug(feed)) throw new MalformedError("its feed is no slug");
  if (!isEpoch(feedepoch)) throw new MalformedError("its feedepoch is none");
  if (first === null) throw new MalformedError("its feedseq is no decimal string");
  if (typeof type !== "string") throw new MalformedError("its type is no string");
  if (typeof time !== "string") throw new MalformedError("its time is no string");
  if (!Array.isArray(events) || events.length === 0) throw new MalformedError("it has no events");
  const written = events.map((each: unknown, index) => {
    const own = asObject(each, "an event");
    if (SHARED.some((name) => name in own)) {
      throw new MalformedError("an event has what the batch says for all");
    }
    asObject(own.data, "data");
    const feedseq = String(first + index);
    const event = { specversion, source, feed, feedepoch, feedseq, type, time, ...own };
    if (index > 0 && isReader(event.type)) {
      throw new MalformedError("a reader's event is not its first");
    }
    return event;
  });
  return { feed, epoch: feedepoch, first, events: written };
}
