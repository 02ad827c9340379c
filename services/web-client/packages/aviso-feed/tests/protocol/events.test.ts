import { describe, expect, test } from "vitest";
import { MalformedError, readEvent, readSequence } from "../../src/protocol/events";
import { example, examples } from "../contract-examples";
import { ODD_KEYS } from "../odd-keys";

type Json = Record<string, unknown>;

const created = (): Json & { data: Json } => JSON.parse(example("events/record-created.json"));
const read = (value: unknown) => readEvent(value, "orders", "k3f9");

describe("events of the contract", () => {
  // The room is opened for, not told about: this type takes no place in a feed.
  const inFeed = examples("events").filter(([name]) => !name.startsWith("feed-opened"));
  const ofReaders = inFeed.filter(([name]) => name.startsWith("reader-"));
  const ofRecords = inFeed.filter(([name]) => !name.startsWith("reader-"));

  test.each(ofReaders)("%s is read, and holds nothing to show", (_name, text) => {
    const raw = JSON.parse(text);

    expect(read(raw)).toEqual({ sequence: Number(raw.feedseq), event: null, unknownType: null });
  });

  test.each(ofRecords)("%s is read", (_name, text) => {
    const raw = JSON.parse(text);
    const { event, sequence, unknownType } = read(raw);

    expect(unknownType).toBeNull();
    expect(String(sequence)).toBe(raw.feedseq);
    expect(event).toMatchObject({ id: raw.id, feed: "orders", epoch: "k3f9", time: raw.time });
    expect(raw.type.split(".")[2]).toBe(event?.type);
    expect(event?.subject).toBe(raw.subject);
    const { record, unavailable, reset } = event ?? {};
    expect(raw.data).toMatchObject((record ?? unavailable ?? reset) as object);
  });

  test.each(examples("events/invalid"))("%s is refused, or said to be unknown", (name, text) => {
    if (name === "unknown-type.json") {
      const read2 = read(JSON.parse(text));
      expect(read2).toEqual({
        sequence: 1041,
        event: null,
        unknownType: "aviso.record.created.v2",
      });
    } else {
      expect(() => read(JSON.parse(text))).toThrow(MalformedError);
    }
  });

  test("a feed-opened event takes no place in a feed", () => {
    expect(() => read(JSON.parse(example("events/feed-opened.json")))).toThrow(MalformedError);
  });
});

describe("a grant or a revoke", () => {
  const reader = (change: Json = {}): Json => {
    const { subject: _, ...envelope } = created();
    return { ...envelope, type: "aviso.reader.granted.v1", data: {}, ...change };
  };

  test.each(["granted", "revoked"])("%s takes its place and holds nothing to show", (word) => {
    expect(read(reader({ type: `aviso.reader.${word}.v1`, data: { reader: "x" } }))).toEqual({
      sequence: Number(created().feedseq),
      event: null,
      unknownType: null,
    });
  });

  test.each<[string, Json]>([
    ["a subject", { subject: created().subject }],
    ["no data", { data: undefined }],
    ["no sequence", { feedseq: undefined }],
  ])("with %s is refused", (_what, change) => {
    expect(() => read(reader(change))).toThrow(MalformedError);
  });

  test("of a later version is of an unknown type", () => {
    const type = "aviso.reader.granted.v2";
    expect(read(reader({ type })).unknownType).toBe(type);
  });
});

describe("an event", () => {
  test.each<[string, (event: Json & { data: Json }) => void]>([
    ["another CloudEvents version", (event) => (event.specversion = "2.0")],
    ["no id", (event) => (event.id = "1")],
    ["another source", (event) => (event.source = "/feeds/stock")],
    ["another feed", (event) => (event.feed = "stock")],
    ["another epoch", (event) => (event.feedepoch = "zzzz")],
    ["no time", (event) => (event.time = "yesterday")],
    ["no subject", (event) => delete event.subject],
    ["a type that is no string", (event) => (event.type = 1)],
    ["another content type", (event) => (event.datacontenttype = "text/plain")],
    ["a sequence with a leading zero", (event) => (event.feedseq = "01")],
    ["a sequence beyond 2^53", (event) => (event.feedseq = "9007199254740993")],
    ["a subject without a character", (event) => (event.subject = event.data.id = "")],
    ["a subject too long", (event) => (event.subject = event.data.id = "x".repeat(1025))],
    ["a subject of too many keys", (event) => (event.subject = event.data.id = "🔑".repeat(1025))],
    ["a subject that is a number", (event) => (event.subject = event.data.id = 42)],
    ["another record's id", (event) => (event.data.id = "42")],
    ["no record id", (event) => (event.data.id = null)],
    ["a record version of 0", (event) => (event.data.version = 0)],
    ["a record version that is no number", (event) => (event.data.version = "1")],
    ["a creation time that is none", (event) => (event.data.created_at = "once")],
    ["no update time", (event) => (event.data.updated_at = 5)],
    ["a record that is a list", (event) => (event.data.data = [] as unknown as Json)],
    ["a record that is null", (event) => (event.data.data = null)],
  ])("with %s is refused", (_what, spoil) => {
    const event = created();
    spoil(event);
    expect(() => read(event)).toThrow(MalformedError);
  });

  test.each(ODD_KEYS)("about %j is read, with the key as it is", (key) => {
    const event = { ...created(), subject: key, data: { id: key, data: { n: 1 } } };
    expect(read(JSON.parse(JSON.stringify(event))).event).toMatchObject({
      subject: key,
      record: { id: key, data: { n: 1 } },
    });
  });

  test("of a record without version and times has none", () => {
    const event = { ...created(), data: { id: created().subject, data: {} } };
    expect(Object.keys(read(event).event?.record ?? {})).toEqual(["id", "data"]);
  });

  test.each([null, [], "x", 1])("that is %j is refused", (value) => {
    expect(() => read(value)).toThrow(MalformedError);
  });

  test("of an unknown type must still have its envelope", () => {
    const event = { ...created(), type: "aviso.record.merged.v9", feedseq: undefined };
    expect(() => read(event)).toThrow(MalformedError);
  });

  test("keeps a member called __proto__ as data", () => {
    const event = created();
    event.data.data = JSON.parse('{"__proto__": {"x": 1}}');
    const data = read(event).event?.record?.data;
    expect(Object.keys(data ?? {})).toEqual(["__proto__"]);
  });

  test("unavailable may name no record and must name a cause", () => {
    const event = JSON.parse(example("events/record-unavailable.json"));
    delete event.subject;
    expect(read(event).event?.subject).toBeUndefined();
    event.data.cause = "Too large!";
    expect(() => read(event)).toThrow(MalformedError);
  });
});

test.each([
  ["1", 1],
  ["9007199254740991", Number.MAX_SAFE_INTEGER],
  ["0", null],
  ["-1", null],
  ["1.5", null],
  [" 1", null],
  ["", null],
  [1, null],
])("the sequence %j reads as %j", (text, expected) => {
  expect(readSequence(text)).toBe(expected);
});
