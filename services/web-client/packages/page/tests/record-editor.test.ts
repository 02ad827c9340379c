// @vitest-environment jsdom
import { afterEach, expect, test, vi } from "vitest";
import type { FeedRecord } from "../src/library";
import { readingIn } from "../src/reading";
import { RecordEditor } from "../src/record-editor";
import { recordOf } from "./fake-library";

interface Answer {
  readonly status: number;
  readonly body?: unknown;
}

let editor: RecordEditor;
let sent: { method: string; path: string; version: string; body: unknown; key: string }[];
let closed: number;
let now: FeedRecord | null;

afterEach(() => {
  editor.remove();
  vi.unstubAllGlobals();
  sessionStorage.clear();
});

async function settled(): Promise<void> {
  for (let turn = 0; turn < 4; turn += 1) {
    await new Promise((resolve) => setTimeout(resolve));
    await editor.updateComplete;
  }
}

/** The server gives these answers, in turn. `now`: what stands there where somebody was quicker. */
async function shown(
  purpose: "edit" | "delete",
  record: FeedRecord,
  ...answers: readonly Answer[]
): Promise<void> {
  sent = [];
  closed = 0;
  now = null;
  const left = [...answers];
  vi.stubGlobal("fetch", async (path: string, { method, headers, body }: RequestInit) => {
    const named = headers as Record<string, string>;
    sent.push({
      method: String(method),
      path,
      version: named["If-Match"] ?? "",
      key: named["Idempotency-Key"] ?? "",
      body: body === undefined ? null : JSON.parse(String(body)),
    });
    const { status, body: answer = {} } = left.shift() ?? { status: 200 };
    return new Response(status === 204 ? null : JSON.stringify(answer), { status });
  });
  editor = new RecordEditor();
  editor.purpose = purpose;
  editor.feed = "orders";
  editor.record = record;
  editor.reading = readingIn("en");
  editor.readAgain = async () => now;
  editor.addEventListener("editor-close", () => {
    closed += 1;
  });
  document.body.append(editor);
  await settled();
}

const input = (selector: string) => editor.querySelector(selector) as HTMLInputElement;
const value = (row: number) =>
  [...editor.querySelectorAll<HTMLInputElement>(".draft-value")][row] as HTMLInputElement;
const action = (name: string) => editor.querySelector(`[data-action=${name}]`) as HTMLElement;

function type(field: HTMLInputElement, text: string): void {
  field.value = text;
  field.dispatchEvent(new InputEvent("input", { bubbles: true }));
}

async function submit(): Promise<void> {
  editor
    .querySelector("form")
    ?.dispatchEvent(new SubmitEvent("submit", { bubbles: true, cancelable: true }));
  await settled();
}

async function sign(): Promise<void> {
  type(input("#edit-key"), "secret");
  await settled();
}

const RECORD = recordOf(1, { item: "tea", count: 2 }, 3);
const PATH = `/api/v1/feeds/orders/records/${RECORD.id}/`;

test("an edit replaces the version that was seen, and is over then", async () => {
  await shown("edit", RECORD, { status: 200 });
  await sign();
  type(value(0), "coffee");
  await submit();
  expect(sent).toMatchObject([
    { method: "PUT", path: PATH, version: '"3"', body: { data: { item: "coffee", count: 2 } } },
  ]);
  expect(closed).toBe(1);
});

test("what changes in the feed meanwhile changes nothing of what somebody writes", async () => {
  await shown("edit", RECORD, { status: 200 });
  await sign();
  type(value(0), "coffee");
  editor.record = recordOf(1, { item: "milk", count: 9 }, 4);
  await settled();
  await submit();
  expect(sent).toMatchObject([{ version: '"3"', body: { data: { item: "coffee", count: 2 } } }]);
});

test("a deletion asks first, has the keyboard on it, and needs no fields", async () => {
  await shown("delete", RECORD, { status: 204 });
  expect(editor.querySelector("draft-editor")).toBeNull();
  expect(editor.textContent).toContain(readingIn("en").t("deleteSure"));
  await sign();
  await submit();
  expect(sent).toMatchObject([{ method: "DELETE", path: PATH, version: '"3"', body: null }]);
  expect(closed).toBe(1);
});

