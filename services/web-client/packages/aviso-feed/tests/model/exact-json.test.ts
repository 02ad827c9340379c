import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  asWritten,
  ExactNumber,
  numberOf,
  parseExactJson,
  stringifyExactJson,
} from "../../src/model/exact-json";

type Nested = { a: [unknown, { b: unknown }] };

const digits = (value: unknown): unknown =>
  value instanceof ExactNumber ? `exactly ${value.text}` : value;

describe("a number", () => {
  test.each([
    ["1234567890123456789", "exactly 1234567890123456789"],
    ["-9007199254740993", "exactly -9007199254740993"],
    ["9007199254740992", 9007199254740992],
    ["0.12345678901234567890", "exactly 0.12345678901234567890"],
    ["3.141592653589793238", "exactly 3.141592653589793238"],
    ["0.1", 0.1],
    ["0.30000000000000004", 0.30000000000000004],
    ["100000000000000000000000", 1e23],
    ["1e400", "exactly 1e400"],
    [`1${"0".repeat(400)}`, `exactly 1${"0".repeat(400)}`],
    ["1e-400", "exactly 1e-400"],
    ["1E+2", 100],
    ["0e99", 0],
    ["1.50", 1.5],
    ["0.00000000000000000000", 0],
  ])("%s is read without a change", (text, expected) => {
    expect(digits(parseExactJson(text))).toEqual(expected);
    const nested = parseExactJson(`{"a": [${text} ,{"b":${text}}]}`) as Nested;
    expect([nested.a[0], nested.a[1].b].map(digits)).toEqual([expected, expected]);
    expect(digits(numberOf(text))).toEqual(expected);
  });

  test("that a double holds stays a number of JavaScript", () => {
    fc.assert(
      fc.property(fc.double({ noNaN: true, noDefaultInfinity: true }), (value) => {
        expect(parseExactJson(`[${JSON.stringify(value)}]`)).toEqual([value === 0 ? 0 : value]);
      }),
    );
  });

  test("is the same value or has every digit, whatever is written", () => {
    const literal = fc.stringMatching(/^-?(0|[1-9]\d{0,30})(\.\d{1,30})?(e[+-]?\d{1,3})?$/);
    fc.assert(
      fc.property(literal, (text) => {
        const value = parseExactJson(`[${text}]`) as [unknown];
        if (value[0] instanceof ExactNumber) expect(value[0].text).toBe(text);
        else expect(value).toEqual(JSON.parse(`[${text}]`));
      }),
    );
  });
});

describe("JSON", () => {
  test("in strings and names is left alone", () => {
    const value = {
      a: ":1234567890123456789",
      'b\\": 1234567890123456789': '[1e400,"',
      __proto__: "[12345678901234567890]",
      long: `,1e5${"x".repeat(200_000)}`,
    };
    const text = JSON.stringify({ ...value, n: 0 }).replace('"n":0', '"n":12345678901234567890');

    const read = parseExactJson(text) as Record<string, unknown>;

    expect(digits(read.n)).toBe("exactly 12345678901234567890");
    expect({ ...read, n: 0 }).toEqual({ ...value, n: 0 });
  });

  test.each([
    "{12345678901234567890: 1}",
    "[012345678901234567890]",
    "[12345678901234567890.]",
    "[1e400",
    "[+12345678901234567890]",
    "[12345678901234567890 12345678901234567890]",
  ])("%s is none", (text) => {
    expect(() => parseExactJson(text)).toThrow(SyntaxError);
  });

  test("is written with every digit", () => {
    const text = '{"a":1234567890123456789,"b":[1e400,{"c":0.12345678901234567891}],"d":"e"}';

    const value = parseExactJson(text);

    expect(stringifyExactJson(value)).toBe(text);
    expect(JSON.parse(stringifyExactJson(value, 2))).toEqual(JSON.parse(text));
    expect(stringifyExactJson(value, 2)).toContain('\n  "a": 1234567890123456789,\n');
  });

  test("is read and written back the same", () => {
    fc.assert(
      fc.property(fc.jsonValue({ noUnicodeString: false }), (value) => {
        expect(parseExactJson(stringifyExactJson(value))).toEqual(
          JSON.parse(JSON.stringify(value)),
        );
      }),
    );
  });
});

