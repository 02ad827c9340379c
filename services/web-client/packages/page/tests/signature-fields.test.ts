// @vitest-environment jsdom
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { readingIn } from "../src/reading";
import { SignatureFields } from "../src/signature-fields";
import { rememberApiKey, rememberedApiKey } from "../src/storage";

let fields: SignatureFields;
const told = vi.fn();

beforeEach(() => {
  sessionStorage.clear();
  told.mockClear();
});
afterEach(() => fields.remove());

async function shown(fault: string | null = null): Promise<void> {
  fields = new SignatureFields();
  fields.reading = readingIn("en");
  fields.fault = fault;
  fields.addEventListener("signature-change", told);
  document.body.append(fields);
  await fields.updateComplete;
}

const input = (selector: string) => fields.querySelector(selector) as HTMLInputElement;
const key = () => input("#write-key");
const remember = () => input("[type=checkbox]");

async function type(text: string): Promise<void> {
  key().value = text;
  key().dispatchEvent(new Event("input"));
  await fields.updateComplete;
}

async function tick(box: HTMLInputElement, isSet: boolean): Promise<void> {
  box.checked = isSet;
  box.dispatchEvent(new Event("change"));
  await fields.updateComplete;
}

test("without a key there is no signature, and blanks around one are none of it", async () => {
  await shown();
  expect(fields.signature).toBeNull();
  await type("  ");
  expect(fields.signature).toBeNull();
  await type(" secret\n");
  expect(fields.signature).toEqual({ kind: "key", key: "secret" });
  expect(told).toHaveBeenCalledTimes(2);
});

test("a key is kept for the tab only while that is ticked", async () => {
  await shown();
  await type("secret");
  expect([rememberedApiKey(), sessionStorage.length]).toEqual([null, 0]);
  await tick(remember(), true);
  expect(rememberedApiKey()).toBe("secret");
  await type("other");
  expect(rememberedApiKey()).toBe("other");
  await type("");
  expect(rememberedApiKey()).toBeNull();
  await type("third");
  await tick(remember(), false);
  expect([rememberedApiKey(), sessionStorage.length]).toEqual([null, 0]);
});

test("a key that the tab remembers is there, hidden, and may be forgotten", async () => {
  rememberApiKey("secret");
  await shown();
  expect(fields.signature).toEqual({ kind: "key", key: "secret" });
  expect([key().type, remember().checked]).toEqual(["password", true]);
});

test("the own sign-in needs no key, and what was typed is there when one comes back", async () => {
  await shown();
  await type("secret");
  const [byKey, bySession] = fields.querySelectorAll<HTMLInputElement>("[type=radio]");
  await tick(bySession as HTMLInputElement, true);
  expect([fields.signature, fields.querySelector("#write-key")]).toEqual([
    { kind: "session" },
    null,
  ]);
  await tick(byKey as HTMLInputElement, true);
  expect([fields.signature, key().value]).toEqual([{ kind: "key", key: "secret" }, "secret"]);
});

test("a key is shown only as long as somebody asks for it, and its fault stands at it", async () => {
  await shown("This key may not write.");
  const show = fields.querySelector<HTMLButtonElement>("[aria-pressed]") as HTMLButtonElement;
  show.click();
  await fields.updateComplete;
  expect([key().type, show.getAttribute("aria-pressed")]).toEqual(["text", "true"]);
  show.click();
  await fields.updateComplete;
  expect(key().type).toBe("password");
  expect(key().getAttribute("aria-invalid")).toBe("true");
  const note = fields.querySelector(`#${key().getAttribute("aria-describedby")}`);
  expect(note?.textContent).toBe("This key may not write.");
});
