import { expect, test } from "vitest";
import { accountFaults, addressFault, registrationFault } from "../src/account";

test.each([
  ["", "long enough", ["errorUserNameMissing"]],
  ["Ana María", "long enough", ["errorUserNameForm"]],
  ["ana", "", ["errorPasswordMissing"]],
  ["ana", "short", ["errorPasswordShort"]],
  ["ana.m-2", "long enough", []],
])("a new account %j / %j: %j", (username, password, messages) => {
  expect(accountFaults(username, password, true).map((fault) => fault.message)).toEqual(messages);
});

test("signing in takes a password of any length", () => {
  expect(accountFaults("ana", "short", false)).toEqual([]);
});

test.each([
  [{ code: "name-taken" }, "errorNameTaken"],
  [{ code: "name-refused" }, "errorNameRefused"],
  [{ code: "password-refused", character: null }, "errorPasswordRefused"],
  [{ code: "password-refused", character: "🐇" }, "errorPasswordCharacter"],
  [{ code: "too-quickly", waitSeconds: null }, "errorTooQuick"],
  [{ code: "too-quickly", waitSeconds: 60 }, "errorTooQuickWait"],
  [{ code: "closed" }, "errorNotAllowed"],
  [{ code: "unreachable" }, "errorUnreachable"],
  [new Error("odd"), "errorAccountOther"],
])("%o is explained by %s", (error, message) => {
  expect(registrationFault(error, "ana").message).toBe(message);
});

test.each([
  ["🐇", "🐇 (U+1F407)"],
  ["\u0007", "U+0007"],
])("the character %j is named %s", (character, name) => {
  const fault = registrationFault({ code: "password-refused", character }, "ana");
  expect(fault.parameters).toEqual({ character: name });
});

test.each([
  [true, "http://10.0.0.7", null],
  [false, "https://aviso.example", "errorInsecure"],
  [false, "http://localhost:8080", "errorInsecure"],
  [false, "http://10.0.0.7", "errorInsecureNowhere"],
  [false, "http://localhost.example", "errorInsecureNowhere"],
])("with WebCrypto %s and the server at %s: %s", (hasWebCrypto, publicOrigin, message) => {
  expect(addressFault(hasWebCrypto, { publicOrigin })?.message ?? null).toBe(message);
});

test("where nobody can say which address to use, none is named", () => {
  expect(addressFault(false, null)).toEqual({ field: null, message: "errorInsecureNowhere" });
});
