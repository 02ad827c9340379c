import { beforeEach, describe, expect, test, vi } from "vitest";

type Options = typeof import("../../src/engine/options");
let options: Options;
let warnings: string[];

beforeEach(async () => {
  // What the console was told is kept by the module.
  vi.resetModules();
  options = await import("../../src/engine/options");
  warnings = [];
  vi.spyOn(console, "warn").mockImplementation((text: string) => void warnings.push(text));
});

describe("an origin", () => {
  test.each([
    [undefined, ""],
    ["", ""],
    ["https://aviso.example", "https://aviso.example"],
    ["http://localhost:8090/", "http://localhost:8090"],
    [" HTTPS://Aviso.Example:443 ", "https://aviso.example"],
  ])("%j is %j", (value, expected) => {
    expect(options.readOrigin(value)).toBe(expected);
    expect(warnings).toEqual([]);
  });

  test.each(["localhost:8090", "//aviso.example", "javascript:alert(1)", "aviso", 7, {}])(
    "%j is none: the page's own, and a warning",
    (value) => {
      expect([options.readOrigin(value), options.readOrigin(value)]).toEqual(["", ""]);
      expect(warnings.length).toBe(1);
      expect(warnings[0]).toContain(JSON.stringify(value));
    },
  );

  test("has no path, and one is warned of", () => {
    expect(options.readOrigin("https://aviso.example/orders")).toBe("https://aviso.example");
    expect(warnings.length).toBe(1);
  });
});

describe("a history", () => {
  test.each([
    [undefined, 50],
    [null, 50],
    [7, 7],
    ["7", 7],
    [" 007 ", 7],
  ])("of %j is %j", (value, expected) => {
    expect(options.readHistory(value, 50)).toBe(expected);
    expect(warnings).toEqual([]);
  });

  test.each([
    "all",
    "-5",
    "",
    "50px",
    "1e3",
    "1.5",
    "0x10",
    Number.NaN,
    Number.POSITIVE_INFINITY,
    -1,
    1.5,
    true,
    {},
  ])("of %j is the default, with one warning", (value) => {
    const read = [1, 2, 3].map(() => options.readHistory(value, 50));
    expect(read).toEqual([50, 50, 50]);
    expect(warnings.length).toBe(1);
  });

  test("has an end", () => {
    expect(options.readHistory(1e9, 50)).toBe(10_000);
    expect(warnings.length).toBe(1);
  });

  test("of nothing is nothing, where that makes sense", () => {
    expect([options.readHistory(0, 50), options.readHistory(0, 50, 1)]).toEqual([0, 50]);
  });
});

test("a position that is none is left out", () => {
  const position = { epoch: "k3f9", sequence: 7 };
  const wrong = [
    { epoch: "k3f9" },
    { epoch: "?", sequence: 1 },
    { epoch: "k3f9", sequence: -1 },
    7,
  ];
  expect(options.readPosition(position)).toEqual(position);
  expect(wrong.map(options.readPosition)).toEqual([null, null, null, null]);
  expect(warnings.length).toBe(4);
});

describe("what to keep", () => {
  test.each([
    [null, ""],
    [undefined, ""],
    ["", "public"],
    ["public", "public"],
    ["private", "private"],
  ])("of %j is %j", (value, expected) => {
    expect(options.readKeep(value)).toBe(expected);
    expect(warnings).toEqual([]);
  });

  test.each(["Private", "privat", "false", 7])("of %j is what everybody may read", (value) => {
    expect([options.readKeep(value), options.readKeep(value)]).toEqual(["public", "public"]);
    expect(warnings).toEqual([
      `aviso: keep is ${JSON.stringify(value)}, expected public or private; "public" is used.`,
    ]);
  });
});

test("a transport that is none is any", () => {
  const read = ["auto", undefined, "bosh", "http"].map(options.readTransports);
  const both = ["websocket", "bosh"];
  expect(read).toEqual([both, both, ["bosh"], both]);
  expect(warnings.length).toBe(1);
});

test("the console is not flooded", () => {
  for (let n = 0; n < 1000; n += 1) options.readHistory(`${n}px`, 50);
  expect(warnings.length).toBe(100);
});
