import { beforeEach, expect, test } from "vitest";
import { ListedRows } from "../../src/engine/listed-rows";
import type { FeedPort } from "../../src/engine/ports";
import { ApiError } from "../../src/model/errors";
import type { FeedEvent } from "../../src/model/event";
import type { RowsPage } from "../../src/protocol/answers";

const AT = { epoch: "aaaa", sequence: 10 };

let pages: Map<string | null, RowsPage | ApiError>;
let asked: (string | null)[];
let onPause: () => void;
let listed: ListedRows;

/** Three rows on a page of two: below it stands what is listed further. */
beforeEach(() => {
  pages = new Map<string | null, RowsPage | ApiError>([
    [null, page(["5", "4"], { cursor: "c1" })],
    ["c1", page(["3"])],
  ]);
  asked = [];
  onPause = () => {};
  const rest = {
    rows: async (cursor: string | null) => {
      asked.push(cursor);
      const answer = pages.get(cursor);
      if (answer instanceof ApiError || answer === undefined) throw answer;
      return answer;
    },
    wall: () => Date.UTC(2026, 10, 24),
    pause: async () => onPause(),
  };
  listed = new ListedRows("stock", rest as unknown as FeedPort);
});

function page(ids: readonly string[], change: Partial<RowsPage> = {}): RowsPage {
  const rows = ids.map((id) => ({ id, data: {} }));
  return { ...AT, contains: [], rows, cursor: null, ...change };
}

const begin = async (most: number) => listed.begin(await listed.read("aaaa", most));
const subjects = (events: readonly FeedEvent[] | null) => events?.map(({ subject }) => subject);
const told = (sequence: number, subject = "9") => ({ sequence, subject }) as FeedEvent;

test("begins with the newest rows, the newest last, and knows whether there are more", async () => {
  expect(listed.isThere).toBe(false);
  const events = await begin(2);
  expect(subjects(events)).toEqual(["4", "5"]);
  expect(events.map(({ type, sequence }) => [type, sequence])).toEqual([
    ["listed", 10],
    ["listed", 10],
  ]);
  expect([listed.isThere, listed.isCut]).toEqual([true, true]);
  listed.clear();
  expect(subjects(await begin(3))).toEqual(["3", "4", "5"]);
  expect(listed.isCut).toBe(false);
});

test("a row without a form keeps its place and says why", async () => {
  pages.set(null, page([], { rows: [{ id: "7", cause: "no-form" }] }));
  expect(await begin(2)).toMatchObject([
    { type: "unavailable", subject: "7", unavailable: { cause: "no-form" } },
  ]);
});

test("what was read stays where the line broke, and not where the server refused", async () => {
  const { cursor } = page([], { cursor: "c1" });
  for (const [status, again] of [
    [0, [cursor]],
    [410, [null, cursor]],
  ] as const) {
    listed.clear();
    asked = [];
    pages.set("c1", new ApiError(status, "no"));
    await expect(listed.read("aaaa", 3)).rejects.toMatchObject({ status });
    pages.set("c1", page(["3"]));
    asked = [];
    await listed.read("aaaa", 3);
    expect(asked).toEqual(again);
  }
});

test("rows further down stand below, until there are none", async () => {
  const [lowest] = await begin(2);
  const further = await listed.listFurther(lowest?.place ?? 0, 2, () => AT);
  expect(subjects(further)).toEqual(["3"]);
  expect(further?.[0]?.place).toBeLessThan(lowest?.place ?? 0);
  expect(await listed.listFurther(further?.[0]?.place ?? 0, 2, () => AT)).toEqual([]);
});

test("rows that are newer than what was given out wait for it, and then fail", async () => {
  const [lowest] = await begin(2);
  const place = lowest?.place ?? 0;
  pages.set("c1", page(["3"], { sequence: 12 }));
  let sequence = 10;
  const at = () => ({ epoch: "aaaa", sequence });
  await expect(listed.listFurther(place, 2, at)).rejects.toMatchObject({ status: 0 });
  onPause = () => {
    sequence += 1;
  };
  expect(subjects(await listed.listFurther(place, 2, at))).toEqual(["3"]);
});

test("rows that came when the feed had begun anew are not given out", async () => {
  const [lowest] = await begin(2);
  const at = () => ({ epoch: "bbbb", sequence: 10 });
  expect(await listed.listFurther(lowest?.place ?? 0, 2, at)).toEqual([]);
});

test("where nothing is listed there is nothing further, and what is torn is to be listed anew", async () => {
  expect(await listed.listFurther(5, 2, () => AT)).toBeNull();
  listed.tear(10);
  expect(listed.isTorn).toBe(true);
  await expect(listed.listFurther(5, 2, () => AT)).rejects.toMatchObject({ status: 0 });
  await begin(2);
  expect(listed.isTorn).toBe(false);
});

test("tells the events that the list has from those that it has not", async () => {
  pages.set(null, page(["5"], { contains: [{ from: 12, to: 13 }] }));
  await begin(2);
  expect([11, 12, 13, 14].map((sequence) => listed.has(told(sequence)))).toEqual([
    false,
    true,
    true,
    false,
  ]);
  expect([listed.hasLater, listed.containedBehind(13)]).toEqual([true, []]);
  expect(listed.containedBehind(12)).toEqual([{ from: 12, to: 13 }]);
});

test("of rows read later it knows what they have, until all of that was given out", async () => {
  pages.set("c1", page(["3"], { sequence: 12 }));
  await begin(3);
  expect([listed.has(told(12, "3")), listed.has(told(12, "5")), listed.hasLaterRows]).toEqual([
    true,
    false,
    true,
  ]);
  listed.pass(11);
  expect(listed.hasLaterRows).toBe(true);
  listed.pass(12);
  expect(listed.hasLaterRows).toBe(false);
});

test("once it is cleared, nothing of it is left", async () => {
  pages.set(null, page(["5"], { contains: [{ from: 12, to: 13 }], cursor: "c1" }));
  await begin(1);
  listed.clear();
  expect([listed.isThere, listed.isCut, listed.hasLater, listed.has(told(12))]).toEqual([
    false,
    false,
    false,
    false,
  ]);
});
