// @vitest-environment jsdom
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { AvisoPage } from "../src/aviso-page";
import { rememberAccount, rememberApiKey } from "../src/storage";
import { FakeLibrary, feedInfo } from "./fake-library";
import { FakeObserver } from "./fake-observer";

let page: AvisoPage;

beforeEach(() => {
  for (const name of ["ResizeObserver", "IntersectionObserver"]) vi.stubGlobal(name, FakeObserver);
  vi.stubGlobal("scrollTo", () => {});
  localStorage.clear();
  rememberAccount({ kind: "account", username: "ana", password: "long enough" });
});

afterEach(() => {
  page.remove();
  vi.unstubAllGlobals();
});

async function open(hash: string): Promise<void> {
  location.hash = hash;
  const library = new FakeLibrary();
  library.infos = [feedInfo("orders"), feedInfo("secret", { visibility: "private" })];
  page = new AvisoPage(library);
  document.body.append(page);
  await vi.waitFor(() => expect(page.querySelector("feed-view, record-view")).not.toBeNull());
  library.infos = [feedInfo("orders")];
}

async function press(action: string): Promise<void> {
  const button = () => page.querySelector<HTMLElement>(`[data-action="${action}"]`);
  await vi.waitFor(() => expect(button()).not.toBeNull());
  button()?.click();
}

async function signOut(): Promise<void> {
  await press("sign-out");
  await vi.waitFor(() => expect(page.querySelector('[data-account="guest"]')).not.toBeNull());
}

test.each([
  "#/feeds/secret?q=alice",
  "#/feeds/secret/records/r1?q=alice",
  "#/feeds/orders?q=alice&data.city=Madrid",
  "#/feeds/orders/records/r1?q=alice",
])("who signs out at %s leaves no address and no search", async (hash) => {
  await open(hash);
  await signOut();
  await vi.waitFor(() => expect(location.hash).toBe("#/feeds/orders"));
  await vi.waitFor(() => expect(page.querySelector("feed-view")).not.toBeNull());
  expect(document.body.textContent).not.toMatch(/secret|alice/);
});

test("who signs out leaves no key and no draft", async () => {
  rememberApiKey("the person's");
  await open("#/feeds/orders");
  await press("write");
  await vi.waitFor(() => expect(page.querySelector(".draft-value")).not.toBeNull());
  const key = () => page.querySelector<HTMLInputElement>("#write-key")?.value;
  expect(key()).toBe("the person's");
  await signOut();
  await vi.waitFor(() => expect(page.querySelector("write-panel")).toBeNull());
  await press("write");
  await vi.waitFor(() => expect(page.querySelector(".draft-value")).not.toBeNull());
  expect([key(), { ...sessionStorage }]).toEqual(["", {}]);
});
