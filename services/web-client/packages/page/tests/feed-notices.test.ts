// @vitest-environment jsdom
import { render } from "lit";
import { expect, test, vi } from "vitest";
import { refused } from "../src/feed-notices";
import type { RefusalCode } from "../src/library";
import { readingIn } from "../src/reading";

function show(code: RefusalCode, isGuest: boolean): HTMLElement {
  const state = { kind: "refused", code, reason: "" } as const;
  const place = document.createElement("div");
  document.body.replaceChildren(place);
  render(refused(state, readingIn("en"), isGuest), place);
  return place;
}

const action = (body: HTMLElement): string | undefined =>
  body.querySelector("button")?.textContent?.trim();

test.each<[RefusalCode, string | undefined, string | undefined]>([
  ["not-open", "Sign in", undefined],
  ["no-longer-open", "Sign in", undefined],
  ["credentials", "Sign in", "Sign in again"],
  ["too-many-sessions", "Read on here", "Read on here"],
])("refused by %s a guest is offered %s, and an account %s", (code, guest, account) => {
  expect([action(show(code, true)), action(show(code, false))]).toEqual([guest, account]);
  expect(document.querySelector("[data-refusal]")?.getAttribute("data-refusal")).toBe(code);
});

test("reading on here tries at once", () => {
  const tried = vi.fn();
  document.body.addEventListener("try-now", tried, { once: true });
  show("too-many-sessions", false).querySelector("button")?.click();
  expect(tried).toHaveBeenCalledTimes(1);
});
