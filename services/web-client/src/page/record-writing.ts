/**
 * Writes one record for a person at the form: by an API key through the library, or by the person's
 * own sign-in at /admin. Every failure becomes a `WriteFailure` that the form can place and explain.
 */

import type { JsonObject } from "./json";
import type { FeedLibrary } from "./library";
import type { MessageKey, Parameters } from "./locale";

export type Signature =
  | { readonly kind: "key"; readonly key: string }
  | { readonly kind: "session" };

/** The server said no, or was not reached (status 0). `detail` is its own sentence. */
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
  library: FeedLibrary,
  feed: string,
  data: JsonObject,
  signature: Signature,
  idempotencyKey: string,
): Promise<string> {
  if (signature.kind === "session") return writeBySession(feed, data, idempotencyKey);
  try {
    const options = { token: signature.key, idempotencyKey };
    return (await library.createRecord(feed, data, options)).id;
  } catch (error) {
    throw failureOf(error);
  }
}

async function writeBySession(
  feed: string,
  data: JsonObject,
  idempotencyKey: string,
): Promise<string> {
  let response: Response;
  try {
    response = await fetch(`/api/v1/feeds/${encodeURIComponent(feed)}/records/`, {
      method: "POST",
      credentials: "same-origin",
      headers: {
        Accept: "application/json",
        "Content-Type": "application/json",
        "Idempotency-Key": idempotencyKey,
        "X-CSRFToken": cookieValue(document.cookie, "csrftoken") ?? "",
      },
      body: JSON.stringify({ data }),
    });
  } catch {
    throw new WriteFailure(0, "", null);
  }
  const body: unknown = await response.json().catch(() => null);
  if (!response.ok) throw failureOf({ ...(body as object), status: response.status });
  return (body as { id: string }).id;
}

/** Read a failure out of whatever was thrown or answered: problem+json has these members too. */
export function failureOf(error: unknown): WriteFailure {
  const { status, detail, field } = (error ?? {}) as Record<string, unknown>;
  return new WriteFailure(
    typeof status === "number" ? status : 0,
    typeof detail === "string" ? detail : "",
    typeof field === "string" && field !== "" ? field : null,
  );
}

export function cookieValue(cookies: string, name: string): string | null {
  for (const part of cookies.split(";")) {
    const [key, ...rest] = part.trim().split("=");
    if (key === name) return decodeURIComponent(rest.join("="));
  }
  return null;
}

/** Say in the reader's language what kind of failure it was. */
export function failureMessage(
  failure: WriteFailure,
  signature: Signature["kind"],
): { readonly message: MessageKey; readonly parameters: Parameters } {
  const plain = (message: MessageKey) => ({ message, parameters: {} });
  switch (failure.status) {
    case 0:
      return plain("errorNetwork");
    case 401:
      return plain(signature === "key" ? "errorUnauthorized" : "errorUnauthorizedSession");
    case 403:
      return plain("errorForbidden");
    case 404:
      return plain("errorFeedGone");
    case 413:
      return plain("errorTooLarge");
    case 400:
    case 409:
    case 422:
      return plain("errorRecordRefused");
    default:
      return { message: "errorServer", parameters: { status: String(failure.status) } };
  }
}

/** Say whether trying the very same write again can succeed. */
export function isWorthRetrying(failure: WriteFailure): boolean {
  return failure.status === 0 || failure.status === 429 || failure.status >= 500;
}

/** Return the member of the record that a problem's `field` names: `data.customer.name` → customer. */
export function recordFieldOf(field: string | null): string | null {
  if (field === null) return null;
  const path = field.replace(/^[/$.]+/, "").split(/[./[\]]+/);
  const name = path[0] === "data" ? path[1] : path[0];
  return name === undefined || name === "" ? null : name;
}
