/**
 * Reads a groupchat message of a feed's room: contracts/README.md, section "Stanza".
 * Whether the message may be trusted is another question (trust.ts).
 *
 * Pure over DOM elements: no Strophe, no clock, no network.
 */

import { parseExactJson } from "../model/exact-json";
import type { Batch } from "../model/positions";
import { writeOut } from "./batches";
import { isEpoch, isSlug, MalformedError, readEvent } from "./events";
import { inflate } from "./inflate";
import { childOf, childrenOf, NS } from "./xml";

/** `claimed` is what `<events/>` said, where that much could be read. */
export type ReadStanza =
  /** No feed message: the room's subject, a chat. */
  | { readonly kind: "other" }
  /** A feed message of a version that this library does not read. */
  | { readonly kind: "other-version"; readonly isNewer: boolean }
  | { readonly kind: "batch"; readonly batch: Batch; readonly unknownTypes: readonly string[] }
  | {
      readonly kind: "malformed";
      readonly reason: string;
      readonly claimed: { readonly epoch: string; readonly last: number } | null;
    };

const VERSION = /^urn:aviso:feed:([0-9]+)$/;
const OUR_VERSION = Number(VERSION.exec(NS.events)?.[1]);
const NUMBER = /^(0|[1-9][0-9]{0,15})$/;

export function readStanza(message: Element, feed: string): ReadStanza {
  const headers = childrenOf(message, "events", NS.events);
  if (headers.length === 0) return readForeign(message);
  let claimed: Claim | null = null;
  try {
    claimed = readHeader(headers, feed);
    const { epoch, first, last } = claimed;
    if (message.getAttribute("id") !== `${feed}:${epoch}:${first}-${last}`) {
      throw new MalformedError("its id and its <events/> differ");
    }
    const read = readPayload(message, feed, claimed).map((value) => readEvent(value, feed, epoch));
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

function readForeign(message: Element): ReadStanza {
  if (childOf(message, "notice", NS.events) !== null) return { kind: "other" };
  for (const { localName, namespaceURI } of Array.from(message.children)) {
    const version = VERSION.exec(namespaceURI ?? "")?.[1];
    if (localName === "events" && version !== undefined) {
      return { kind: "other-version", isNewer: Number(version) > OUR_VERSION };
    }
  }
  return { kind: "other" };
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

/** The events of `claimed`, whole; none where there is nothing to show. */
function readPayload(message: Element, feed: string, claimed: Claim): readonly unknown[] {
  const payloads = [
    ...childrenOf(message, "json", NS.json),
    ...childrenOf(message, "deflated", NS.events),
  ];
  const count = claimed.last - claimed.first + 1;
  if (count === 0 && payloads.length === 0) return [];
  const [payload] = payloads;
  if (count === 0 || payload === undefined || payloads.length > 1) {
    throw new MalformedError("it has not exactly one <json/> or <deflated/>");
  }
  const batch = writeOut(parse(textOf(payload)));
  if (batch.feed !== feed || batch.epoch !== claimed.epoch || batch.first !== claimed.first) {
    throw new MalformedError("its <events/> and its batch differ");
  }
  if (batch.events.length !== count) {
    throw new MalformedError("it holds another number of events than it says");
  }
  return batch.events;
}

function textOf(payload: Element): string {
  const text = payload.textContent ?? "";
  if (payload.localName === "json") return text;
  try {
    return inflate(text);
  } catch (error) {
    throw new MalformedError(`its <deflated/> cannot be read: ${(error as Error).message}`);
  }
}

function parse(text: string): unknown {
  try {
    return parseExactJson(text);
  } catch {
    throw new MalformedError("its JSON cannot be read");
  }
}

function readNumber(text: string | null): number | null {
  if (text === null || !NUMBER.test(text)) return null;
  const value = Number(text);
  return Number.isSafeInteger(value) ? value : null;
}
