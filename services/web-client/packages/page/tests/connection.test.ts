import { expect, test } from "vitest";
import { secondsUntil, shownState, stateText } from "../src/connection";
import { translatorFor } from "../src/locale";

const t = translatorFor("en");
const offline = { kind: "offline", reason: "closed", retryAt: null } as const;

test("without a connection that is what is said, whatever the feed was", () => {
  expect(shownState(offline, { kind: "live" })).toBe(offline);
});

test("with a connection the feed's state counts", () => {
  const state = { kind: "catching-up", left: 12 } as const;
  expect(stateText(shownState({ kind: "online", jid: "a@b" }, state), t)).toBe(
    "Catching up, 12 left",
  );
});

test("the countdown never goes below zero", () => {
  const now = new Date(10_000);
  expect([secondsUntil(new Date(12_001), now), secondsUntil(new Date(1), now)]).toEqual([3, 0]);
});
