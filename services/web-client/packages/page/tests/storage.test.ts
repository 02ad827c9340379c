// @vitest-environment jsdom
import { beforeEach, expect, test, vi } from "vitest";
import {
  rememberAccount,
  rememberedAccount,
  rememberedLocale,
  rememberedTheme,
  rememberLocale,
  rememberTheme,
} from "../src/storage";

beforeEach(() => {
  localStorage.clear();
  sessionStorage.clear();
});

test("what was chosen is remembered", () => {
  rememberLocale("es");
  rememberTheme("dark");
  expect([rememberedLocale(), rememberedTheme()]).toEqual(["es", "dark"]);
});

test("an account is remembered in this tab only", () => {
  const account = { kind: "account", username: "ana", password: "secret" } as const;
  rememberAccount(account);
  expect([rememberedAccount(), localStorage.length]).toEqual([account, 0]);
  rememberAccount(null);
  expect(rememberedAccount()).toBeNull();
});

test("a corrupt account is thrown away", () => {
  sessionStorage.setItem("aviso.account", "{");
  expect([rememberedAccount(), sessionStorage.length]).toEqual([null, 0]);
});

test("a browser that forbids storage only forgets", () => {
  vi.spyOn(Storage.prototype, "setItem").mockImplementation(() => {
    throw new DOMException("denied");
  });
  expect(() => rememberTheme("dark")).not.toThrow();
});
