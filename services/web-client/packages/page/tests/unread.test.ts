import { expect, test } from "vitest";
import { badgeText, documentTitle } from "../src/unread";

test("the title begins with the unread number", () => {
  expect(documentTitle(3, "Orders")).toBe("(3) Orders · Aviso");
});

test("the title of a page with nothing unread has no number", () => {
  expect(documentTitle(0, null)).toBe("Aviso");
});

test("a badge stops counting at 999", () => {
  expect(badgeText(1000, String)).toBe("999+");
});
