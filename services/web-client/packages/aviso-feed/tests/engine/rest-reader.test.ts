import { beforeEach, expect, test } from "vitest";
import type { FeedPort } from "../../src/engine/ports";
import { RestReader } from "../../src/engine/rest-reader";
import { ApiError } from "../../src/model/errors";
import { type BatchPage, type Range, readBatchPage } from "../../src/protocol/answers";
import { eventJson } from "../fakes";

const HEAD = 5_000;

let now: number;
/** How long the line takes for a page. */
let ms: number;
let failure: Error | null;
let asked: Range[];
let table: { columns: string[] } | null | undefined;
let reader: RestReader;

beforeEach(() => {
  now = 0;
  ms = 100;
  failure = null;
  asked = [];
  table = undefined;
  const rest = {
    now: () => now,
    feed: async () => {
      if (failure !== null) throw failure;
      return { epoch: "aaaa", head: HEAD, table };
    },
    events: async (range: Range) => {
      asked.push(range);
      now += ms;
      if (failure !== null) throw failure;
      return pageOf(range);
    },
  };
  reader = new RestReader(rest as unknown as FeedPort);
});

function pageOf({ after, limit }: Range): BatchPage {
  const count = Math.max(0, Math.min(limit, HEAD - after));
  const events = Array.from({ length: count }, (_, n) =>
    eventJson("orders", "aaaa", after + 1 + n),
  );
  return readBatchPage({ epoch: "aaaa", head: HEAD, events }, "orders") as BatchPage;
}

test("says where the feed is, and whether it shows a table", async () => {
  expect(await reader.about()).toEqual({ epoch: "aaaa", head: HEAD, isTable: false, error: null });
  table = { columns: ["id"] };
  expect(await reader.about()).toMatchObject({ isTable: true });
});

test("says why nobody could, and hides no fault of our own", async () => {
  failure = new ApiError(404, "No such feed.");
  expect(await reader.about()).toEqual({ epoch: null, head: 0, isTable: false, error: failure });
  failure = new RangeError("ours");
  await expect(reader.about()).rejects.toBe(failure);
});

test("asks for no more than is missing, and for more at once where the line is quick", async () => {
  await reader.ask(0, HEAD).page;
  await reader.ask(250, HEAD).page;
  await reader.ask(750, 753).page;
  expect(asked).toEqual([
    { after: 0, limit: 250 },
    { after: 250, limit: 500 },
    { after: 750, limit: 3 },
  ]);
});

test("asks for less after a page that did not come, not after one that was refused", async () => {
  failure = new ApiError(429, "Too many requests.");
  await expect(reader.ask(0, HEAD).page).rejects.toBe(failure);
  failure = new ApiError(0, "The server was not reached.");
  await expect(reader.ask(0, HEAD).page).rejects.toBe(failure);
  failure = null;
  await reader.ask(0, HEAD).page;
  expect(asked.map(({ limit }) => limit)).toEqual([250, 250, 62]);
});

test("asks for the next page ahead while the line is quick", async () => {
  const page = await reader.ask(0, HEAD).page;
  const ahead = reader.askAhead(page, HEAD);
  expect(ahead?.after).toBe(250);
  expect((await ahead?.page)?.batch?.first).toBe(251);
});

test("asks for none ahead over a slow line, nor past the end, nor behind an empty page", async () => {
  const last = await reader.ask(HEAD - 10, HEAD).page;
  expect(reader.askAhead(last, HEAD)).toBeNull();
  expect(reader.askAhead(await reader.ask(HEAD, HEAD + 1).page, HEAD + 1)).toBeNull();
  ms = 1_000;
  expect(reader.askAhead(await reader.ask(0, HEAD).page, HEAD)).toBeNull();
});

test("a page that was asked for ahead and that nobody takes may fail", async () => {
  const page = await reader.ask(0, HEAD).page;
  failure = new ApiError(0, "The server was not reached.");
  const ahead = reader.askAhead(page, HEAD);
  await expect(ahead?.page).rejects.toBe(failure);
});
