/**
 * Writes, for a person at a form, a record or a feed: by an API key, or by the person's own sign-in at
 * /admin. Every failure becomes a `WriteFailure` that the form can place and explain. It asks the
 * server itself: the library's client shows no cookie, and so knows no such sign-in.
 */

import { feedUrl, stringifyExactJson } from "aviso-feed";
import type { Json, JsonObject } from "./json";
import type { MessageKey, Parameters } from "./locale";

export type Signature =
  | { readonly kind: "key"; readonly key: string }
  | { readonly kind: "session" };

export type Written = "record" | "feed";

const TIMEOUT_MS = 15_000;

/**
 * The server said no, or was not reached (status 0). `detail` is its own sentence, `field` the
 * record's member that it found fault with.
 */
export class WriteFailure extends Error {
  constructor(
    readonly status: number,
    readonly detail: string,
    readonly field: string | null,
  ) {
    super(detail);
  }
}

/** Write a record and return its id. The same `idempotencyKey` writes it once, however often tried. */
export async function writeRecord(
  feed: string,
  data: JsonObject,
  signature: Signature,
  idempotencyKey: string,
): Promise<string> {
  const answer = await send("POST", `${feedUrl("", feed)}records/`, signature, {
    body: { data },
    headers: { "Idempotency-Key": idempotencyKey },
  });
  return String((answer as { id?: unknown } | null)?.id ?? "");
}

/** Replace a record's data, if it still is of this version; else the failure's status is 412. */
export async function replaceRecord(
  record: RecordAddress,
  data: JsonObject,
  signature: Signature,
  idempotencyKey: string,
): Promise<void> {
  await send("PUT", recordPath(record), signature, {
    body: { data },
    headers: { "Idempotency-Key": idempotencyKey, "If-Match": etagOf(record.version) },
  });
}

/** Delete a record, if it still is of this version; else the failure's status is 412. */
export async function deleteRecord(
  record: RecordAddress,
  signature: Signature,
  idempotencyKey: string,
): Promise<void> {
  await send("DELETE", recordPath(record), signature, {
    headers: { "Idempotency-Key": idempotencyKey, "If-Match": etagOf(record.version) },
  });
}

export async function createFeed(
  feed: { readonly slug: string; readonly visibility: "public" | "private" },
  signature: Signature,
): Promise<void> {
  await send("POST", "/api/v1/feeds/", signature, { body: feed });
}

export interface RecordAddress {
  readonly feed: string;
  readonly id: string;
  readonly version: number;
}

const recordPath = ({ feed, id }: RecordAddress): string =>
  `${feedUrl("", feed)}records/${encodeURIComponent(id)}/`;
const etagOf = (version: number): string => `"${version}"`;

async function send(
  method: "POST" | "PUT" | "DELETE",
  path: string,
  signature: Signature,
  { body, headers }: { readonly body?: Json; readonly headers?: Record<string, string> },
): Promise<unknown> {
  // No header could carry it.
  if (signature.kind === "key" && !/^[\x21-\x7e]+$/.test(signature.key)) {
    throw new WriteFailure(401, "", null);
  }
  let response: Response;
  try {
    response = await fetch(path, {
      method,
      ...signed(signature, {
        Accept: "application/json",
        ...(body !== undefined && { "Content-Type": "application/json" }),
        ...headers,
      }),
      ...(body !== undefined && { body: stringifyExactJson(body) }),
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
  } catch {
    throw new WriteFailure(0, "", null);
  }
  const answer: unknown = await response.json().catch(() => null);
  if (!response.ok) throw failureOf(response.status, answer);
  return answer;
}

/** A key goes alone: with the cookies beside it the server would ask for a CSRF token as well. */
function signed(signature: Signature, headers: Record<string, string>): RequestInit {
  if (signature.kind === "key") {
    return {
      credentials: "omit",
      headers: { ...headers, Authorization: `Bearer ${signature.key}` },
    };
  }
  const token = cookieValue(document.cookie, "csrftoken") ?? "";
  return { credentials: "same-origin", headers: { ...headers, "X-CSRFToken": token } };
}

/** Read problem+json (RFC 9457), or whatever a proxy in between answered. */
function failureOf(status: number, answer: unknown): WriteFailure {
  const { detail, pointer } = (answer ?? {}) as Record<string, unknown>;
  return new WriteFailure(
    status,
    typeof detail === "string" ? detail : "",
    typeof pointer === "string" ? recordFieldOf(pointer) : null,
  );
}

/** Return the member of the record that a pointer (RFC 6901) leads to: `/data/to/city` is in `to`. */
export function recordFieldOf(pointer: string): string | null {
  const [, root, name] = pointer.split("/");
  if (root !== "data" || name === undefined || name === "") return null;
  return name.replace(/~1/g, "/").replace(/~0/g, "~");
}

export function cookieValue(cookies: string, name: string): string | null {
  for (const part of cookies.split(";")) {
    const [key, ...rest] = part.trim().split("=");
    if (key === name) return decodeURIComponent(rest.join("="));
  }
  return null;
}

/** By status: what can be wrong with a record and its feed alone. */
const RECORD_FAILURES: Readonly<Record<number, MessageKey>> = {
  404: "errorFeedGone",
  412: "errorConflict",
  413: "errorTooLarge",
};

/** Say in the reader's language what kind of failure it was. `written`: what was to be written. */
export function failureMessage(
  failure: WriteFailure,
  signature: Signature["kind"],
  written: Written,
): { readonly message: MessageKey; readonly parameters: Parameters } {
  const plain = (message: MessageKey) => ({ message, parameters: {} });
  const isFeed = written === "feed";
  switch (failure.status) {
    case 0:
      return plain("errorNetwork");
    case 401:
      return plain(signature === "key" ? "errorUnauthorized" : "errorUnauthorizedSession");
    case 403:
      return plain(isFeed ? "errorForbiddenFeed" : "errorForbidden");
    case 400:
    case 409:
    case 422:
      return plain(isFeed ? "errorFeedRefused" : "errorRecordRefused");
  }
  const ofRecord = isFeed ? undefined : RECORD_FAILURES[failure.status];
  if (ofRecord !== undefined) return plain(ofRecord);
  return { message: "errorServer", parameters: { status: String(failure.status) } };
}

/** Say whether trying the very same write again can succeed. */
export function isWorthRetrying(failure: WriteFailure): boolean {
  return failure.status === 0 || failure.status === 429 || failure.status >= 500;
}
