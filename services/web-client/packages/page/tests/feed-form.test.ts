// @vitest-environment jsdom
import { afterEach, expect, test, vi } from "vitest";
import { FeedForm } from "../src/feed-form";
import type { Locale } from "../src/locale";
import { readingIn } from "../src/reading";

let form: FeedForm;
let sent: unknown[];

afterEach(() => {
  form.remove();
  vi.unstubAllGlobals();
  location.hash = "";
});

async function shown(
  answer: () => Promise<Response> = async () => Response.json({}, { status: 201 }),
  locale: Locale = "en",
): Promise<void> {
  sent = [];
  vi.stubGlobal("fetch", async (path: string, { body }: RequestInit) => {
    sent.push([path, JSON.parse(String(body))]);
    return answer();
  });
  form = new FeedForm();
  form.reading = readingIn(locale);
  document.body.append(form);
  await settled();
}

async function settled(): Promise<void> {
  for (let turn = 0; turn < 4; turn += 1) {
    await new Promise((resolve) => setTimeout(resolve));
    await form.updateComplete;
  }
}

const field = (selector: string) => form.querySelector(selector) as HTMLInputElement;
const notice = () => form.querySelector("[data-write-outcome=failed]")?.textContent;

function type(selector: string, text: string): void {
  field(selector).value = text;
  field(selector).dispatchEvent(new InputEvent("input", { bubbles: true }));
}

async function send(slug: string, key = "secret"): Promise<void> {
  type("#feed-slug", slug);
  type("#feed-key", key);
  await settled();
  form
    .querySelector("form")
    ?.dispatchEvent(new SubmitEvent("submit", { bubbles: true, cancelable: true }));
  await settled();
}

test("a feed is made, and the page goes there", async () => {
  await shown();
  field("[name=private]").checked = true;
  await send(" orders ");
  expect(sent).toEqual([["/api/v1/feeds/", { slug: "orders", visibility: "private" }]]);
  await vi.waitFor(() => expect(location.hash).toBe("#/feeds/orders"));
});

for (const slug of ["", "Orders", "my orders", "pedidos_1", "ñ", "a".repeat(65)]) {
  test(`"${slug}" is no name, which its field says, and nothing is sent`, async () => {
    await shown();
    await send(slug);
    expect(sent).toEqual([]);
    expect(field("#feed-slug").getAttribute("aria-invalid")).toBe("true");
    expect(document.activeElement).toBe(field("#feed-slug"));
    type("#feed-slug", "orders");
    await settled();
    expect(field("#feed-slug").getAttribute("aria-invalid")).toBe("false");
  });
}

test("without a key nothing is sent, and the key's field says so, once", async () => {
  await shown(undefined, "es");
  await send("orders", "");
  expect(sent).toEqual([]);
  expect(document.activeElement).toBe(field("#feed-key"));
  expect(form.textContent?.split(readingIn("es").t("errorKeyMissing"))).toHaveLength(2);
});

test("a name that is taken is said as the server says it", async () => {
  const detail = "A feed with this slug already exists.";
  await shown(async () => Response.json({ detail }, { status: 409 }));
  await send("orders");
  expect(notice()).toContain(detail);
  expect(location.hash).toBe("");
});

test("who may not make feeds is told so", async () => {
  await shown(async () => Response.json({ detail: "No." }, { status: 403 }));
  await send("orders");
  expect(notice()).toContain(readingIn("en").t("errorForbiddenFeed"));
});

test("a server that is not reached can be tried again", async () => {
  await shown(() => Promise.reject(new TypeError("network")));
  await send("orders");
  expect(notice()).toContain(readingIn("en").t("writeRetryHint"));
  expect(field("[type=submit]").disabled).toBe(false);
});

test("two clicks make one feed", async () => {
  let answer = (_: Response) => {};
  await shown(
    () =>
      new Promise((resolve) => {
        answer = resolve;
      }),
  );
  await send("orders");
  expect(field("[type=submit]").disabled).toBe(true);
  await send("orders");
  expect(sent).toHaveLength(1);
  answer(Response.json({}, { status: 201 }));
  await settled();
});
