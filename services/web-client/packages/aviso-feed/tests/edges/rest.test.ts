// @vitest-environment jsdom
import { afterEach, describe, expect, test, vi } from "vitest";
import type { Fetch } from "../../src/edges/http";
import {
  fetchConnection,
  fetchEvents,
  fetchFeed,
  fetchHeads,
  listFeeds,
  restOver,
} from "../../src/edges/rest";
import { ApiError } from "../../src/model/errors";
import { ExactNumber } from "../../src/model/exact-json";
import { eventJson, FakeRest } from "../fakes";

type Call = { url: string; init: RequestInit };

function server(...answers: (Response | Error)[]): { http: Fetch; calls: Call[] } {
  const calls: Call[] = [];
  const http: Fetch = async (url, init) => {
    calls.push({ url: String(url), init: init ?? {} });
    const answer = answers.shift();
    if (answer === undefined || answer instanceof Error) throw answer ?? new Error("no answer");
    return answer;
  };
  return { http, calls };
}

const json = (body: unknown, status = 200): Response =>
  new Response(JSON.stringify(body), { status });

const failureOf = (call: Promise<unknown>): Promise<ApiError> =>
  call.then(
    () => {
      throw new Error("it succeeded");
    },
    (error) => error,
  );

describe("an answer on a slow line", () => {
  afterEach(() => {
    vi.useRealTimers();
  });

  /** Gives the head of the answer at once and a piece of its body each `everyMs`. */
  function slowServer(pieces: readonly string[], everyMs: number): Fetch {
    return async (_url, init) => {
      const left = [...pieces];
      const body = new ReadableStream({
        async pull(controller) {
          await new Promise((resolve) => setTimeout(resolve, everyMs));
          if (init?.signal?.aborted) controller.error(init.signal.reason);
          const piece = left.shift();
          if (piece === undefined) controller.close();
          else controller.enqueue(new TextEncoder().encode(piece));
        },
      });
      return new Response(body);
    };
  }

  const info = JSON.stringify({ slug: "orders", epoch: "aaaa", head: 3 });

  test("is waited for as long as a piece of it comes", async () => {
    vi.useFakeTimers();
    const http = slowServer([...info], 2_000);

    const answer = fetchFeed("", "orders", undefined, http);
    await vi.advanceTimersByTimeAsync(100_000);

    await expect(answer).resolves.toMatchObject({ head: 3 });
  });

  test.each([
    ["that falls silent", ["{", "}"], 16_000],
    ["that never ends", [...info.repeat(9)], 10_000],
  ])("%s is given up", async (_what, pieces, everyMs) => {
    vi.useFakeTimers();
    const http = slowServer(pieces, everyMs);

    const failure = failureOf(fetchFeed("", "orders", undefined, http));
    await vi.advanceTimersByTimeAsync(150_000);

    expect(await failure).toMatchObject({ status: 0, detail: "The server cannot be reached." });
  });
});

test("a page of another origin is told, once, that it may not be listed", async () => {
  vi.stubGlobal("location", { origin: "http://shop.example" });
  const warned = vi.spyOn(console, "warn").mockReturnValue();
  const { http } = server(...Array.from({ length: 3 }, () => new TypeError("Failed to fetch")));

  await failureOf(fetchFeed("", "orders", undefined, http));
  expect(warned).not.toHaveBeenCalled();
  await failureOf(fetchFeed("http://aviso.example", "orders", undefined, http));
  await failureOf(fetchFeed("http://aviso.example", "orders", undefined, http));

  expect(warned).toHaveBeenCalledOnce();
  expect(String(warned.mock.calls[0])).toContain("list http://shop.example in AVISO_CORS_ORIGINS");
  vi.unstubAllGlobals();
  warned.mockRestore();
});

