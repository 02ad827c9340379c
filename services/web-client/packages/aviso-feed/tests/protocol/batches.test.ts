// @vitest-environment jsdom
import fc from "fast-check";
import { expect, test } from "vitest";
import { parseExactJson, stringifyExactJson } from "../../src/model/exact-json";
import { readEvent } from "../../src/protocol/events";
import { readStanza } from "../../src/protocol/stanzas";
import { deflatedPayload, jsonPayload, message, textOf, type Whole } from "../batch-writer";
import { element } from "../contract-examples";

const FEED = "orders";
const EPOCH = "k3f9";

const digits = fc.constantFrom("1234567890123456789", "1e400", "0.12345678901234567890", "7");
const exact = digits.map((text) => parseExactJson(text));
const data = fc.dictionary(fc.string(), fc.oneof(exact, fc.jsonValue()), { maxKeys: 4 });
const time = fc
  .date({ min: new Date(0), max: new Date(4e12), noInvalidDate: true })
  .map((date) => date.toISOString());
/** Few, so that some events share theirs with the batch. */
const times = fc.oneof(fc.constant("2026-11-24T09:30:00.123456Z"), time);

const record = fc
  .record({ id: fc.uuid(), version: fc.integer({ min: 1 }), time: times, data })
  .chain(({ id, version, time: at, data: inner }) =>
    fc.constantFrom("created", "updated", "deleted", "merged").map((kind) => ({
      type: `aviso.record.${kind}.v1`,
      subject: id,
      data: { id, version, created_at: at, updated_at: at, data: inner },
    })),
  );
const unavailable = fc.option(fc.uuid(), { nil: undefined }).map((subject) => ({
  type: "aviso.record.unavailable.v1",
  ...(subject && { subject }),
  data: { event_id: null, type: null, cause: "too-large" },
}));
const reader = fc.constantFrom("granted", "revoked").map((change) => ({
  type: `aviso.reader.${change}.v1`,
  data: {},
}));
const rest = fc.array(fc.oneof({ weight: 5, arbitrary: record }, unavailable), { maxLength: 30 });
const run = fc
  .tuple(fc.oneof(record, unavailable, reader), rest, fc.integer({ min: 1, max: 2 ** 40 }))
  .chain(([begin, more, first]) =>
    fc.tuple(...[begin, ...more].map((own, index) => whole(own, first + index))),
  );

function whole(own: Whole, sequence: number): fc.Arbitrary<Whole> {
  return fc.record({ id: fc.uuid(), time: times }).map((unique) => ({
    specversion: "1.0",
    source: `/feeds/${FEED}`,
    feed: FEED,
    feedepoch: EPOCH,
    feedseq: String(sequence),
    ...unique,
    ...own,
  }));
}

test("any run of events, written as a batch and read, is the same events", () => {
  fc.assert(
    fc.property(run, fc.boolean(), (events: Whole[], isDeflated) => {
      const first = Number(events[0]?.feedseq);
      const last = first + events.length - 1;
      const text = textOf(events);
      const payload = isDeflated ? deflatedPayload(text) : jsonPayload(text);
      const stanza = message({ feed: FEED, epoch: EPOCH, first, last }, payload);

      const read = readStanza(element(stanza), FEED);

      const each = events.map((event) =>
        readEvent(parseExactJson(stringifyExactJson(event)), FEED, EPOCH),
      );
      expect(read.kind === "batch" ? read.batch : read).toEqual({
        epoch: EPOCH,
        first,
        last,
        items: each,
      });
    }),
  );
});
