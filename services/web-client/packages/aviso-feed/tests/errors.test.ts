import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import type { ApiErrorCode, RefusalCode, RegistrationErrorCode } from "../src/index";

/** Every code that there is: one that is missing here does not compile. */
const CODES: Record<
  | ApiErrorCode
  | RefusalCode
  | RegistrationErrorCode
  | "subscription-closed"
  | "too-slow"
  | "filter-not-valid"
  | "no-browser"
  | "ticket-not-renewed"
  | "unavailable",
  true
> = {
  "filter-not-valid": true,
  "filter-refused": true,
  "name-refused": true,
  "name-taken": true,
  "no-browser": true,
  "no-longer-open": true,
  "not-allowed": true,
  "not-found": true,
  "not-open": true,
  "not-signed-in": true,
  "not-understood": true,
  "not-valid": true,
  "other-address": true,
  "password-refused": true,
  "server-error": true,
  "signed-out": true,
  "subscription-closed": true,
  "ticket-ended": true,
  "ticket-malformed": true,
  "ticket-not-renewed": true,
  "ticket-refused": true,
  "too-many-requests": true,
  "too-many-sessions": true,
  "too-quickly": true,
  "too-slow": true,
  unavailable: true,
  closed: true,
  conflict: true,
  credentials: true,
  unreachable: true,
};

test("every code of an error is explained at the address that the error names", () => {
  const page = readFileSync(join(import.meta.dirname, "../docs/errors.md"), "utf8");
  const explained = [...page.matchAll(/<dt id="([^"]+)">([^<]+)<\/dt><dd>.+<\/dd>/g)];
  expect(explained.map(([, id]) => id).sort()).toEqual(Object.keys(CODES).sort());
  expect(explained.filter(([, id, name]) => id !== name)).toEqual([]);
});
