import { ExactNumber, numberOf } from "aviso-feed";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { numberText, readNumber, withoutExponent } from "../src/number-text";

describe("a number that somebody typed", () => {
  test.each([
    ["1,000", "1000", "1.000"],
    ["1.000", "1.000", "1000"],
    ["1,234,567", "1234567", "errorNumber"],
    ["1.234.567", "errorNumber", "1234567"],
    ["1,234.5", "1234.5", "errorNumber"],
    ["1.234,5", "errorNumber", "1234.5"],
    ["1,5", "1.5", "1.5"],
    ["1.5", "1.5", "1.5"],
    ["0,125", "0.125", "0.125"],
    ["0.125", "0.125", "0.125"],
    ["-1,000", "-1000", "-1.000"],
    ["−12", "-12", "-12"],
    ["+7", "7", "7"],
    [" 42 ", "42", "42"],
    ["1 000 000", "1000000", "1000000"],
    ["12\u202f345", "12345", "12345"],
    ["1 00", "errorNumber", "errorNumber"],
    ["1e3", "1000", "1000"],
    ["12.50", "12.50", "12.50"],
    ["1,234.50", "1234.50", "errorNumber"],
    ["0.0000001", "1e-7", "1e-7"],
    ["1234567890123456789", "1234567890123456789", "1234567890123456789"],
    ["0.12345678901234567891", "0.12345678901234567891", "0.12345678901234567891"],
    ["1e400", "1e400", "1e400"],
    ["007", "errorNumberZeros", "errorNumberZeros"],
    ["0", "0", "0"],
    ["1,00,000", "errorNumber", "errorNumber"],
    ["1,000,", "errorNumber", "errorNumber"],
    ["1,2,3", "errorNumber", "errorNumber"],
    ["three", "errorNumber", "errorNumber"],
    ["0x10", "errorNumber", "errorNumber"],
    ["Infinity", "errorNumber", "errorNumber"],
    ["", "errorNumber", "errorNumber"],
  ])("%j is %s in English and %s in Spanish", (text, english, spanish) => {
    const read = (locale: string): string => {
      const entry = readNumber(text, locale);
      return entry.ok ? String(entry.value) : entry.message;
    };
    expect([read("en"), read("es")]).toEqual([english, spanish]);
  });

  test.each(["en", "es"])("is the one that was shown, in %s", (locale) => {
    const anyNumber = fc.oneof(
      fc.double({ noNaN: true, noDefaultInfinity: true }).map((n) => n + 0),
      fc.integer().map((n) => n / 1000),
      fc.stringMatching(/^-?[1-9]\d{17,25}(\.\d{1,5})?$/).map(numberOf),
    );
    fc.assert(
      fc.property(anyNumber, (value) => {
        expect(readNumber(numberText(value, locale), locale)).toEqual({ ok: true, value });
      }),
    );
  });
});

describe("a record's number", () => {
  test.each<[number | ExactNumber, string, string]>([
    [94103, "94103", "94103"],
    [2026, "2026", "2026"],
    [1234567.891, "1234567.891", "1234567,891"],
    [1e21, "1000000000000000000000", "1000000000000000000000"],
    [1.25e-7, "0.000000125", "0,000000125"],
    [-1.5e22, "-15000000000000000000000", "-15000000000000000000000"],
    [1e300, "1e+300", "1e+300"],
    [new ExactNumber("1234567890123456789"), "1234567890123456789", "1234567890123456789"],
    [new ExactNumber("1e400"), "1e400", "1e400"],
  ])("%s reads %s, in Spanish %s", (value, english, spanish) => {
    expect([numberText(value, "en"), numberText(value, "es")]).toEqual([english, spanish]);
  });
});

test("an exponent is written out, with the zeros that the database has", () => {
  const texts = ["1e3", "1.50e1", "-1.5E+3", "1e-7", "12.5e-3", "0.00", "-0.001", "1e61"];
  expect(texts.map((text) => withoutExponent(text))).toEqual([
    ...["1000", "15.0", "-1500", "0.0000001", "0.0125", "0.00", "-0.001", "1e61"],
  ]);
});
