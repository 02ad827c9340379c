import { describe, expect, test } from "vitest";
import { LOCALES, preferredLocale, translatorFor } from "../src/locale";
import { english } from "../src/messages-en";
import { spanish } from "../src/messages-es";

const holes = (text: string) => [...new Set(text.match(/\{\w+\}/g) ?? [])].sort();
const keys = Object.keys(english) as (keyof typeof english)[];

test("both languages say the same things", () => {
  expect(Object.keys(spanish)).toEqual(keys);
});

describe.each(keys)("the message %s", (key) => {
  test("has the same parameters and forms in both languages", () => {
    expect(holes(spanish[key])).toEqual(holes(english[key]));
    expect(spanish[key].split(" | ").length).toBe(english[key].split(" | ").length);
  });
});

test("the reader's first language that the page speaks is taken", () => {
  expect(preferredLocale(["ca-ES", "es-MX", "en"])).toBe("es");
});

test("English stands in for languages that the page does not speak", () => {
  expect(preferredLocale(["ja"])).toBe("en");
});

test("one and many have their forms", () => {
  const t = translatorFor("en");
  expect([t("recordCount", { count: 1 }), t("recordCount", { count: 12_000 })]).toEqual([
    "1 record shown",
    "12,000 records shown",
  ]);
});

test("numbers in messages follow the language", () => {
  expect(translatorFor("es")("recordCount", { count: 12_000 })).toBe("12.000 registros a la vista");
});

test.each(LOCALES)("a parameter that looks like a hole stays as it is (%s)", (locale) => {
  const text = translatorFor(locale)("feedNotFound", { feed: "{count} $& <b>" });
  expect(text).toContain("{count} $& <b>");
});
