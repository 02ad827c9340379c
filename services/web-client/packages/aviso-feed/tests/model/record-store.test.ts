import fc from "fast-check";
import { describe, expect, test, vi } from "vitest";
import type { FeedEvent } from "../../src/model/event";
import { RecordStore } from "../../src/model/record-store";
import { sizeOf } from "../../src/model/size";
import { ODD_KEYS } from "../odd-keys";

const TIME = "2026-11-24T09:30:00Z";

function event(
  sequence: number,
  record: string,
  version: number,
  type: "created" | "updated" | "deleted" = version === 1 ? "created" : "updated",
): FeedEvent {
  return {
    id: `e${sequence}`,
    type,
    feed: "orders",
    epoch: "aaaa",
    sequence,
    time: TIME,
    subject: record,
    record: { id: record, version, created_at: TIME, updated_at: TIME, data: { version } },
  };
}

function unavailable(sequence: number): FeedEvent {
  return {
    id: `e${sequence}`,
    type: "unavailable",
    feed: "orders",
    epoch: "aaaa",
    sequence,
    time: TIME,
    subject: "a",
    unavailable: { event_id: null, type: null, cause: "too-large" },
  };
}

function reset(sequence: number): FeedEvent {
  const { record: _, subject: __, ...envelope } = event(sequence, "a", 1);
  return { ...envelope, type: "reset", reset: { cause: "truncated" } };
}

const many = (count: number, from = 1): FeedEvent[] =>
  Array.from({ length: count }, (_, index) => event(from + index, `r${from + index}`, 1));

const keys = (store: RecordStore): string[] => store.slice(0, store.size).map((entry) => entry.key);

describe("a store", () => {
  test("has the newest record first", () => {
    const store = new RecordStore();

    store.apply([event(1, "a", 1), event(2, "b", 1)]);
    store.apply([event(3, "c", 1)]);

    expect(keys(store)).toEqual(["c", "b", "a"]);
    expect(store.at(0)?.key).toBe("c");
    expect(store.at(3)).toBeUndefined();
    expect(store.at(-1)).toBeUndefined();
  });

  test("changes a record in its place", () => {
    const store = new RecordStore();
    store.apply([event(1, "a", 1), event(2, "b", 1)]);

    const change = store.apply([event(3, "a", 2)]);

    expect(change).toEqual({ added: [], changed: ["a"], removed: [], cleared: false });
    expect(keys(store)).toEqual(["b", "a"]);
    expect(store.get("a")).toMatchObject({ sequence: 1, record: { version: 2 } });
  });

  test("keeps a newer event from an older one", () => {
    const store = new RecordStore();
    store.apply([event(5, "a", 3)]);

    const change = store.apply([event(2, "a", 1), event(3, "a", 2)]);

    expect(change).toEqual({ added: [], changed: [], removed: [], cleared: false });
    expect(store.get("a")?.record?.version).toBe(3);
  });

  test("marks a deleted record and keeps what it was last", () => {
    const store = new RecordStore();
    store.apply([event(1, "a", 1), event(2, "a", 2, "deleted")]);

    expect(store.get("a")).toMatchObject({ state: "deleted", record: { version: 2 } });
    expect(store.size).toBe(1);
  });

  test("shows a record that was deleted and came back under its id", () => {
    const store = new RecordStore();
    store.apply([event(1, "a", 1), event(2, "b", 1), event(3, "a", 2, "deleted")]);

    const change = store.apply([event(4, "a", 1)]);

    expect(change).toEqual({ added: [], changed: ["a"], removed: [], cleared: false });
    expect(store.get("a")).toMatchObject({ state: "present", sequence: 1, event: { sequence: 4 } });
    expect(store.get("a")?.record?.data).toEqual({ version: 1 });
    expect(keys(store)).toEqual(["b", "a"]);
  });

  test("shows every one of a thousand records that were deleted and copied back", () => {
    const store = new RecordStore();
    const round = (first: number, version: number, type: "created" | "deleted"): FeedEvent[] =>
      Array.from({ length: 1000 }, (_, n) => event(first + n, `r${n}`, version, type));

    store.apply(round(1, 5, "created"));
    store.apply([...round(1001, 6, "deleted"), ...round(2001, 1, "created")]);

    const states = new Set(
      store.slice(0, 1000).map(({ state, record }) => [state, record?.version].join()),
    );
    expect([...states]).toEqual(["present,1"]);
  });

  test("keeps a place for an event that could not be relayed, beside its record", () => {
    const store = new RecordStore();
    store.apply([event(1, "a", 1), unavailable(2)]);

    expect(keys(store)).toEqual(["\0e2", "a"]);
    expect(store.at(0)).toMatchObject({ state: "unavailable", record: null });
  });

  test("puts older events below", () => {
    const store = new RecordStore();
    store.apply([event(10, "j", 1), event(11, "k", 1)]);

    store.apply([event(8, "h", 1), event(9, "i", 1)]);

    expect(keys(store)).toEqual(["k", "j", "i", "h"]);
  });

  test("tells what changed, once, and nothing where nothing did", () => {
    const store = new RecordStore();
    const listener = vi.fn();
    const stop = store.subscribe(listener);

    store.apply([event(1, "a", 1), event(2, "a", 2)]);
    store.apply([event(1, "a", 1)]);
    store.apply([]);
    expect(listener.mock.calls).toEqual([
      [{ added: ["a"], changed: [], removed: [], cleared: false }],
    ]);

    store.clear();
    expect(listener).toHaveBeenLastCalledWith({
      added: [],
      changed: [],
      removed: [],
      cleared: true,
    });
    stop();
    store.apply([event(1, "a", 1)]);
    expect(listener).toHaveBeenCalledTimes(2);
  });

  test("is the same whatever the order in which events come", () => {
    const history = [
      event(1, "a", 1),
      event(2, "b", 1),
      event(3, "a", 2),
      event(4, "b", 2, "deleted"),
      event(5, "c", 1),
      event(6, "a", 3),
      event(7, "b", 1),
      event(8, "c", 2, "deleted"),
    ];
    fc.assert(
      fc.property(fc.shuffledSubarray(history, { minLength: 8 }), (events) => {
        const store = new RecordStore();
        for (const one of events) store.apply([one]);
        const states = store
          .slice(0, 9)
          .map(({ key, state, record }) => `${key} ${state} ${record?.version}`)
          .sort();
        expect(states).toEqual(["a present 3", "b present 1", "c deleted 2"]);
        const places = store.slice(0, 9).map(({ sequence }) => sequence);
        expect(places).toEqual([...places].sort((x, y) => y - x));
      }),
    );
  });

  test("holds 50,000 records, and looks at few for what comes at the top, once at all for what is below", () => {
    const store = new RecordStore();
    const many = Array.from({ length: 50_000 }, (_, index) => event(index + 1001, `r${index}`, 1));
    store.apply(many);
    const below = Array.from({ length: 1000 }, (_, index) => event(index + 1, `o${index}`, 1));

    const atTop = looksDuring(() => {
      for (let round = 0; round < 1000; round += 1) {
        store.apply([event(60_000 + round, `n${round}`, 1)]);
      }
    });
    const further = looksDuring(() => store.apply(below));

    expect(store.size).toBe(52_000);
    expect(store.at(51_999)?.key).toBe("o0");
    expect(atTop).toBeLessThan(10 * 1000);
    expect(further).toBeLessThan(3 * 52_000);
  });
});

