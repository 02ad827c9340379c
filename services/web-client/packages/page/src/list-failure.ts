/** Why the list of feeds could not be had, as a person may be told. Pure. */

import type { MessageKey } from "./locale";

export type ListFailureKind =
  | "too-many"
  | "unreachable"
  | "server-error"
  | "other-address"
  | "refused"
  | "not-understood";

export const LIST_FAILURES: Readonly<Record<ListFailureKind, MessageKey>> = {
  "too-many": "startTooMany",
  unreachable: "startFailedHint",
  "server-error": "startServerError",
  "other-address": "startOtherAddress",
  refused: "startRefused",
  "not-understood": "startNotUnderstood",
};

/** `error` is what listFeeds() rejected with. */
export function listFailureKind(error: unknown): ListFailureKind {
  const { status = 0, isAnswered = false } = (error ?? {}) as {
    status?: number;
    isAnswered?: boolean;
  };
  if (status === 429) return "too-many";
  if (status === 421) return "other-address";
  if (status >= 500) return "server-error";
  if (status >= 400) return "refused";
  return isAnswered ? "not-understood" : "unreachable";
}
