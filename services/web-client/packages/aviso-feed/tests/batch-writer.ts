/** Writes whole events as the relay does: one batch, what they share said once. */

import { deflateSync } from "node:zlib";
import { stringifyExactJson } from "../src/model/exact-json";
import { escapeXml } from "../src/protocol/xml";

export type Whole = Readonly<Record<string, unknown>>;

/** `events`: one feed's, in order, without hole. */
export function batchOf(events: readonly Whole[]): Record<string, unknown> {
  const { specversion, source, feed, feedepoch, feedseq, type, time } = events[0] as Whole;
  const shared = { specversion, source, feed, feedepoch, feedseq, type, time };
  return { ...shared, events: events.map((event) => ownOf(event, type, time)) };
}

function ownOf(event: Whole, type: unknown, time: unknown): Whole {
  const { specversion, source, feed, feedepoch, feedseq, type: own, time: at, ...rest } = event;
  return { ...rest, ...(own !== type && { type: own }), ...(at !== time && { time: at }) };
}

/** In ASCII, as it travels. */
export const textOf = (events: readonly Whole[]): string =>
  ascii(stringifyExactJson(batchOf(events)));

const ascii = (text: string): string =>
  text.replace(
    /[\u007f-\uffff]/g,
    (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );

export const jsonPayload = (text: string): string =>
  `<json xmlns="urn:xmpp:json:0">${escapeXml(text)}</json>`;

export const deflatedPayload = (text: string): string =>
  `<deflated xmlns="urn:aviso:feed:2">${deflateSync(text).toString("base64")}</deflated>`;

/** A message with these attributes and this inside, about a run of `feed`'s events. */
export function message(
  run: { feed: string; epoch: string; first: number; last: number },
  inside: string,
  attributes = "",
): string {
  const { feed, epoch, first, last } = run;
  return (
    `<message xmlns="jabber:client" type="groupchat"${attributes} ` +
    `id="${feed}:${epoch}:${first}-${last}"><events xmlns="urn:aviso:feed:2" feed="${feed}" ` +
    `epoch="${epoch}" first="${first}" last="${last}"/>${inside}</message>`
  );
}
