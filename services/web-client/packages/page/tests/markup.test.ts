/** What keeps a record's text from becoming markup, and the page within its security policy. */

import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";

const PAGE = join(import.meta.dirname, "..");
const FOLDER = join(PAGE, "src");
const sources = readdirSync(FOLDER)
  .filter((name) => name.endsWith(".ts"))
  .map((name) => [name, readFileSync(join(FOLDER, name), "utf8")] as const);

// A comment may name what the code must not use.
const code = (text: string) => text.replace(/\/\*[\s\S]*?\*\/|\/\/.*$/gm, "");

const FORBIDDEN: readonly (readonly [string, RegExp])[] = [
  ["unsafe templates", /unsafe(HTML|SVG|CSS|Static)|static-html/],
  ["HTML out of text", /(inner|outer)HTML|insertAdjacentHTML|document\.write|setHTMLUnsafe/],
  ["HTML parsed from text", /DOMParser|createContextualFragment|srcdoc/],
  ["code out of text", /\beval\(|new Function\(/],
  ["a style attribute", /\sstyle=/],
  ["a handler attribute", /\son[a-z]+=/],
  ["the console", /console\./],
];

test.each(FORBIDDEN)("no part of the page uses %s", (_, pattern) => {
  const users = sources.filter(([, text]) => pattern.test(code(text))).map(([name]) => name);
  expect(users).toEqual([]);
});

test("there are parts to look at", () => {
  expect(sources.length).toBeGreaterThan(20);
});

test("the page's own HTML has no inline script and no inline style", () => {
  const html = readFileSync(join(PAGE, "index.html"), "utf8");
  expect(html).not.toMatch(/<style|\sstyle=|<script(?![^>]*\ssrc=)/);
});
