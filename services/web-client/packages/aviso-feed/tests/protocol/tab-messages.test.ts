import { describe, expect, test } from "vitest";
import { parseExactJson, stringifyExactJson } from "../../src/model/exact-json";
import {
  type Envelope,
  isOfLeader,
  readEnvelope,
  readState,
  readTabMessage,
  shareName,
  type TabMessage,
  writeState,
  writeTabMessage,
} from "../../src/protocol/tab-messages";

const envelope: Envelope = {
  from: "a",
  to: null,
  generation: 3,
  count: 7,
  kind: "alive",
  text: '{"kind":"alive","isVisible":true}',
};

test("where tabs meet says which version they speak, of their own words and of events", () => {
  expect(shareName("guest")).toBe("aviso-feed tabs 2 urn:aviso:feed:2 guest");
});

describe("an envelope", () => {
  test("is read as it was written, to one or to all", () => {
    for (const to of [null, "b"]) {
      expect(readEnvelope({ ...envelope, to })).toEqual({ ...envelope, to });
    }
  });

  test.each<[string, unknown]>([
    ["nothing", null],
    ["a text", "hello"],
    ["no sender", { ...envelope, from: undefined }],
    ["a place that is none", { ...envelope, to: 7 }],
    ["half a generation", { ...envelope, generation: 1.5 }],
    ["no count", { ...envelope, count: "1" }],
    ["no kind", { ...envelope, kind: null }],
    ["something else than text", { ...envelope, text: {} }],
  ])("is none with %s", (_, value) => {
    expect(readEnvelope(value)).toBeNull();
  });

  test("says by its kind whether only a leader may have written it", () => {
    const kinds = [
      "alive",
      "leads",
      "message",
      "marks",
      "farewell",
      "ask-leader",
      "join",
      "signed-out",
    ];
    const leaders = kinds.filter((kind) => isOfLeader({ kind: kind as TabMessage["kind"] }));
    expect(leaders).toEqual(["alive", "leads", "message", "marks", "farewell"]);
  });
});

describe("a message between tabs", () => {
  test("keeps every digit of a record's numbers", () => {
    const data = parseExactJson('{"n":12345678901234567890.10}');
    const message = { kind: "message", room: "r", read: data, stanzaId: "1" };
    const read = readTabMessage(writeTabMessage(message as unknown as TabMessage));

    expect(stringifyExactJson((read as unknown as typeof message).read)).toBe(
      stringifyExactJson(data),
    );
  });

  test.each<[string, TabMessage]>([
    ["without an end", page({ start: 1_764_000_000_000_000n })],
    ["with an end", page({ start: 0n, end: 2n ** 63n })],
    ["behind an id", page({ start: 5n, after: "1764000000000001" })],
    ["of another kind", { kind: "question", id: 2, question: { about: "presence", room: "r" } }],
  ])("asks for a range %s", (_, message) => {
    expect(readTabMessage(writeTabMessage(message))).toEqual(message);
  });

  test.each([[new Date("2026-11-24T09:30:00Z")], [null]])("has a state's time %s", (retryAt) => {
    const state = { kind: "offline", reason: "", retryAt };
    const message: TabMessage = { kind: "room", room: "r", state: writeState(state) };
    const read = readTabMessage(writeTabMessage(message)) as typeof message;

    expect(readState(read.state)).toEqual(state);
  });

  test("that is no JSON is thrown away by whoever reads it", () => {
    expect(() => readTabMessage("{")).toThrow(SyntaxError);
  });
});

function page(range: { start: bigint; end?: bigint; after?: string }): TabMessage {
  return { kind: "question", id: 1, question: { about: "page", room: "r", range, max: 16 } };
}
