/**
 * Reads one event of contracts/event.schema.json as it came over the wire.
 * Unknown members are ignored; an unknown type keeps its place and is said.
 *
 * Pure: no DOM, no Strophe, no clock, no network.
 */

import type { FeedEvent, FeedRecord, Unavailable } from "../model/event";
import { ExactNumber } from "../model/exact-json";
import type { Item } from "../model/positions";

/** `reason` names what is wrong, never the content. */
export class MalformedError extends Error {}

export type ReadEvent = Item & { readonly unknownType: string | null };

const SLUG = /^[a-z0-9-]{1,64}$/;
const EPOCH = /^[a-z0-9]{4,16}$/;
const SEQUENCE = /^[1-9][0-9]{0,18}$/;
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;
const DATE_TIME =
  /^\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])T([01]\d|2[0-3]):[0-5]\d:([0-5]\d|60)(\.\d+)?(Z|[+-]\d{2}:\d{2})$/i;
/** The longest key of a record, in characters and not in UTF-16's units. */
const MOST_KEY_CHARACTERS = 1024;
const CAUSE = /^[a-z0-9-]{1,64}$/;
/** Tells the pusher of a room; never part of a feed. */
const OPENED = "aviso.feed.opened.v1";
/** Somebody was let in or put out at this place. Who, is not said: there is nothing to show. */
const READER = /^aviso\.reader\.(granted|revoked)\.v1$/;
const RESET = "aviso.feed.reset.v1";
const TYPE = /^aviso\.record\.(created|updated|deleted|unavailable)\.v1$/;

export const isSlug = (value: unknown): value is string =>
  typeof value === "string" && SLUG.test(value);

export const isReader = (type: unknown): boolean => typeof type === "string" && READER.test(type);

export const isEpoch = (value: unknown): value is string =>
  typeof value === "string" && EPOCH.test(value);

/** A decimal string to a number, or null. Above 2^53 JavaScript can't count; nobody gets there. */
export function readSequence(value: unknown): number | null {
  if (typeof value !== "string" || !SEQUENCE.test(value)) return null;
  const sequence = Number(value);
  return Number.isSafeInteger(sequence) ? sequence : null;
}

/**
 * Read one event of `feed` in `epoch`.
 *
 * `unknownType` is set, and `event` null, where the type is one that this library does not know;
 * the envelope is checked all the same. A grant or a revoke has neither. Throws MalformedError.
 */
export function readEvent(value: unknown, feed: string, epoch: string): ReadEvent {
  const raw = asObject(value, "an event");
  demand(raw.specversion === "1.0", "specversion is not 1.0");
  demand(isUuid(raw.id), "id is no UUID");
  demand(typeof raw.type === "string", "type is no string");
  demand(raw.type !== OPENED, "it takes no place in a feed");
  demand(raw.feed === feed, "it belongs to another feed");
  demand(raw.source === `/feeds/${feed}`, "source is not the feed");
  demand(raw.feedepoch === epoch, "it belongs to another epoch");
  demand(isDateTime(raw.time), "time is no RFC 3339 time");
  demand(
    raw.datacontenttype === undefined || raw.datacontenttype === "application/json",
    "datacontenttype is not application/json",
  );
  const sequence = readSequence(raw.feedseq);
  demand(sequence !== null, "feedseq is no decimal string");

  if (isReader(raw.type)) {
    demand(raw.subject === undefined, "it is of no record");
    asObject(raw.data, "data");
    return { sequence, event: null, unknownType: null };
  }
  if (raw.type === RESET) {
    demand(raw.subject === undefined, "it is of no record");
    const reset = { cause: readCause(asObject(raw.data, "data").cause) };
    const event = {
      id: raw.id,
      feed,
      epoch,
      sequence,
      time: raw.time,
      type: "reset",
      reset,
    } as const;
    return { sequence, event, unknownType: null };
  }
  const type = TYPE.exec(raw.type)?.[1] as FeedEvent["type"] | undefined;
  if (type === undefined) return { sequence, event: null, unknownType: raw.type };

  const envelope = { id: raw.id, feed, epoch, sequence, time: raw.time, type };
  if (type === "unavailable") {
    const subject = raw.subject;
    demand(subject === undefined || isKey(subject), "subject is no key");
    const event = { ...envelope, ...(subject && { subject }), unavailable: unavailable(raw.data) };
    return { sequence, event, unknownType: null };
  }
  demand(isKey(raw.subject), "subject is no key");
  const event = { ...envelope, subject: raw.subject, record: record(raw.data) };
  demand(event.record.id === raw.subject, "the record's id is not the subject");
  return { sequence, event, unknownType: null };
}

function record(value: unknown): FeedRecord {
  const raw = asObject(value, "data");
  const { id, version, created_at, updated_at } = raw;
  demand(isKey(id), "the record's id is no key");
  demand(version === undefined || isVersion(version), "the record's version is no number");
  demand(created_at === undefined || isDateTime(created_at), "created_at is no RFC 3339 time");
  demand(updated_at === undefined || isDateTime(updated_at), "updated_at is no RFC 3339 time");
  return {
    id,
    ...(version !== undefined && { version }),
    ...(created_at !== undefined && { created_at }),
    ...(updated_at !== undefined && { updated_at }),
    data: asObject(raw.data, "the record's data"),
  };
}

function unavailable(value: unknown): Unavailable {
  const raw = asObject(value, "data");
  const { event_id, type, cause } = raw;
  demand(event_id === null || typeof event_id === "string", "event_id is no string");
  demand(type === null || typeof type === "string", "the parked type is no string");
  return { event_id, type, cause: readCause(cause) };
}

function readCause(cause: unknown): string {
  demand(typeof cause === "string" && CAUSE.test(cause), "cause is no word");
  return cause;
}

/** Throws MalformedError. */
export function asObject(value: unknown, what: string): Record<string, unknown> {
  demand(
    typeof value === "object" &&
      value !== null &&
      !Array.isArray(value) &&
      !(value instanceof ExactNumber),
    `${what} is no object`,
  );
  return value as Record<string, unknown>;
}

const isUuid = (value: unknown): value is string => typeof value === "string" && UUID.test(value);

const isVersion = (value: unknown): value is number =>
  Number.isInteger(value) && Number(value) >= 1;

/** A record's key: any text but none. */
const isKey = (value: unknown): value is string =>
  typeof value === "string" &&
  value !== "" &&
  (value.length <= MOST_KEY_CHARACTERS ||
    (value.length <= 2 * MOST_KEY_CHARACTERS && [...value].length <= MOST_KEY_CHARACTERS));

const isDateTime = (value: unknown): value is string =>
  typeof value === "string" && DATE_TIME.test(value);

function demand(holds: boolean, otherwise: string): asserts holds {
  if (!holds) throw new MalformedError(otherwise);
}
