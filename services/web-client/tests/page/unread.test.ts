import { expect, test } from "vitest";
import { badgeText, countUnread, documentTitle } from "../../src/page/unread";

const at = (sequence: number, epoch = "k3f9") => ({ epoch, sequence });

test("unread is the distance between what was seen and where the feed is", () => {
  expect(countUnread(at(40), at(43))).toBe(3);
});

test("nothing is unread before it is known what was seen", () => {
  expect(countUnread(null, at(43))).toBe(0);
});

test("in a new epoch everything is unread", () => {
  expect(countUnread(at(40), at(2, "n3w1"))).toBe(2);
});

test("the title begins with the unread number", () => {
  expect(documentTitle(3, "Orders")).toBe("(3) Orders · Aviso");
});

test("the title of a page with nothing unread has no number", () => {
  expect(documentTitle(0, null)).toBe("Aviso");
});

test("a badge stops counting at 999", () => {
  expect(badgeText(1000, String)).toBe("999+");
});
