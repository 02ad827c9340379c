import { parseExactJson } from "aviso-feed";
import { expect, test } from "vitest";
import { csv, jsonLines } from "../src/export";
import type { FeedRecord } from "../src/library";
import { recordOf } from "./fake-library";

const row = (text: string): FeedRecord => parseExactJson(text) as FeedRecord;

test("every digit of a number is in the file", () => {
  const record = row('{"id":"1","data":{"a":12345678901234567890,"b":1e400,"c":0.10}}');
  expect(csv([record], null)).toBe("id,a,b,c\r\n1,12345678901234567890,1e400,0.10\r\n");
  expect(jsonLines([record])).toBe(
    '{"id":"1","data":{"a":12345678901234567890,"b":1e400,"c":0.10}}\n',
  );
});

test("text stays what it is: marks, quotes, line breaks, blanks", () => {
  const record = row(String.raw`{"id":"a,b","data":{"t":"say \"x\"\n2","blank":" ","empty":""}}`);
  expect(csv([record], null)).toBe('id,t,blank,empty\r\n"a,b","say ""x""\n2"," ",""\r\n');
});

test("what is not there is nothing, and nested values are JSON", () => {
  const records = [
    row('{"id":"1","data":{"a":{"b":[1,null]}}}'),
    row('{"id":"2","data":{"c":null}}'),
  ];
  expect(csv(records, null)).toBe('id,a,c\r\n1,"{""b"":[1,null]}",\r\n2,,\r\n');
});

test("columns are those that were picked, and a field keeps its name beside a record's own", () => {
  const record = recordOf(1, { id: 7, b: true, c: "x" });
  expect(csv([record], ["c", "id"])).toBe(
    "id,version,created_at,updated_at,c,data.id\r\n" +
      `${record.id},1,${record.created_at},${record.updated_at},x,7\r\n`,
  );
});

test.each([
  ["=1+2", "'=1+2"],
  ["+34 600", "'+34 600"],
  ["-x", "'-x"],
  ["@sum", "'@sum"],
  ["\t=1", '"\'\t=1"'],
  ["\r=1", '"\'\r=1"'],
  ["\n=1", '"\'\n=1"'],
  ["＝1", "'＝1"],
  ['=HYPERLINK("x,y")', '"\'=HYPERLINK(""x,y"")"'],
  ["-1", "'-1"],
  ["a=1", "a=1"],
])("to a spreadsheet the text %j is no formula", (text, cell) => {
  expect(csv([{ id: "1", data: { [text]: text } }], null)).toBe(`id,${cell}\r\n1,${cell}\r\n`);
});

test("a number below zero stays one", () => {
  const record = row('{"id":"-7","data":{"a":-1,"b":-0.10,"c":[-1]}}');
  expect(csv([record], null)).toBe("id,a,b,c\r\n'-7,-1,-0.10,[-1]\r\n");
});
