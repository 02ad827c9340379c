import { expect, test, vi } from "vitest";
import { browserHost } from "../../src/edges/browser-host";

test("a ticket that lives for years is not renewed at once", () => {
  const set = vi.spyOn(globalThis, "setTimeout").mockReturnValue(1 as never);

  browserHost().setTimer(() => {}, 4e12);

  expect(set.mock.calls[0]?.[1]).toBe(2_147_483_647);
});
