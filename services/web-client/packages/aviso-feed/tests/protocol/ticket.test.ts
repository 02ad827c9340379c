import { expect, test } from "vitest";
import { readTicket, renewalTime, TicketError } from "../../src/protocol/ticket";
import { makeTicket } from "../fakes";

const NOW = Date.UTC(2026, 10, 24, 9, 30);
const SECONDS = NOW / 1000;

test("a ticket says whose it is, what it opens, when it ends and when to ask for a fresh one", () => {
  const claims = { sub: "u-17@ticket.localhost", feeds: ["orders", 7], iat: SECONDS };
  const text = makeTicket({ ...claims, exp: SECONDS + 600 });
  expect(readTicket(text, NOW)).toEqual({
    text,
    username: "u-17",
    feeds: ["orders"],
    rights: JSON.stringify([
      ["feeds", [7, "orders"]],
      ["sub", "u-17@ticket.localhost"],
    ]),
    expiresAt: NOW + 600_000,
    renewAt: NOW + 450_000,
  });
});

test("a fresh one is asked for 30 s before the end at the latest", () => {
  expect(renewalTime(0, 60_000)).toBe(30_000);
  expect(renewalTime(0, 20_000)).toBe(0);
  expect(renewalTime(0, 3_600_000)).toBe(2_700_000);
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
    readTicket(text, NOW);
  } catch (error) {
    expect(error).toBeInstanceOf(TicketError);
    message = (error as Error).message;
  }
  expect(message).toMatch(/^The ticket/);
  if (text.length > 3) expect(message).not.toContain(text);
});
