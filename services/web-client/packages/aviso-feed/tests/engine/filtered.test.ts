import { describe, expect, test } from "vitest";
import { Filtered } from "../../src/engine/filtered";
import { readFilter } from "../../src/model/filter";
import { FakeTable, row } from "./fake-table";

/** Records whose n is 1 are in it. */
function filteredFeed(history = 100): FakeTable {
  const feed = new FakeTable(history, new Filtered(readFilter({ n: 1 })));
  feed.isTable = false;
  return feed;
}

const told = (feed: FakeTable) =>
  feed.given.map(({ type, subject, sequence }) => `${type} ${subject} ${sequence}`);

describe("a feed with a filter", () => {
  test("begins with what matches, listed, and goes on behind its position", async () => {
    const feed = filteredFeed();
    feed.tell(1, "created", "a", 1);
    feed.tell(2, "created", "b", 2);
    feed.tell(3, "created", "c", 1);
    feed.page(null, [row("a", 1)], "2", []);

    await feed.catchUp();

    expect(told(feed)).toEqual(["listed a 2", "created c 3"]);
    expect([feed.reader.position?.sequence, feed.reader.isCut]).toEqual([3, false]);
  });

  test("is entered by what begins to match, and left by what ceases to", async () => {
    const feed = filteredFeed();
    feed.page(null, [row("a", 1), row("b", 1)], "0", []);
    await feed.catchUp();
    feed.tell(1, "updated", "a", 2);
    feed.tell(2, "updated", "x", 1);
    feed.tell(3, "updated", "y", 2);
    feed.tell(4, "created", "z", 2);
    feed.tell(5, "deleted", "b", 1);
    feed.tell(6, "deleted", "y", 2);
    feed.tell(7, "updated", "a", 2);

    await feed.catchUp();

    expect(told(feed).slice(2)).toEqual(["left a 1", "updated x 2", "deleted b 5"]);
    expect(feed.shown).toEqual([["x", 1]]);
    expect(feed.reader.position?.sequence).toBe(7);
  });

  test("has every page of it, and of what was read later no event twice", async () => {
    const feed = filteredFeed();
    feed.page(null, [row("d", 1), row("c", 1)], "0", [], "c1");
    // Read when b matched again, and a did since.
    feed.page("c1", [row("b", 1), row("a", 1)], "3", [["5", "5"]]);
    feed.tell(1, "updated", "b", 2);
    feed.tell(2, "updated", "d", 2);
    feed.tell(3, "updated", "b", 1);
    feed.tell(4, "updated", "b", 2);
    feed.tell(5, "updated", "a", 1);
    feed.tell(6, "updated", "a", 2);

    await feed.catchUp();

    expect(told(feed).slice(4)).toEqual(["left d 2", "left b 4", "left a 6"]);
    expect(feed.shown).toEqual([["c", 1]]);
  });

  test("says so where more matches than it was to begin with", async () => {
    const feed = filteredFeed(3);
    feed.page(null, [row("e", 1), row("d", 1)], "0", [], "c1");
    feed.page("c1", [row("c", 1)], "0", [], "c2");

    await feed.catchUp();

    expect(feed.asked).toEqual([
      [null, 3],
      ["c1", 1],
    ]);
    expect([feed.given.length, feed.reader.isCut]).toEqual([3, true]);
  });

  test("asks for no more than a hundred pages, however little matches", async () => {
    const feed = filteredFeed();
    feed.page(null, [], "0", [], "0");
    for (let n = 0; n < 200; n += 1) feed.page(String(n), [], "0", [], String(n + 1));

    await feed.catchUp();

    expect([feed.asked.length, feed.reader.isCut]).toEqual([100, true]);
  });

  test("goes on with the page that failed", async () => {
    const feed = filteredFeed();
    feed.page(null, [row("b", 1)], "0", [], "c1");
    await expect(feed.catchUp()).rejects.toThrow("no page c1");
    feed.page("c1", [row("a", 1)], "0", []);

    await feed.catchUp();

    expect(feed.asked.map(([cursor]) => cursor)).toEqual([null, "c1", "c1"]);
    expect(told(feed)).toEqual(["listed a 0", "listed b 0"]);
  });

  test("is listed anew where it was emptied while its pages were read", async () => {
    const feed = filteredFeed();
    feed.page(null, [row("b", 1)], "0", [], "c1");
    feed.page("c1", [row("a", 1)], "2", []);
    feed.empty(1);
    feed.tell(2, "created", "a", 1);
    await feed.catchUp();
    expect(feed.reader.isBehind).toBe(true);
    feed.page(null, [row("a", 1)], "2", []);

    await feed.catchUp();

    expect([feed.resets, feed.shown, feed.reader.isBehind]).toEqual([1, [["a", 1]], false]);
  });
});

test("of what was given out before nobody knows: whatever was changed and does not match has left", () => {
  const filtered = new Filtered(readFilter({ n: 1 }));
  const event = (type: "created" | "updated", n: number) =>
    ({ type, subject: "a", record: row("a", n) }) as never;
  const types = [event("created", 2), event("updated", 2), event("updated", 1)].map(
    (each) => filtered.pass(each)?.type,
  );
  expect(types).toEqual([undefined, "left", "updated"]);
});