describe("errors", () => {
  test("of the server carry its detail and the field", async () => {
    const body = { status: 422, detail: "count must be a number.", pointer: "/data/count" };
    const { http } = server(json(body, 422));

    const error = await failureOf(restOver(http).record("", "orders", { body: {} }, "k"));

    expect(error).toBeInstanceOf(ApiError);
    expect(error).toMatchObject({
      status: 422,
      message: "count must be a number.",
      detail: "count must be a number.",
      field: "/data/count",
      isFinal: true,
    });
  });

  test("may be about a parameter", async () => {
    const { http } = server(json({ detail: "limit is 0.", field: "limit" }, 400));
    const range = { after: 0, limit: 0 };
    const error = await failureOf(fetchEvents("", "orders", range, undefined, http));
    expect(error.field).toBe("limit");
  });

  test("may say which address to use", async () => {
    const body = { detail: "Use another.", address: "https://aviso.example" };
    const { http } = server(json(body, 421));
    const error = await failureOf(fetchConnection("", http));
    expect(error).toMatchObject({ status: 421, address: "https://aviso.example" });
  });

  test("of a proxy that answers no JSON carry the status", async () => {
    const { http } = server(new Response("<h1>Bad gateway</h1>", { status: 502 }));

    const error = await failureOf(fetchFeed("", "orders", undefined, http));

    expect(error).toMatchObject({ status: 502, field: null, isFinal: false });
    expect(error.detail).toBe("The server answered with status 502.");
  });

  test("of the network have status 0", async () => {
    const { http } = server(new TypeError("fetch failed"));
    expect(await failureOf(listFeeds("", {}, undefined, http))).toMatchObject({
      status: 0,
      isFinal: false,
    });
  });

  test.each([
    [401, true],
    [403, true],
    [404, true],
    [408, false],
    [429, false],
    [500, false],
    [503, false],
  ])("with status %i are final: %s", (status, isFinal) => {
    expect(new ApiError(status, "x").isFinal).toBe(isFinal);
  });

  test.each([
    ["connection", (http: Fetch) => fetchConnection("", http)],
    ["feed", (http: Fetch) => fetchFeed("", "orders", undefined, http)],
    ["feeds", (http: Fetch) => listFeeds("", {}, undefined, http)],
    ["head", (http: Fetch) => fetchHeads("", ["a"], undefined, http)],
    ["events", (http: Fetch) => fetchEvents("", "orders", { after: 0, limit: 1 }, undefined, http)],
  ])("tell of a %s that is something else", async (_what, call) => {
    expect(await failureOf(call(server(json({ hello: 1 })).http))).toMatchObject({
      status: 0,
      isAnswered: true,
    });
    expect(await failureOf(call(server(new Response("<html>")).http))).toMatchObject({ status: 0 });
    expect(await failureOf(call(server(json(null)).http))).toMatchObject({ status: 0 });
  });
});

describe("a connection", () => {
  const CONNECTION = {
    domain: "d",
    guest_domain: "g",
    rooms_domain: "r",
    websocket_url: "wss://aviso.example/xmpp-websocket?a=1",
    bosh_url: "https://aviso.example/http-bind",
    registration: "open",
  };

  test("is at the address that was asked, and names the server's own", async () => {
    const { http } = server(json(CONNECTION), json(CONNECTION));

    expect(await fetchConnection("https://other.example:8443/", http)).toMatchObject({
      websocket_url: "wss://other.example:8443/xmpp-websocket?a=1",
      bosh_url: "https://other.example:8443/http-bind",
      public_origin: "https://aviso.example",
    });
    expect(await fetchConnection("", http)).toMatchObject({
      websocket_url: "ws://localhost:3000/xmpp-websocket?a=1",
    });
  });

  test("whose address is none is not understood", async () => {
    const { http } = server(json({ ...CONNECTION, bosh_url: "http-bind" }));
    expect(await failureOf(fetchConnection("", http))).toMatchObject({ status: 0 });
  });
});

describe("calls", () => {
  test("send every digit of a number", async () => {
    const { http, calls } = server(json({ id: "r1" }, 201));
    const data = { big: new ExactNumber("1234567890123456789") };

    await restOver(http).record("", "orders", { body: { data } }, "k");

    expect(calls[0]?.init.body).toBe('{"data":{"big":1234567890123456789}}');
  });

  test("go to the origin, without cookies, past the cache", async () => {
    const { http, calls } = server(json({ epoch: "aaaa", head: 3 }));

    await fetchFeed("https://aviso.example", "orders", undefined, http);

    expect(calls[0]?.url).toBe("https://aviso.example/api/v1/feeds/orders/");
    expect(calls[0]?.init).toMatchObject({ credentials: "omit", cache: "no-store" });
    expect(calls[0]?.init.headers).toEqual({ Accept: "application/json" });
  });

  test("escape a feed's name", async () => {
    const { http, calls } = server(json({ epoch: "aaaa", head: 3 }));
    await fetchFeed("", "../x?y", undefined, http);
    expect(calls[0]?.url).toBe("/api/v1/feeds/..%2Fx%3Fy/");
  });

  test("change and delete a record of this version alone", async () => {
    const gone = new Response(null, { status: 204 });
    const { http, calls } = server(json({ id: "r/1", version: 4 }), gone);
    const rest = restOver(http);
    const body = { data: { n: 1 } };

    const change = { id: "r/1", method: "PUT", body, version: 3 } as const;
    const record = await rest.record("", "orders", change, "k");
    await rest.record("", "orders", { id: "r/1", method: "DELETE", version: 4 }, "k");

    expect(record.version).toBe(4);
    expect(calls.map(({ url, init }) => `${init.method} ${url}`)).toEqual([
      "PUT /api/v1/feeds/orders/records/r%2F1/",
      "DELETE /api/v1/feeds/orders/records/r%2F1/",
    ]);
    expect(calls.map(({ init }) => new Headers(init.headers).get("If-Match"))).toEqual([
      '"3"',
      '"4"',
    ]);
    expect(calls[0]?.init.body).toBe('{"data":{"n":1}}');
  });

  test("write a record with key and idempotency key", async () => {
    const { http, calls } = server(json({ id: "1", version: 1 }, 201));

    const body = { data: { item: "tea" } };
    const request = { body, idempotencyKey: "once" };
    const record = await restOver(http).record("", "orders", request, "key");

    expect(record).toMatchObject({ id: "1", version: 1 });
    expect(calls[0]?.url).toBe("/api/v1/feeds/orders/records/");
    expect(calls[0]?.init).toMatchObject({
      method: "POST",
      body: '{"data":{"item":"tea"}}',
      headers: {
        Authorization: "Bearer key",
        "Idempotency-Key": "once",
        "Content-Type": "application/json",
      },
    });
  });

  test("read a page of the list, from where and by what is said", async () => {
    const { http, calls } = server(
      json({ results: [{ slug: "b" }], next: "http://inside:8000/api/v1/feeds/?cursor=after-b" }),
      json({ results: [], next: null }),
    );

    const query = { after: "a", words: "b c", limit: 1 };
    const page = await listFeeds("https://aviso.example", query, "key", http);
    const last = await listFeeds("https://aviso.example", {}, "key", http);

    expect([page, last]).toEqual([
      { feeds: [{ slug: "b" }], hasMore: true },
      { feeds: [], hasMore: false },
    ]);
    expect(calls.map(({ url }) => url)).toEqual([
      "https://aviso.example/api/v1/feeds/?limit=1&cursor=after-a&q=b+c",
      "https://aviso.example/api/v1/feeds/?limit=100",
    ]);
    expect(calls[0]?.init.headers).toMatchObject({ Authorization: "Bearer key" });
  });

  test("read the heads of many feeds at once", async () => {
    const heads = [{ slug: "a", epoch: "k3f9", head: 7 }];
    const { http, calls } = server(json({ results: heads }));

    expect(await fetchHeads("https://aviso.example", ["a", "b"], "key", http)).toEqual(heads);
    expect(calls[0]?.url).toBe("https://aviso.example/api/v1/heads/?feeds=a,b");
    expect(calls[0]?.init.headers).toMatchObject({ Authorization: "Bearer key" });
  });
});

