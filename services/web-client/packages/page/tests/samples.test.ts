import { expect, test } from "vitest";
import { curlOf, elementOf, feedCurl, sampleOf, sqlOf } from "../src/samples";
import { feedInfo } from "./fake-library";

const ORIGIN = "https://aviso.example.org";
const table = { schema: "public", name: "Order lines", columns: ["id", "total"], key: ["id"] };

test("the call writes to this feed of this server", () => {
  const curl = curlOf(feedInfo("orders"), ORIGIN);
  expect(curl).toContain("'https://aviso.example.org/api/v1/feeds/orders/records/'");
  expect(curl).toContain(`-d '{"data":{"greeting":"hello","from":"Aviso"}}'`);
  expect(feedCurl(ORIGIN)).toContain(`'https://aviso.example.org/api/v1/feeds/'`);
});

test("the sample has what the schema asks for, in a form that it takes", () => {
  const schema = {
    required: ["status", "total"],
    properties: {
      note: { type: "string" },
      total: { type: "number", minimum: 5 },
      status: { enum: ["it's paid", "open"] },
      day: { type: "string", format: "date" },
    },
  };
  expect(sampleOf(schema)).toEqual({
    total: 5,
    status: "it's paid",
    note: "…",
    day: "2026-11-24",
  });
  const feed = feedInfo("orders", { schema });
  expect(curlOf(feed, ORIGIN)).toContain(String.raw`"status":"it'\''s paid"`);
  expect(sqlOf(feed)).toContain(`"status":"it''s paid"`);
});

test("a feed of a table is written to by SQL alone", () => {
  const feed = feedInfo("orders", { table });
  expect(curlOf(feed, ORIGIN)).toBeNull();
  expect(sqlOf(feed)).toBe('INSERT INTO public."Order lines" (id, total)\nVALUES (…);');
});

test("a private feed has no element's lines: they would show nothing", () => {
  expect(elementOf(feedInfo("orders", { visibility: "private" }), ORIGIN)).toBeNull();
  expect(elementOf(feedInfo("orders"), ORIGIN)).toContain(
    '<record-feed feed="orders" origin="https://aviso.example.org">',
  );
});