test("without a key nothing is sent, and the key's field gets the keyboard", async () => {
  await shown("edit", RECORD);
  await submit();
  expect(sent).toEqual([]);
  expect(document.activeElement).toBe(input("#edit-key"));
  expect(input("#edit-key").getAttribute("aria-invalid")).toBe("true");
});

test("a field with fault is not sent, and gets the keyboard", async () => {
  await shown("edit", RECORD);
  await sign();
  type(value(1), "two");
  await submit();
  expect(sent).toEqual([]);
  expect(document.activeElement).toBe(value(1));
});

test("a fault that the server finds stands at its field", async () => {
  const problem = { detail: "count must be at least 3", pointer: "/data/count" };
  await shown("edit", RECORD, { status: 422, body: problem });
  await sign();
  await submit();
  expect(closed).toBe(0);
  expect(document.activeElement).toBe(value(1));
  expect(editor.querySelectorAll(".form-error").length).toBeGreaterThan(0);
  expect(editor.textContent).toContain("count must be at least 3");
});

test("a write that failed is tried again as the same one", async () => {
  await shown("edit", RECORD, { status: 503 }, { status: 200 });
  await sign();
  type(value(0), "coffee");
  await submit();
  expect(editor.querySelector("[data-write-outcome=failed]")).not.toBeNull();
  await submit();
  expect(sent.map(({ key }) => key)).toEqual([sent[0]?.key, sent[0]?.key]);
  expect(closed).toBe(1);
});

test("who was overtaken sees both, and what he writes then is over what he saw", async () => {
  await shown("edit", RECORD, { status: 412 }, { status: 200 });
  await sign();
  type(value(0), "coffee");
  now = recordOf(1, { item: "milk", count: 2 }, 7);
  await submit();
  const conflict = editor.querySelector("[data-conflict=changed]");
  expect(conflict?.textContent).toContain("milk");
  expect(conflict?.textContent).toContain("coffee");
  expect(editor.querySelector("[type=submit]")).toBeNull();
  action("keep-mine").click();
  await settled();
  expect(sent.at(-1)).toMatchObject({
    version: '"7"',
    body: { data: { item: "coffee", count: 2 } },
  });
  expect(closed).toBe(1);
});

test("who takes what is there goes on from it", async () => {
  await shown("edit", RECORD, { status: 412 }, { status: 200 });
  await sign();
  type(value(0), "coffee");
  now = recordOf(1, { item: "milk", count: 5 }, 7);
  await submit();
  action("take-theirs").click();
  await settled();
  expect(value(0).value).toBe("milk");
  type(value(1), "6");
  await submit();
  expect(sent.at(-1)).toMatchObject({ version: '"7"', body: { data: { item: "milk", count: 6 } } });
});

test("who deletes what changed is shown what it is now, and may leave it", async () => {
  await shown("delete", RECORD, { status: 412 });
  await sign();
  now = recordOf(1, { item: "milk", count: 2 }, 7);
  await submit();
  expect(editor.querySelector("[data-conflict=changed]")?.textContent).toContain("milk");
  action("take-theirs").click();
  expect(closed).toBe(1);
  expect(sent).toHaveLength(1);
});

test("a record that somebody deleted meanwhile is said to be gone", async () => {
  await shown("edit", RECORD, { status: 404 });
  await sign();
  await submit();
  expect(editor.querySelector("[data-conflict=gone]")).not.toBeNull();
  expect(editor.querySelector("[data-action=keep-mine]")).toBeNull();
});

test("Escape leaves, and Ctrl+Enter sends", async () => {
  await shown("delete", RECORD, { status: 204 });
  await sign();
  const key = (init: KeyboardEventInit) =>
    input("#edit-key").dispatchEvent(new KeyboardEvent("keydown", { bubbles: true, ...init }));
  key({ key: "Escape" });
  expect(closed).toBe(1);
  key({ key: "Enter", ctrlKey: true });
  await settled();
  expect(sent).toHaveLength(1);
});
