import { afterEach, beforeEach, expect, test, vi } from "vitest";

/** Its types are a worker's, which a page's do not go with. */
const WORKER = new URL("../worker/service-worker.ts", import.meta.url).pathname;
const ORIGIN = "http://aviso.test";
const FILES = ["/assets/index-1a2b.js", "/favicon.svg"];

type Event = { waitUntil(work: Promise<unknown>): void; respondWith(answer: unknown): void };

let listeners: Map<string, (event: Event & { request?: unknown }) => void>;
let stored: Map<string, Map<string, string>>;
let network: (path: string) => Promise<Response>;

beforeEach(async () => {
  vi.resetModules();
  listeners = new Map();
  stored = new Map([["aviso-page-old", new Map([["/", "old page"]])]]);
  network = async (path) => new Response(`new ${path}`);
  vi.stubGlobal("self", {
    location: { origin: ORIGIN },
    skipWaiting: async () => {},
    addEventListener: (name: string, listener: () => void) => listeners.set(name, listener),
  });
  vi.stubGlobal("BUILT", { version: "7", files: FILES });
  vi.stubGlobal(
    "Request",
    class {
      constructor(readonly path: string) {}
    },
  );
  vi.stubGlobal("fetch", ({ url }: { url: string }) => network(new URL(url).pathname));
  vi.stubGlobal("caches", {
    keys: async () => [...stored.keys()],
    delete: async (name: string) => stored.delete(name),
    open: async (name: string) => {
      const files = stored.get(name) ?? new Map<string, string>();
      stored.set(name, files);
      return {
        addAll: async (requests: { path: string }[]) => {
          for (const { path } of requests) files.set(path, await (await network(path)).text());
        },
        match: async (path: string) => {
          const text = files.get(path);
          return text === undefined ? undefined : new Response(text);
        },
      };
    },
  });
  await import(/* @vite-ignore */ WORKER);
});

afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

/** Installed and active, beside whatever was there before. */
async function install(): Promise<void> {
  for (const name of ["install", "activate"]) {
    let work: Promise<unknown> = Promise.resolve();
    const waitUntil = (given: Promise<unknown>) => {
      work = given;
    };
    listeners.get(name)?.({ waitUntil, respondWith: () => {} });
    await work;
  }
}

/** What the page gets; null where the worker leaves it to the browser. */
async function get(path: string, mode = "navigate", method = "GET"): Promise<string | null> {
  let answer: unknown = null;
  const respondWith = (given: unknown) => {
    answer = given;
  };
  const request = { url: ORIGIN + path, mode, method };
  listeners.get("fetch")?.({ request, respondWith, waitUntil: () => {} });
  return answer === null ? null : ((await answer) as Response).text();
}

const away = async (): Promise<Response> => {
  throw new TypeError("Failed to fetch");
};

test("the page opens without a network", async () => {
  await install();
  network = away;
  expect(await get("/")).toBe("new /");
  expect(await get(FILES[0] as string, "no-cors")).toBe(`new ${FILES[0]}`);
  expect(await get("/favicon.svg", "no-cors")).toBe("new /favicon.svg");
});

test("with a network nobody gets an old page", async () => {
  await install();
  network = async (path) => new Response(`newest ${path}`);
  expect(await get("/")).toBe("newest /");
  expect(await get("/favicon.svg", "no-cors")).toBe("newest /favicon.svg");
  // A file with a hash in its name never changes.
  expect(await get(FILES[0] as string, "no-cors")).toBe(`new ${FILES[0]}`);
});

test("a server that fails, or says nothing, is as good as none", async () => {
  await install();
  network = async () => new Response("Bad gateway", { status: 502 });
  expect(await get("/")).toBe("new /");
  vi.useFakeTimers();
  network = () => new Promise(() => {});
  const page = get("/");
  await vi.advanceTimersByTimeAsync(5_000);
  expect(await page).toBe("new /");
});

test("what the server says about the page is told, were it no", async () => {
  await install();
  network = async () => new Response("Another address", { status: 421 });
  expect(await get("/")).toBe("Another address");
});

test("a build's files take the place of the last one's", async () => {
  await install();
  expect([...stored.keys()]).toEqual(["aviso-page-7"]);
});

test.each([
  ["/api/v1/feeds/", "cors", "GET"],
  ["/admin/", "navigate", "GET"],
  ["/feed-client/aviso-feed.js", "no-cors", "GET"],
  ["/http-bind", "cors", "POST"],
  ["/", "navigate", "POST"],
])("%s (%s, %s) is left to the browser", async (path, mode, method) => {
  await install();
  expect(await get(path, mode, method)).toBeNull();
});
