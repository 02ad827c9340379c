// @vitest-environment jsdom
import { expect, test, vi } from "vitest";
import {
  cookieValue,
  failureMessage,
  isWorthRetrying,
  recordFieldOf,
  WriteFailure,
  writeRecord,
} from "../src/record-writing";

function answer(status: number, body: unknown) {
  const fetched = vi.fn(async (_path: string, _request: RequestInit) =>
    Response.json(body, { status }),
  );
  vi.stubGlobal("fetch", fetched);
  return fetched;
}

test("a write by key sends the key alone, without cookies", async () => {
  const fetched = answer(201, { id: "r1" });
  await writeRecord("orders", { a: 1 }, { kind: "key", key: "secret" }, "once");
  expect(fetched.mock.calls[0]?.[0]).toBe("/api/v1/feeds/orders/records/");
  expect(fetched.mock.calls[0]?.[1]).toMatchObject({
    credentials: "omit",
    headers: { Authorization: "Bearer secret", "Idempotency-Key": "once" },
    body: '{"data":{"a":1}}',
  });
});

test("a write by session sends the CSRF cookie and the idempotency key", async () => {
  // biome-ignore lint/suspicious/noDocumentCookie: the cookie is what Django's sign-in leaves.
  document.cookie = "csrftoken=t0ken";
  const fetched = answer(201, { id: "r1" });
  expect(await writeRecord("orders", { a: 1 }, { kind: "session" }, "once")).toBe("r1");
  expect(fetched.mock.calls[0]?.[1]).toMatchObject({
    credentials: "same-origin",
    headers: { "X-CSRFToken": "t0ken", "Idempotency-Key": "once" },
    body: '{"data":{"a":1}}',
  });
});

test("a problem's detail and field come through", async () => {
  answer(422, { detail: "count must be a number", pointer: "/data/count", status: 422 });
  const write = writeRecord("orders", {}, { kind: "session" }, "once");
  await expect(write).rejects.toMatchObject({
    status: 422,
    detail: "count must be a number",
    field: "count",
  });
});

test("an answer that is no JSON is still a failure with its status", async () => {
  vi.stubGlobal("fetch", async () => new Response("<html>", { status: 502 }));
  const write = writeRecord("orders", {}, { kind: "session" }, "once");
  await expect(write).rejects.toMatchObject({ status: 502, detail: "" });
});

test("a server that is not reached is a failure without a status", async () => {
  vi.stubGlobal("fetch", () => Promise.reject(new TypeError("network")));
  const write = writeRecord("orders", {}, { kind: "session" }, "once");
  await expect(write).rejects.toEqual(new WriteFailure(0, "", null));
});

test.each([
  [0, true],
  [503, true],
  [429, true],
  [422, false],
  [401, false],
])("after %d trying again helps: %s", (status, isWorth) => {
  expect(isWorthRetrying(new WriteFailure(status, "", null))).toBe(isWorth);
});

test("a refused key and an ended session are explained apart", () => {
  const failure = new WriteFailure(401, "", null);
  expect([
    failureMessage(failure, "key", "record").message,
    failureMessage(failure, "session", "record").message,
  ]).toEqual(["errorUnauthorized", "errorUnauthorizedSession"]);
});

test.each([
  [400, "errorRecordRefused", "errorFeedRefused"],
  [403, "errorForbidden", "errorForbiddenFeed"],
  [404, "errorFeedGone", "errorServer"],
  [409, "errorRecordRefused", "errorFeedRefused"],
  [412, "errorConflict", "errorServer"],
  [413, "errorTooLarge", "errorServer"],
  [422, "errorRecordRefused", "errorFeedRefused"],
  [503, "errorServer", "errorServer"],
] as const)(
  "a record and a feed that were refused (%d) are spoken of by their names",
  (status, ...messages) => {
    const failure = new WriteFailure(status, "", null);
    const said = (["record", "feed"] as const).map(
      (written) => failureMessage(failure, "key", written).message,
    );
    expect(said).toEqual(messages);
  },
);

test.each([
  ["/data/customer/name", "customer"],
  ["/data/unit~1price~0", "unit/price~"],
  ["/data", null],
  ["/id", null],
  ["", null],
])("the pointer %j leads to the field %j", (pointer, name) => {
  expect(recordFieldOf(pointer)).toBe(name);
});

test("a cookie is found by its whole name", () => {
  expect(cookieValue("xcsrftoken=no; csrftoken=a%3Db", "csrftoken")).toBe("a=b");
});
