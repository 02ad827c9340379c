/** One REST call: how it is asked, how long its answer may take, and what its refusal says. */

import { readOrigin, warn } from "../engine/options";
import { ApiError } from "../model/errors";
import { parseExactJson, stringifyExactJson } from "../model/exact-json";

export type Fetch = typeof fetch;

/** So long nothing may come of an answer; and all of it has to be there after the limit. */
const TIMEOUT_MS = 15_000;
const LIMIT_MS = 120_000;

type CallOptions = {
  readonly token?: string | undefined;
  readonly idempotencyKey?: string | undefined;
  /** Default: POST with a body, GET without one. */
  readonly method?: "PUT" | "PATCH" | "DELETE" | undefined;
  /** The record's version that alone may be changed. */
  readonly version?: number | undefined;
  readonly body?: unknown;
  readonly signal?: AbortSignal | undefined;
};

/** Returns the answer's members; none where it has no body (204). Throws ApiError, and as `signal` does. */
export async function call(
  http: Fetch,
  url: string,
  { token, idempotencyKey, method, version, body, signal }: CallOptions = {},
): Promise<Record<string, unknown>> {
  const headers: Record<string, string> = { Accept: "application/json" };
  if (token) headers.Authorization = `Bearer ${token}`;
  if (idempotencyKey) headers["Idempotency-Key"] = idempotencyKey;
  if (version !== undefined) headers["If-Match"] = `"${version}"`;
  if (body !== undefined) headers["Content-Type"] = "application/json";
  let response: Response;
  let answer: unknown;
  const patience = new Patience(signal);
  try {
    response = await http(url, {
      headers,
      // A key is a header; the admin site's cookie has no business here.
      credentials: "omit",
      cache: "no-store",
      signal: patience.signal,
      ...(body !== undefined && { method: "POST", body: stringifyExactJson(body) }),
      ...(method !== undefined && { method }),
    });
    answer = parse(await readText(response, patience));
  } catch (error) {
    signal?.throwIfAborted();
    // So a browser says both; which one, it keeps from the page.
    if (error instanceof TypeError) warnOfOrigin(url);
    throw new ApiError(0, "The server cannot be reached.");
  } finally {
    patience.end();
  }
  if (!response.ok) throw problem(response.status, answer, response.headers.get("Retry-After"));
  if (response.status === 204) return {};
  if (typeof answer !== "object" || answer === null) throw misunderstood();
  return answer as Record<string, unknown>;
}

function warnOfOrigin(url: string): void {
  const page = globalThis.location?.origin;
  if (page === undefined) return;
  const { origin } = new URL(url, page);
  if (origin === page) return;
  warn(
    `${origin} can't be reached from a page of ${page}: it may not be running, or not list ` +
      `${page} in AVISO_CORS_ORIGINS`,
  );
}

/** A slow line is no dead one: what it takes is counted from the last piece that came. */
class Patience {
  readonly #ending = new AbortController();
  readonly #end = (): void => this.#ending.abort();
  readonly #limit = setTimeout(this.#end, LIMIT_MS);
  #quiet = setTimeout(this.#end, TIMEOUT_MS);

  /** `other`: somebody else may give it up. */
  constructor(private readonly other: AbortSignal | undefined) {
    if (other?.aborted) this.#end();
    other?.addEventListener("abort", this.#end);
  }

  get signal(): AbortSignal {
    return this.#ending.signal;
  }

  hear(): void {
    clearTimeout(this.#quiet);
    this.#quiet = setTimeout(this.#end, TIMEOUT_MS);
  }

  end(): void {
    this.other?.removeEventListener("abort", this.#end);
    clearTimeout(this.#limit);
    clearTimeout(this.#quiet);
  }
}

async function readText(response: Response, patience: Patience): Promise<string> {
  const reader = response.body?.getReader();
  const decoder = new TextDecoder();
  let text = "";
  for (let piece = await reader?.read(); piece && !piece.done; piece = await reader?.read()) {
    patience.hear();
    text += decoder.decode(piece.value, { stream: true });
  }
  return text + decoder.decode();
}

function parse(text: string): unknown {
  try {
    return parseExactJson(text);
  } catch {
    return null;
  }
}

/** RFC 9457, or whatever a proxy in between answered. */
/** What `Retry-After` says, in milliseconds; null where it says nothing, or a date. */
export const delayOf = (retryAfter: string | null): number | null =>
  /^[0-9]{1,6}$/.test(retryAfter ?? "") ? Number(retryAfter) * 1000 : null;

function problem(status: number, answer: unknown, retryAfter: string | null): ApiError {
  const { detail, field, pointer, address } = (answer ?? {}) as Record<string, unknown>;
  const said = typeof detail === "string" && detail !== "" ? detail : null;
  const about = pointer ?? field;
  return new ApiError(
    status,
    said ?? `The server answered with status ${status}.`,
    typeof about === "string" ? about : null,
    delayOf(retryAfter),
    { address: typeof address === "string" ? address : null },
  );
}

export const misunderstood = (): ApiError => {
  const detail = "The server answered something that this page does not understand.";
  return new ApiError(0, detail, null, null, { isAnswered: true });
};

/** Where a feed is, as every address of what it has begins. */
export const feedUrl = (origin: string, feed: string): string =>
  `${readOrigin(origin)}/api/v1/feeds/${encodeURIComponent(feed)}/`;