describe("the writer's digits", () => {
  const literal = fc.stringMatching(/^-?(0|[1-9]\d{0,30})(\.\d{1,30})?([eE][+-]?\d{1,3})?$/);

  test.each([
    ["43.50", 43.5],
    ["-0", -0],
    ["-0.0", -0],
    ["10", 10],
    ["100.0", 100],
    ["0.0000001", 1e-7],
    ["1e2", 100],
    ["1.0E+2", 100],
    ["1000000000000000000000", 1e21],
  ])("of %s are shown and written, and it is a number", (text, value) => {
    const read = parseExactJson(`{"a":{"b":[${text}]},"c":${text}}`) as {
      a: { b: [number] };
      c: number;
    };

    expect([read.c, read.a.b[0]]).toEqual([value, value]);
    expect(stringifyExactJson(read)).toBe(`{"a":{"b":[${text}]},"c":${text}}`);
    expect(stringifyExactJson(read.a)).toBe(`{"b":[${text}]}`);
    const shown = asWritten(read);
    expect([String(shown.c), String(shown.a.b[0])]).toEqual([text, text]);
    expect(asWritten(read)).toBe(shown);
  });

  test("stay, whatever they are", () => {
    fc.assert(
      fc.property(literal, literal, (one, other) => {
        const text = `{"__proto__":${one},"b":[{"c":${other}}]}`;
        const read = parseExactJson(text);
        expect(stringifyExactJson(read)).toBe(text);
        expect(stringifyExactJson(asWritten(read))).toBe(text);
      }),
    );
  });

  test("are not those of another number that was put in its place", () => {
    const read = parseExactJson('{"a":43.50,"b":1.0}') as Record<string, unknown>;

    read.a = 43.6;
    read.b = "1";

    expect(stringifyExactJson(read)).toBe('{"a":43.6,"b":"1"}');
  });

  test("leave alone what has none of its own", () => {
    const read = parseExactJson('{"a":[1,{"b":"43.50"}],"c":null,"d":true}');

    expect(asWritten(read)).toBe(read);
    expect([asWritten(null), asWritten(1), asWritten("1.0")]).toEqual([null, 1, "1.0"]);
  });

  test("are found however deep they are, without a deeper stack", () => {
    let deep: unknown = parseExactJson('{"a":43.50}');
    for (let level = 0; level < 100_000; level += 1) deep = { a: deep };

    let shown: unknown = asWritten(deep);
    while (!(shown instanceof ExactNumber)) shown = (shown as { a: unknown }).a;

    expect(shown.text).toBe("43.50");
  });
});

describe("JSON nested however deep", () => {
  const nested = (inner: string) => `${'{"a":['.repeat(20_000)}${inner}${"]}".repeat(20_000)}`;

  test.each(["1", "43.50", "12345678901234567890", '"x",null,{}'])(
    "is read and written with %s in it",
    (inner) => {
      const value = parseExactJson(nested(inner));

      expect(stringifyExactJson(value) === nested(inner)).toBe(true);
      expect(stringifyExactJson(asWritten(value)) === nested(inner)).toBe(true);
    },
  );

  test("is no circle: that is refused", () => {
    const circle: unknown[] = [];
    circle.push({ circle });

    expect(() => stringifyExactJson(circle)).toThrow(TypeError);
    expect(() => stringifyExactJson({ big: 1n })).toThrow(TypeError);
  });

  test("is written as JSON.stringify writes what is no JSON", () => {
    const odd = { u: undefined, f: () => 1, d: new Date(0), l: [undefined], t: { toJSON: 1 } };
    let deep: unknown = odd;
    for (let level = 0; level < 20_000; level += 1) deep = [deep];

    const text = stringifyExactJson(deep).replaceAll(/^\[+|\]+$/g, "");

    expect(text).toBe(JSON.stringify(odd));
  });
});

describe("an ExactNumber", () => {
  test("is its nearest double where a program reckons with it, and its digits as text", () => {
    const value = new ExactNumber("1234567890123456789");

    expect([Number(value), `${value}`]).toEqual([1234567890123456800, "1234567890123456789"]);
    expect(["1234567890123456789", '"1234567890123456789"']).toContain(JSON.stringify(value));
  });

  test("is a number and nothing else", () => {
    expect(() => new ExactNumber('1},"x":{')).toThrow(TypeError);
  });
});
