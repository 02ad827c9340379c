import { ExactNumber } from "aviso-feed";
import { expect, test } from "vitest";
import {
  type DraftField,
  fieldsOfRecord,
  recordOfFields,
  recordOfText,
  templateFields,
  textOfRecord,
  translatedFields,
} from "../src/draft";

const field = (name: string, kind: DraftField["kind"], value: string) => ({ name, kind, value });

test("rows become a record with values of their kinds", () => {
  const result = recordOfFields(
    [
      field("item", "text", "tea"),
      field("count", "number", "3,5"),
      field("paid", "boolean", "true"),
      field("to", "json", '{"city":"Bilbao"}'),
      field("note", "text", ""),
    ],
    "en",
  );
  const data = { item: "tea", count: 3.5, paid: true, to: { city: "Bilbao" } };
  expect(result).toEqual({ ok: true, data });
});

test("a record becomes rows and the rows the same record", () => {
  const data = {
    item: "tea",
    count: 3.125,
    big: new ExactNumber("1234567890123456789"),
    paid: false,
    tags: ["gift"],
    none: null,
  };
  expect(recordOfFields(fieldsOfRecord(data, "es"), "es")).toEqual({ ok: true, data });
});

test("a number's zeros at its end stay, from one form to the other and back", () => {
  const text = '{"a":43.50,"b":[1.0],"c":7}';
  const read = recordOfText(text);
  if (!read.ok) throw new Error("expected a record");
  const fields = fieldsOfRecord(read.data, "es");
  expect(fields.map(({ value }) => value)).toEqual(["43,50", "[1.0]", "7"]);
  const again = recordOfFields(fields, "es");
  expect(again.ok && textOfRecord(again.data).replace(/\s/g, "")).toBe(text);
});

test("every row with a fault is named", () => {
  const result = recordOfFields(
    [
      field("count", "number", "three"),
      field("", "text", "tea"),
      field("a", "text", "1"),
      field("a", "text", "2"),
      field("b", "json", "{"),
    ],
    "en",
  );
  expect(result.ok ? [] : result.faults.map(({ row, part }) => [row, part])).toEqual([
    [0, "value"],
    [1, "name"],
    [3, "name"],
    [4, "value"],
  ]);
});

test("a field called __proto__ is a field", () => {
  const result = recordOfFields([field("__proto__", "text", "x")], "en");
  expect(result.ok && Object.keys(result.data)).toEqual(["__proto__"]);
});

test("JSON text keeps the digits of its numbers", () => {
  const result = recordOfText('{"a":1234567890123456789,"b":[1e400]}');
  expect(result.ok && textOfRecord(result.data).replace(/\s/g, "")).toBe(
    '{"a":1234567890123456789,"b":[1e400]}',
  );
});

test("in another language what was typed stays the same number", () => {
  const fields = [
    field("a", "number", "1,234"),
    field("b", "number", "?"),
    field("c", "text", "1,2"),
  ];
  expect(translatedFields(fields, "es", "en").map(({ value }) => value)).toEqual([
    "1.234",
    "?",
    "1,2",
  ]);
});

test("broken JSON says where it is broken", () => {
  const result = recordOfText('{\n  "a": 1,\n  b\n}');
  expect(result.ok ? null : result.faults[0]).toMatchObject({
    message: "errorJsonAt",
    parameters: { line: 3, column: 3 },
  });
});

test.each(["[]", "1", '"text"', "null"])("%s is no record", (text) => {
  const result = recordOfText(text);
  expect(result.ok ? null : result.faults[0]?.message).toBe("errorNotObject");
});

test("the feed's schema names the fields to begin with", () => {
  const schema = { properties: { item: { type: "string" }, count: { type: "integer" } } };
  expect(templateFields(schema, { other: 1 })).toEqual([
    field("item", "text", ""),
    field("count", "number", ""),
  ]);
});

test("without a schema the newest record does", () => {
  expect(templateFields(null, { count: 3 })).toEqual([field("count", "number", "")]);
});
