import { expect, test } from "vitest";
import { alertText, missedText } from "../src/alert-text";
import { readingIn } from "../src/reading";
import { eventOf, feedInfo } from "./fake-library";

const english = readingIn("en");
const orders = feedInfo("orders", { title: "Orders" });

test("one record is told of by its first fields", () => {
  const newest = eventOf(8, { item: "tea", count: 3, paid: true, note: "no more" });
  expect(alertText({ info: orders, count: 1, newest }, english)).toEqual({
    title: "Orders",
    body: "item: tea · count: 3 · paid: yes",
  });
});

test("several are counted, and the newest is told of", () => {
  const newest = eventOf(8, { item: "tea" });
  const { body } = alertText({ info: orders, count: 4, newest }, english);
  expect(body).toBe("4 new\nitem: tea");
});

test("what was deleted, and what could not be delivered, is said", () => {
  const deleted = eventOf(8, {}, { type: "deleted" });
  const unavailable = eventOf(9, {}, { type: "unavailable" });
  const bodies = [deleted, unavailable].map(
    (newest) => alertText({ info: orders, count: 1, newest }, english).body,
  );
  expect(bodies).toEqual([english.t("recordDeleted"), english.t("recordUnavailable")]);
});

test("of a private feed neither its name nor its records are told", () => {
  const secret = feedInfo("secret", { title: "Secret", visibility: "private" });
  const newest = eventOf(8, { item: "a bomb" });
  const text = JSON.stringify(alertText({ info: secret, count: 2, newest }, english));
  expect(text).toBe('{"title":"Aviso","body":"2 new in a private feed"}');
});

test("what was missed is a number", () => {
  expect(missedText(12, 3, english).body).toBe("12 new while you were away (feeds: 3)");
});
