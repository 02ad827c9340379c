import { parseExactJson } from "aviso-feed";
import fc from "fast-check";
import { expect, test } from "vitest";
import { type Json, prettyJson, tokensOfJson } from "../src/json";

test("tokens joined again are the text they were cut from", () => {
  fc.assert(
    fc.property(fc.jsonValue(), (value) => {
      const text = prettyJson(value as Json);
      expect(
        tokensOfJson(text)
          .map((token) => token.text)
          .join(""),
      ).toBe(text);
    }),
  );
});

test("names, texts, numbers and words are told apart", () => {
  const kinds = tokensOfJson('{"a": "b:", "c": -1.5e3, "d": true}')
    .filter((token) => token.kind !== "mark")
    .map((token) => [token.kind, token.text]);
  expect(kinds).toEqual([
    ["name", '"a"'],
    ["text", '"b:"'],
    ["name", '"c"'],
    ["number", "-1.5e3"],
    ["name", '"d"'],
    ["word", "true"],
  ]);
});

test("what is nested deep stays readable in size: it stands on one line", () => {
  const text = `${"[".repeat(20_000)}43.50${"]".repeat(20_000)}`;
  expect(prettyJson(parseExactJson(text) as Json) === text).toBe(true);
});