/** How often something was looked up in a map, as the store does with each entry that it compares. */
function looksDuring(work: () => void): number {
  const { get } = Map.prototype;
  let looks = 0;
  Map.prototype.get = function (key) {
    looks += 1;
    return get.call(this, key);
  };
  try {
    work();
  } finally {
    Map.prototype.get = get;
  }
  return looks;
}

describe("a reset", () => {
  test("takes every record away, and what follows is there", () => {
    const store = new RecordStore();
    store.apply([event(1, "a", 1), event(2, "b", 1), unavailable(3)]);

    const change = store.apply([reset(4), event(5, "a", 1)]);

    expect(change).toEqual({ added: ["a"], changed: [], removed: [], cleared: true });
    expect(keys(store)).toEqual(["a"]);
    expect(store.get("a")).toMatchObject({ sequence: 5, event: { sequence: 5 } });
  });

  test("that comes again takes nothing away", () => {
    const store = new RecordStore();
    store.apply([reset(4), event(5, "a", 1)]);

    const change = store.apply([reset(4)]);

    expect(change).toEqual({ added: [], changed: [], removed: [], cleared: false });
    expect(keys(store)).toEqual(["a"]);
  });

  test("counts against what came before it, though that is heard of later", () => {
    const store = new RecordStore();
    store.apply([event(5, "a", 1)]);

    store.apply([event(2, "b", 1), event(3, "a", 2), reset(4)]);
    store.apply([event(1, "c", 1)]);

    expect(keys(store)).toEqual(["a"]);
  });

  test("is looked for once: what follows is not looked at with each event", () => {
    let looks = 0;
    const store = new RecordStore();
    const counted = many(1_000, 5).map(({ sequence, ...rest }) => ({
      ...rest,
      get sequence() {
        looks += 1;
        return sequence;
      },
    }));
    store.apply([reset(4), ...counted]);

    looks = 0;
    store.apply([event(2_000, "a", 1)]);

    expect(looks).toBe(0);
  });

  test("is over where the store is cleared: another epoch's sequences are others", () => {
    const store = new RecordStore();
    store.apply([reset(400)]);

    store.clear();
    store.apply([event(1, "a", 1)]);

    expect(keys(store)).toEqual(["a"]);
  });

  test("leaves what a fold from the beginning leaves, in whatever pieces it comes", () => {
    const kinds = fc.constantFrom("a", "b", "c", "reset");
    fc.assert(
      fc.property(fc.array(kinds, { maxLength: 30 }), fc.nat(), fc.nat(), (kinds, cut, copy) => {
        const events = kinds.map((kind, index) =>
          kind === "reset" ? reset(index + 1) : event(index + 1, kind, 1),
        );
        const whole = new RecordStore();
        whole.apply(events);
        const last = kinds.lastIndexOf("reset");
        expect(new Set(keys(whole))).toEqual(new Set(kinds.slice(last + 1)));

        const pieces = new RecordStore();
        const at = cut % (events.length + 1);
        pieces.apply(events.slice(at));
        pieces.apply(events.slice(0, at));
        pieces.apply(events.slice(copy % (events.length + 1)));
        expect(new Set(keys(pieces))).toEqual(new Set(keys(whole)));
      }),
    );
  });
});