describe("a page of events", () => {
  test("holds the events in order, whatever the order they came in", async () => {
    const events = [3, 2, 4].map((sequence) => eventJson("orders", "aaaa", sequence));
    const { http } = server(json({ epoch: "aaaa", head: 9, events }));

    const page = await fetchEvents("", "orders", { after: 1, limit: 3 }, undefined, http);

    expect(page).toMatchObject({ epoch: "aaaa", head: 9 });
    expect(page.events.map(({ sequence }) => sequence)).toEqual([2, 3, 4]);
  });

  test("keeps the digits of numbers", async () => {
    const { http } = server(
      new Response(
        JSON.stringify({
          epoch: "aaaa",
          head: 1,
          events: [eventJson("orders", "aaaa", 1)],
        }).replace('"n":1', '"n":1e400'),
      ),
    );

    const page = await fetchEvents("", "orders", { after: 0, limit: 1 }, undefined, http);

    expect(page.events[0]?.record?.data).toEqual({ n: new ExactNumber("1e400") });
  });

  test("keeps the places of what it cannot read", async () => {
    const events = [
      { ...eventJson("orders", "aaaa", 1), data: null },
      { ...eventJson("orders", "aaaa", 2), type: "aviso.record.merged.v9" },
      eventJson("orders", "aaaa", 3),
      null,
    ];
    const { http } = server(json({ epoch: "aaaa", head: 3, events }));

    const page = await restOver(http).events("", "orders", { after: 0, limit: 9 }, undefined);

    expect(page).toMatchObject({
      unreadable: 2,
      unknownTypes: ["aviso.record.merged.v9"],
      batch: { first: 1, last: 3 },
    });
    expect(page.batch?.items.map(({ sequence, event }) => [sequence, event !== null])).toEqual([
      [1, false],
      [2, false],
      [3, true],
    ]);
  });

  test("may be empty", async () => {
    const rest = new FakeRest();
    rest.feeds.set("orders", { epoch: "aaaa", head: 3 });
    const page = await restOver(rest.fetch).events("", "orders", { after: 3, limit: 9 }, undefined);
    expect(page).toMatchObject({ epoch: "aaaa", head: 3, batch: null });
  });
});

test("a call that is given up ends the request, and says so as it was told", async () => {
  const aborting = new AbortController();
  const reason = new Error("left");
  let ended = false;
  const http: Fetch = (_url, init) =>
    new Promise((_, reject) => {
      init?.signal?.addEventListener("abort", () => {
        ended = true;
        reject(init.signal?.reason);
      });
    });
  const request = { id: "a", signal: aborting.signal };
  const failure = failureOf(restOver(http).record("", "orders", request, undefined));
  aborting.abort(reason);
  expect([await failure, ended]).toEqual([reason, true]);
});

test("where there is no page's origin to ask, nobody can be reached", async () => {
  vi.stubGlobal("location", undefined);
  const { http } = server(new TypeError("Invalid URL"));
  expect(await failureOf(fetchFeed("", "orders", undefined, http))).toMatchObject({ status: 0 });
  vi.unstubAllGlobals();
});
