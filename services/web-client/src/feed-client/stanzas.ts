/**
 * Reads a groupchat message of a feed's room: contracts/README.md, section "Stanza".
 * Whether the message may be trusted is another question (trust.ts).
 *
 * Pure over DOM elements: no Strophe, no clock, no network.
 */

import { isEpoch, isSlug, MalformedError, readEvent } from "./events";
import { parseExactJson } from "./exact-json";
import type { Batch } from "./positions";
import { childrenOf, NS } from "./xml";

/** `claimed` is what `<events/>` said, where that much could be read. */
export type ReadStanza =
  /** No feed message: the room's subject, a chat. */
  | { readonly kind: "other" }
  | { readonly kind: "batch"; readonly batch: Batch; readonly unknownTypes: readonly string[] }
  | {
      readonly kind: "malformed";
      readonly reason: string;
      readonly claimed: { readonly epoch: string; readonly last: number } | null;
    };

const NUMBER = /^(0|[1-9][0-9]{0,15})$/;

export function readStanza(message: Element, feed: string): ReadStanza {
  const headers = childrenOf(message, "events", NS.events);
  if (headers.length === 0) return { kind: "other" };
  let claimed: Claim | null = null;
  try {
    claimed = readHeader(headers, feed);
    const { epoch, first, last } = claimed;
    if (message.getAttribute("id") !== `${feed}:${epoch}:${first}-${last}`) {
      throw new MalformedError("its id and its <events/> differ");
    }
    const read = readPayload(message).map((value) => readEvent(value, feed, epoch));
    if (read.length !== last - first + 1) {
      throw new MalformedError("it holds another number of events than it says");
    }
    read.forEach((item, index) => {
      if (item.sequence !== first + index) throw new MalformedError("its events are out of order");
    });
    return {
      kind: "batch",
      batch: { epoch, first, last, items: read },
      unknownTypes: read.flatMap((item) => item.unknownType ?? []),
    };
  } catch (error) {
    if (!(error instanceof MalformedError)) throw error;
    return { kind: "malformed", reason: error.message, claimed };
  }
}

type Claim = { epoch: string; first: number; last: number };

function readHeader(headers: readonly Element[], feed: string): Claim {
  const [header] = headers;
  if (header === undefined || headers.length > 1) {
    throw new MalformedError("it has more than one <events/>");
  }
  const named = header.getAttribute("feed");
  if (!isSlug(named) || named !== feed) throw new MalformedError("it is of another feed");
  const epoch = header.getAttribute("epoch");
  if (!isEpoch(epoch)) throw new MalformedError("its epoch is none");
  const first = readNumber(header.getAttribute("first"));
  const last = readNumber(header.getAttribute("last"));
  if (first === null || last === null || first < 1 || last < first - 1) {
    throw new MalformedError("its first and last are no range");
  }
  return { epoch, first, last };
}

function readPayload(message: Element): readonly unknown[] {
  const [json, second] = childrenOf(message, "json", NS.json);
  if (json === undefined || second !== undefined) {
    throw new MalformedError("it has not exactly one <json/>");
  }
  let events: unknown;
  try {
    events = parseExactJson(json.textContent ?? "");
  } catch {
    throw new MalformedError("its JSON cannot be read");
  }
  if (!Array.isArray(events)) throw new MalformedError("its JSON is no array");
  return events;
}

function readNumber(text: string | null): number | null {
  if (text === null || !NUMBER.test(text)) return null;
  const value = Number(text);
  return Number.isSafeInteger(value) ? value : null;
}
