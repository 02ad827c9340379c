// @vitest-environment node
import { beforeEach, expect, test, vi } from "vitest";
import { AvisoClient } from "../../src/api/client";

const asked = vi.fn(async () => Response.json({ detail: "No such feed." }, { status: 404 }));

beforeEach(() => {
  asked.mockClear();
  vi.stubGlobal("fetch", asked);
  return () => vi.unstubAllGlobals();
});

const ACCOUNT = { kind: "account", username: "ada", password: "secret" } as const;

test("on a server nothing is followed, and nobody asked", async () => {
  const orders = new AvisoClient("https://aviso.example").subscribe("orders");
  await new Promise((resolve) => setTimeout(resolve));
  expect(orders.state).toEqual({ kind: "connecting" });
  orders.close();
  expect(asked).not.toHaveBeenCalled();
});

test("on a server a connection is refused, also where an account's rights would take one", async () => {
  const client = new AvisoClient("https://aviso.example", { credentials: ACCOUNT });
  const refusal = expect.objectContaining({ code: "no-browser" });
  expect(() => client.connect()).toThrow(refusal);
  await expect(client.list("orders")).rejects.toEqual(refusal);
  await expect(client.list("orders", { token: "key" })).rejects.toMatchObject({ status: 404 });
});
