import { expect, test } from "vitest";
import { formattingFor } from "../src/formatting";

const english = formattingFor("en", "now");
const spanish = formattingFor("es", "ahora");
const then = new Date("2026-11-24T09:30:00Z");
const later = (seconds: number) => new Date(then.getTime() + seconds * 1000);

test.each([
  [0, "now"],
  [-5, "now"],
  [42, "42 sec. ago"],
  [185, "3 min. ago"],
  [7300, "2 hr. ago"],
  [2 * 86_400, "2 days ago"],
])("after %d seconds it reads %s", (seconds, text) => {
  expect(english.relativeTime(then, later(seconds))).toBe(text);
});

test("a time long ago is a date", () => {
  expect(english.relativeTime(then, later(30 * 86_400))).toContain("2026");
});

test("counts are grouped, the numbers of a record are not", () => {
  expect([english.number(94103), spanish.number(94103)]).toEqual(["94,103", "94.103"]);
  expect([english.value(94103.5), spanish.value(94103.5)]).toEqual(["94103.5", "94103,5"]);
});

test("four digits are not grouped, so that years stay years", () => {
  expect(english.number(2026)).toBe("2026");
});

test("a day is the same day in every time zone", () => {
  expect(english.day(new Date("2026-11-24T00:00:00Z"))).toBe("Nov 24, 2026");
});

test("a time of day has the form that the reader's language gives it, wherever it stands", () => {
  const time = new Date(2026, 10, 24, 2, 46, 1);
  const inEnglish = [
    english.moment(time, time),
    english.moment(time, later(30 * 86_400)),
    english.exactTime(time),
  ];
  for (const text of inEnglish) expect(text).toMatch(/\b2:46:01\sAM$/);
  const inSpanish = [spanish.moment(time, time), spanish.exactTime(time)];
  for (const text of inSpanish) expect(text).toMatch(/\b2:46:01$/);
});
