// @vitest-environment jsdom
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { browserTabs } from "../../src/edges/browser-tabs";

type Hold = () => Promise<void> | undefined;
type Request = {
  readonly options: { steal?: boolean; signal?: AbortSignal };
  readonly hold: Hold;
  readonly fail: (error: Error) => void;
  readonly end: () => void;
};

let requests: Request[];

beforeEach(() => {
  requests = [];
  const request = (_name: string, options: Request["options"], hold: Hold): Promise<void> =>
    new Promise((end, fail) => {
      requests.push({ options, hold, fail, end });
      options.signal?.addEventListener("abort", () => fail(new Error("aborted")));
    });
  vi.stubGlobal("navigator", { locks: { request } });
});

afterEach(() => vi.unstubAllGlobals());

const settle = (): Promise<void> => new Promise((resolve) => setTimeout(resolve));

async function ask(how: "wait" | "steal" = "wait") {
  const told: string[] = [];
  const give = browserTabs()?.requestLock("orders", how, {
    held: () => told.push("held"),
    lost: () => told.push("lost"),
    failed: () => told.push("failed"),
  });
  await settle();
  return { told, give: give ?? (() => {}), request: requests.at(-1) as Request };
}

test("a lock is held until it is given back", async () => {
  const { told, give, request } = await ask();
  let isEnded = false;
  void request.hold()?.then(() => {
    isEnded = true;
  });
  await settle();
  expect([told, isEnded]).toEqual([["held"], false]);

  give();
  await settle();
  expect([told, isEnded]).toEqual([["held"], true]);
});

test("one that is stolen is lost", async () => {
  const { told, request } = await ask("steal");
  expect(request.options).toEqual({ steal: true });
  void request.hold();
  request.fail(new Error("stolen"));
  await settle();

  expect(told).toEqual(["held", "lost"]);
});

test("who asks no more gets none, and hears nothing", async () => {
  const { told, give, request } = await ask();
  give();
  await settle();

  expect([told, request.options.signal?.aborted, request.hold()]).toEqual([[], true, undefined]);
});

test("a page that may not have locks is told so", async () => {
  const { told, request } = await ask();
  request.fail(new Error("not here"));
  await settle();

  expect(told).toEqual(["failed"]);
});

test.each([
  ["there are no locks", { navigator: {} }],
  ["there are no channels", { BroadcastChannel: undefined }],
])("tabs don't share where %s", (_, globals) => {
  for (const [name, value] of Object.entries(globals)) vi.stubGlobal(name, value);

  expect(browserTabs()).toBeUndefined();
});

test("a secret has a name that says nothing of it, and another one with other salt", async () => {
  const tabs = browserTabs();
  const one = await tabs?.digest("secret", "mia");
  const other = await tabs?.digest("secret", "noa");

  expect(one).toMatch(/^[0-9a-f]{64}$/);
  expect(await tabs?.digest("secret", "mia")).toBe(one);
  expect(other).not.toBe(one);
});

test("a sign-out is known as long as the browser's storage is", () => {
  const signOuts = browserTabs()?.signOuts;
  expect(signOuts?.get("name of mia")).toBe(0);
  signOuts?.note("name of mia", 1_764_000_000_000);

  expect(browserTabs()?.signOuts.get("name of mia")).toBe(1_764_000_000_000);
  expect(signOuts?.get("name of noa")).toBe(0);
});
