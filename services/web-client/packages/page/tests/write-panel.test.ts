// @vitest-environment jsdom
import { afterEach, expect, test, vi } from "vitest";
import { readingIn } from "../src/reading";
import { WritePanel } from "../src/write-panel";
import { feedInfo } from "./fake-library";

let panel: WritePanel;
let sent: { path: string; data: unknown; key: string }[];
let answers: (() => Promise<Response>)[];
let closed: number;

const SCHEMA = { properties: { item: { type: "string" }, count: { type: "integer" } } };

async function shown(): Promise<void> {
  sent = [];
  answers = [];
  closed = 0;
  vi.stubGlobal("fetch", async (path: string, { body, headers }: RequestInit) => {
    const { data } = JSON.parse(String(body));
    sent.push({ path, data, key: (headers as Record<string, string>)["Idempotency-Key"] ?? "" });
    return answers.shift()?.() ?? Response.json({ id: `record-${sent.length}` }, { status: 201 });
  });
  panel = new WritePanel();
  panel.feed = feedInfo("orders", { schema: SCHEMA });
  panel.newest = null;
  panel.reading = readingIn("en");
  panel.addEventListener("write-toggle", () => {
    closed += 1;
  });
  document.body.append(panel);
  await settled();
}

async function settled(): Promise<void> {
  for (let turn = 0; turn < 4; turn += 1) {
    await new Promise((resolve) => setTimeout(resolve));
    await panel.updateComplete;
  }
}

afterEach(() => {
  panel.remove();
  vi.unstubAllGlobals();
});

const all = (selector: string) => [...panel.querySelectorAll<HTMLInputElement>(selector)];
const value = (row: number) => all(".draft-value")[row] as HTMLInputElement;
const key = () => all("#write-key")[0] as HTMLInputElement;
const failed = () => all("[data-write-outcome=failed]")[0]?.textContent ?? null;
const written = () => all("[data-write-outcome=written]")[0]?.textContent ?? null;

function type(field: HTMLInputElement, text: string): void {
  field.value = text;
  field.dispatchEvent(new InputEvent("input", { bubbles: true }));
}

async function send(): Promise<void> {
  panel
    .querySelector("form")
    ?.dispatchEvent(new SubmitEvent("submit", { bubbles: true, cancelable: true }));
  await settled();
}

const problem = (status: number, body: unknown) => async () => Response.json(body, { status });

test("it begins with the schema's fields, and the keyboard in the first", async () => {
  await shown();
  expect(all(".draft-name").map((field) => field.value)).toEqual(["item", "count"]);
  expect(document.activeElement).toBe(value(0));
});

test("what is written is said, and the rows are empty for the next one", async () => {
  await shown();
  type(key(), "secret");
  type(value(0), "tea");
  type(value(1), "2");
  await send();
  expect(sent).toMatchObject([
    { path: "/api/v1/feeds/orders/records/", data: { item: "tea", count: 2 } },
  ]);
  expect(written()).toContain("record-1");
  expect(value(0).value).toBe("");
  type(value(0), "coffee");
  await settled();
  expect(written()).toBeNull();
});

test("the same record again is another one, unless the first one failed", async () => {
  await shown();
  type(key(), "secret");
  answers = [() => Promise.reject(new TypeError("network"))];
  for (let time = 0; time < 3; time += 1) {
    type(value(0), "tea");
    await send();
  }
  const [first, again, another] = sent.map((each) => each.key);
  expect(again).toBe(first);
  expect(another).not.toBe(first);
});

test("what failed on the way is kept, and offered to be tried again", async () => {
  await shown();
  type(key(), "secret");
  type(value(0), "tea");
  answers = [problem(503, {})];
  await send();
  expect(failed()).toContain(readingIn("en").t("writeRetryHint"));
  expect(value(0).value).toBe("tea");
  expect(all("[type=submit]")[0]?.textContent?.trim()).toBe(readingIn("en").t("writeAgain"));
});

test("a fault that the server finds stands at its field, and the keyboard goes there", async () => {
  await shown();
  type(key(), "secret");
  type(value(1), "2");
  answers = [problem(422, { detail: "count must be at least 3", pointer: "/data/count" })];
  await send();
  expect(document.activeElement).toBe(value(1));
  expect(failed()).not.toContain("count must be at least 3");
  expect(panel.textContent).toContain("count must be at least 3");
});

test("a key that is refused is said at the key, until another one is typed", async () => {
  await shown();
  type(key(), "secret");
  type(value(0), "tea");
  answers = [problem(401, { detail: "No such key." })];
  await send();
  expect([key().getAttribute("aria-invalid"), failed()]).toEqual(["true", null]);
  expect(document.activeElement).toBe(key());
  type(key(), "another");
  await settled();
  expect(key().getAttribute("aria-invalid")).toBe("false");
});

test("another feed begins another draft, and an answer about the first is not its own", async () => {
  await shown();
  type(key(), "secret");
  type(value(0), "tea");
  let answer = (_: Response) => {};
  answers = [
    () =>
      new Promise((resolve) => {
        answer = resolve;
      }),
  ];
  await send();
  panel.feed = feedInfo("payments");
  panel.newest = { amount: 5 };
  await settled();
  answer(Response.json({ id: "record-1" }, { status: 201 }));
  await settled();
  expect(written()).toBeNull();
  expect(all(".draft-name").map((field) => field.value)).toEqual(["amount"]);
});

test("Escape and the button close it, Ctrl+Enter sends", async () => {
  await shown();
  type(key(), "secret");
  type(value(0), "tea");
  const press = (init: KeyboardEventInit) =>
    value(0).dispatchEvent(new KeyboardEvent("keydown", { bubbles: true, ...init }));
  press({ key: "Escape" });
  all(".panel-head button")[0]?.click();
  expect(closed).toBe(2);
  press({ key: "Enter", ctrlKey: true });
  await settled();
  expect(sent).toHaveLength(1);
});
