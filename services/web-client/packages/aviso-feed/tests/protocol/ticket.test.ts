import { expect, test } from "vitest";
import {
  lastingOf,
  lifeOfToken,
  readTicket,
  renewalAfter,
  TicketError,
} from "../../src/protocol/ticket";
import { makeTicket } from "../fakes";

const NOW = Date.UTC(2026, 10, 24, 9, 30);
const SECONDS = NOW / 1000;

test("a ticket says whose it is, what it opens, when it was made and when it ends", () => {
  const claims = { sub: "u-17@ticket.localhost", feeds: ["orders", 7], iat: SECONDS };
  const text = makeTicket({ ...claims, exp: SECONDS + 600 });
  expect(readTicket(text)).toEqual({
    text,
    username: "u-17",
    feeds: ["orders"],
    rights: JSON.stringify([
      ["feeds", [7, "orders"]],
      ["sub", "u-17@ticket.localhost"],
    ]),
    begin: NOW,
    end: NOW + 600_000,
  });
});

test("a fresh one is asked for 30 s before the end at the latest", () => {
  expect(renewalAfter(60_000)).toBe(30_000);
  expect(renewalAfter(20_000)).toBe(0);
  expect(renewalAfter(3_600_000)).toBe(2_700_000);
});

const MINUTE = 60_000;
const LIVES_10 = { begin: NOW, end: NOW + 10 * MINUTE };
test.each([
  ["fresh, whatever the clock says", LIVES_10, 5, true, { ends: 10, renews: 7.5 }],
  ["of an age that the clock may know", LIVES_10, 5, false, { ends: 5, renews: 2.5 }],
  ["near its end by the clock", LIVES_10, 9, false, { ends: 1, renews: 0 }],
  ["over by the clock", LIVES_10, 70, false, { ends: 10, renews: 7.5 }],
  ["made later than the clock says", LIVES_10, -50, false, { ends: 10, renews: 7.5 }],
  ["without a beginning", { ...LIVES_10, begin: null }, 2, true, { ends: 8, renews: 6 }],
  [
    "without a beginning, and over by the clock",
    { ...LIVES_10, begin: null },
    70,
    false,
    { ends: Infinity, renews: Infinity },
  ],
])("a ticket that is %s", (_what, times, minute, isFresh, { ends, renews }) => {
  const ticket = { text: "", username: "u-17", feeds: [], rights: "", ...times };
  const expected = { ends: ends * MINUTE, renews: renews * MINUTE };
  expect(lastingOf(ticket, NOW + minute * MINUTE, isFresh)).toEqual(expected);
});

test("a token lives as long as it says, whenever that is", () => {
  expect(lifeOfToken(makeTicket({ iat: 1000, exp: 1600 }))).toBe(600_000);
  for (const claims of [{ exp: 1600 }, { iat: 1600, exp: 1600 }, { iat: "1000", exp: 1600 }]) {
    expect(() => lifeOfToken(makeTicket(claims))).toThrow(TicketError);
  }
  expect(() => lifeOfToken("")).toThrow(TicketError);
});

const GOOD = { sub: "u-17@ticket.localhost", iat: SECONDS, exp: SECONDS + 600 };
test.each<[string, string]>([
  ["nothing", ""],
  ["no token", "not a token"],
  ["two parts", "a.b"],
  ["four parts", `${makeTicket(GOOD)}.x`],
  ["no base64", "a.%%%.c"],
  ["no JSON", `a.${btoa("{")}.c`.replaceAll("=", "")],
  ["a list", makeTicket([])],
  ["null", makeTicket(null)],
  ["no UTF-8", `a.${btoa("\xff\xfe").replaceAll("/", "_").replaceAll("=", "")}.c`],
  ["no reader", makeTicket({ ...GOOD, sub: undefined })],
  ["a reader that is no address", makeTicket({ ...GOOD, sub: "u-17" })],
  ["a reader with markup", makeTicket({ ...GOOD, sub: "<u>@ticket.localhost" })],
  ["a reader that is a number", makeTicket({ ...GOOD, sub: 17 })],
  ["no end", makeTicket({ ...GOOD, exp: undefined })],
  ["an end that is a text", makeTicket({ ...GOOD, exp: "1" })],
  ["an end that no calendar has", makeTicket({ ...GOOD, exp: 1e300 })],
  ["a long text", makeTicket({ ...GOOD, more: "x".repeat(9000) })],
])("%s is no ticket, and its text is in no message", (_what, text) => {
  let message = "";
  try {
    readTicket(text);
  } catch (error) {
    expect(error).toBeInstanceOf(TicketError);
    message = (error as Error).message;
  }
  expect(message).toMatch(/^The ticket/);
  if (text.length > 3) expect(message).not.toContain(text);
});
