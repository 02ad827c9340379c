// @vitest-environment jsdom
import { beforeEach, expect, test } from "vitest";
import { MOST_MUTED, MutedFeeds } from "../src/muted-feeds";
import { feedInfo } from "./fake-library";

beforeEach(() => localStorage.clear());

const orders = feedInfo("orders");
const secret = feedInfo("secret", { visibility: "private" });

test("a public feed stays muted over a reload, until it is not muted any more", () => {
  new MutedFeeds().set(orders, true);
  const muted = new MutedFeeds();
  expect(muted.has("orders")).toBe(true);
  muted.set(orders, false);
  expect([muted.has("orders"), new MutedFeeds().has("orders")]).toEqual([false, false]);
});

test("the name of a private feed is not written down", () => {
  const muted = new MutedFeeds();
  muted.set(secret, true);
  expect(muted.has("secret")).toBe(true);
  expect(JSON.stringify({ ...localStorage })).not.toContain("secret");
  muted.forgetPrivate();
  expect(muted.has("secret")).toBe(false);
});

test("a feed that became private is not written down any more", () => {
  const muted = new MutedFeeds();
  muted.set(feedInfo("secret"), true);
  muted.set(secret, true);
  expect(muted.has("secret")).toBe(true);
  expect(JSON.stringify({ ...localStorage })).not.toContain("secret");
});

test("what another tab muted stays", () => {
  const [one, other] = [new MutedFeeds(), new MutedFeeds()];
  one.set(orders, true);
  other.set(feedInfo("stock"), true);
  const muted = new MutedFeeds();
  expect([muted.has("orders"), muted.has("stock")]).toEqual([true, true]);
});

test("feeds that are gone are forgotten", () => {
  const muted = new MutedFeeds();
  muted.set(orders, true);
  muted.set(secret, true);
  muted.forget(["orders", "secret"]);
  expect([muted.has("orders"), muted.has("secret")]).toEqual([false, false]);
  expect(new MutedFeeds().has("orders")).toBe(false);
});

test("of too many the oldest is let go", () => {
  const muted = new MutedFeeds();
  for (let n = 0; n <= MOST_MUTED; n += 1) {
    muted.set(feedInfo(`private-${n}`, { visibility: "private" }), true);
  }
  expect([muted.has("private-0"), muted.has("private-1")]).toEqual([false, true]);
});

test.each(["{", "{}", '["orders",1]'])("what is no list of names, %s, is thrown away", (text) => {
  localStorage.setItem("aviso.muted", text);
  expect([new MutedFeeds().has("orders"), localStorage.length]).toEqual([false, 0]);
});
