// @vitest-environment jsdom
import { ExactNumber } from "aviso-feed";
import { afterEach, expect, test } from "vitest";
import type { JsonObject } from "../src/json";
import { JsonBlock } from "../src/json-block";
import { readingIn } from "../src/reading";

let block: JsonBlock;

afterEach(() => block.remove());

async function shown(data: JsonObject): Promise<void> {
  block = new JsonBlock();
  block.data = data;
  block.reading = readingIn("en");
  document.body.append(block);
  await block.updateComplete;
}

const text = () => block.querySelector("code")?.textContent;
const parts = (kind: string) =>
  [...block.querySelectorAll(`.json-${kind}`)].map(({ textContent }) => textContent);

test("it is the record's JSON, each part in its colour, and nothing in it becomes markup", async () => {
  const data = { name: '<b>"x"</b>', total: new ExactNumber("43.50"), open: true, none: null };
  await shown(data);
  expect(JSON.parse(text() ?? "")).toEqual({ ...data, total: 43.5 });
  expect(text()).toContain('"total": 43.50,');
  expect(parts("name")).toEqual(['"name"', '"total"', '"open"', '"none"']);
  expect(parts("word")).toEqual(["true", "null"]);
  expect(block.querySelector("code b")).toBeNull();
});

test("a long one is one text, whole", async () => {
  const data = Object.fromEntries(Array.from({ length: 3_000 }, (_, at) => [`f${at}`, at]));
  await shown(data);
  expect(JSON.parse(text() ?? "")).toEqual(data);
  expect(block.querySelectorAll("code *")).toHaveLength(0);
});

test("what changed is shown anew, and the other way round too", async () => {
  await shown({ n: 1 });
  block.data = { text: "x".repeat(30_000) };
  await block.updateComplete;
  expect(text()).toContain("x".repeat(30_000));
  block.data = { n: 2 };
  await block.updateComplete;
  expect([text(), parts("number")]).toEqual(['{\n  "n": 2\n}', ["2"]]);
});