test("records are kept apart by their keys, whatever those are", () => {
  const store = new RecordStore();
  store.apply(ODD_KEYS.map((key, index) => event(index + 1, key, 1)));
  store.apply([unavailable(ODD_KEYS.length + 1)]);

  expect(store.size).toBe(ODD_KEYS.length + 1);
  for (const [index, key] of ODD_KEYS.entries()) expect(store.get(key)?.sequence).toBe(index + 1);
});

describe("a store with a limit", () => {
  test("keeps the newest, and says which were too many", () => {
    const store = new RecordStore({ limit: { records: 2 } });
    store.apply(many(2));

    const change = store.apply(many(2, 3));

    expect(keys(store)).toEqual(["r4", "r3"]);
    expect(change).toEqual({
      added: ["r3", "r4"],
      changed: [],
      removed: ["r1", "r2"],
      cleared: false,
    });
  });

  test("says nothing of what came and went at once", () => {
    const store = new RecordStore({ limit: { records: 2 } });

    const change = store.apply(many(5));

    expect(change).toMatchObject({ added: ["r4", "r5"], removed: [] });
  });

  test("holds no more bytes, and always the newest record", () => {
    const one = event(1, "r1", 1);
    const store = new RecordStore({ limit: { bytes: 3 * sizeOf(one) } });

    store.apply(many(9));

    expect(keys(store)).toEqual(["r9", "r8", "r7"]);
    expect(store.bytes).toBe(3 * sizeOf(one));
    const large = event(10, "large", 1);
    store.apply([{ ...large, record: { id: "large", data: { text: "x".repeat(100_000) } } }]);
    expect(keys(store)).toEqual(["large"]);
  });

  test("counts what it holds through changes, resets and clearing", () => {
    const store = new RecordStore();
    store.apply([...many(3), event(4, "r1", 2, "deleted")]);
    const bytes = store.slice(0, 3).reduce((sum, entry) => sum + sizeOf(entry.event), 0);
    expect(store.bytes).toBe(bytes);

    store.apply([reset(5)]);

    expect([store.bytes, store.size]).toEqual([0, 0]);
  });

  test("knows up to where older events have to be asked for again", () => {
    const store = new RecordStore();
    store.apply([...many(3), event(9, "r1", 2)]);

    store.trim({ records: 1 });

    expect([keys(store), store.droppedUpTo]).toEqual([["r3"], 9]);
    // Asked for from there on, what is old does not come back in place of what is new.
    store.apply([event(9, "r1", 2), ...many(3)]);
    expect(store.get("r1")?.event.sequence).toBe(9);
  });

  test("holds a bounded number whatever comes", () => {
    fc.assert(
      fc.property(fc.array(fc.array(fc.integer({ min: 1, max: 40 }))), (batches) => {
        const store = new RecordStore({ limit: { records: 5 } });
        const shown = new Set<string>();
        let last = 0;
        for (const batch of batches) {
          const events = batch.map((n, index) => event(last + 1 + index, `r${n}`, 1));
          last += batch.length;
          const { added, removed } = store.apply(events);
          for (const key of added) shown.add(key);
          for (const key of removed) shown.delete(key);
        }
        expect(store.size).toBeLessThanOrEqual(5);
        expect([...shown].sort()).toEqual(keys(store).sort());
      }),
    );
  });
});

test("a size is counted however deep a value is nested", () => {
  let deep: unknown = "x";
  for (let level = 0; level < 50_000; level += 1) deep = [deep];
  expect(sizeOf(deep)).toBeGreaterThan(50_000);
  expect(sizeOf({ text: "x".repeat(1000) })).toBeGreaterThan(2000);
});
