/**
 * What goes wrong, as it is told to whoever uses the library.
 *
 *     AvisoError             code, docs
 *       ApiError             REST said no, or was not reached: status, detail, field
 *         ConflictError      somebody else changed the record: current, wanted
 *       RegistrationError    an account was not made
 */

import type { FeedRecord, RecordData } from "./event";

/**
 * `code` is for programs and does not change with the words of `message`, which are for a person.
 * Every code stands in `docs`.
 */
export class AvisoError<Code extends string = string> extends Error {
  override readonly name: string = "AvisoError";

  constructor(
    readonly code: Code,
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }

  /** Where the code is explained, at any server of this version. */
  get docs(): string {
    return `/feed-client/errors.md#${this.code}`;
  }
}

export type ApiErrorCode =
  | "unreachable"
  | "not-understood"
  | "not-signed-in"
  | "not-allowed"
  | "not-found"
  | "conflict"
  | "other-address"
  | "too-many-requests"
  | "server-error"
  | "not-valid";

/**
 * The server said no (`status` > 0; RFC 9457's `detail`), or was not reached or not understood
 * (`status` 0). `message` equals `detail`. `field` is what it is about, where the server names it:
 * a header or parameter, or a JSON pointer (RFC 6901) into what was sent, such as `/data/count`.
 */
export class ApiError extends AvisoError<ApiErrorCode> {
  override readonly name: string = "ApiError";
  /** Something answered, be it nothing that one understands: a proxy, a sign-in page of a network. */
  readonly isAnswered: boolean;
  /** Where the server is to be had, where it refused the address that it was asked at (421). */
  readonly address: string | null;

  constructor(
    readonly status: number,
    readonly detail: string,
    readonly field: string | null = null,
    /** How long to wait before the next try, where the server says so (RFC 9110 10.2.3). */
    readonly retryAfterMs: number | null = null,
    more: { readonly isAnswered?: boolean; readonly address?: string | null } = {},
  ) {
    const isAnswered = more.isAnswered ?? status > 0;
    super(codeOf(status, isAnswered), detail);
    this.isAnswered = isAnswered;
    this.address = more.address ?? null;
  }

  /** Asking again does not help: the server answered, and it meant it. */
  get isFinal(): boolean {
    return this.status >= 400 && this.status < 500 && ![408, 425, 429].includes(this.status);
  }
}

/** The record is not of the `version` any more that alone was to be changed; nothing was done (412). */
export class ConflictError<Data = RecordData> extends ApiError {
  override readonly name = "ConflictError";

  constructor(
    { status, detail, field }: ApiError,
    /** As it is now; null where that cannot be read. */
    readonly current: FeedRecord<Data> | null,
    /** What was to be written; null: it was to be removed. */
    readonly wanted: unknown,
  ) {
    super(status, detail, field);
  }
}

function codeOf(status: number, isAnswered: boolean): ApiErrorCode {
  switch (status) {
    case 0:
      return isAnswered ? "not-understood" : "unreachable";
    case 401:
      return "not-signed-in";
    case 403:
      return "not-allowed";
    case 404:
      return "not-found";
    case 409:
    case 412:
      return "conflict";
    case 421:
      return "other-address";
    case 429:
      return "too-many-requests";
    default:
      return status >= 500 ? "server-error" : "not-valid";
  }
}
