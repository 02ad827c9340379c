import { describe, expect, test } from "vitest";
import { preparedPassword, refusedCharacter } from "../../src/protocol/password";

describe("a password", () => {
  // The examples of RFC 4013 3 first.
  test.each([
    ["I\u00adX", "IX"],
    ["user", "user"],
    ["USER", "USER"],
    ["\u00aa", "a"],
    ["\u2168", "IX"],
    ["12345678º", "12345678o"],
    ["½", "1\u20442"],
    ["and so on…", "and so on..."],
    ["ｆｕｌｌ", "full"],
    ["cafe\u0301", "café"],
    ["trailing\u00a0", "trailing "],
    ["a\u1680b\u3000c\u2003d", "a b c d"],
    ["zero\u200bwidth\ufeff", "zerowidth"],
  ])("%j is proved as %j", (typed, prepared) => {
    expect(preparedPassword(typed)).toBe(prepared);
    expect(preparedPassword(prepared)).toBe(prepared);
  });

  test.each([
    ["rabbit-🐇-hole", "🐇"],
    ["50 ₹", "₹"],
    ["STRAẞE", "ẞ"],
    ["squared 🄰", "🄰"],
    ["bell\u0007", "\u0007"],
    ["private \ue001", "\ue001"],
    ["lone \ud83d", "\ud83d"],
    ["latin and אב", "א"],
    ["segura-1ª", null],
    ["ñandú €5 — 中文 Ж", null],
    ["𝔘𝔫𝔦", null],
  ])("%j is refused for %j", (typed, character) => {
    expect(refusedCharacter(typed)).toBe(character);
  });
});
