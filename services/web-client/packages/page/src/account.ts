/**
 * Signing in and up: what a name and a password must look like, and what a failure means. Pure.
 */

import type { RegistrationErrorCode } from "aviso-feed";
import type { MessageKey } from "./locale";

export type AccountField = "username" | "password";

export interface AccountFault {
  readonly field: AccountField | null;
  readonly message: MessageKey;
  readonly parameters?: Readonly<Record<string, string | number>>;
}

const USERNAME = /^[a-z0-9][a-z0-9._-]{0,63}$/;
const PASSWORD_MIN_CHARACTERS = 8;

/** Return what is wrong with a name and a password before anything is sent. */
export function accountFaults(
  username: string,
  password: string,
  isNew: boolean,
): readonly AccountFault[] {
  const faults: AccountFault[] = [];
  if (username === "") faults.push({ field: "username", message: "errorUserNameMissing" });
  else if (!USERNAME.test(username)) {
    faults.push({ field: "username", message: "errorUserNameForm" });
  }
  if (password === "") faults.push({ field: "password", message: "errorPasswordMissing" });
  else if (isNew && [...password].length < PASSWORD_MIN_CHARACTERS) {
    faults.push({ field: "password", message: "errorPasswordShort" });
  }
  return faults;
}

/**
 * SCRAM is computed by WebCrypto, which browsers give only to pages from https or localhost: where
 * there is none, say which address has it. `server` is null where it could not be asked.
 */
export function addressFault(
  hasWebCrypto: boolean,
  server: { readonly publicOrigin: string } | null,
): AccountFault | null {
  if (hasWebCrypto) return null;
  const address = server?.publicOrigin ?? "";
  const isSecure = /^https:|^http:\/\/(localhost|127\.0\.0\.1)(:|$)/.test(address);
  return isSecure
    ? { field: null, message: "errorInsecure", parameters: { address } }
    : { field: null, message: "errorInsecureNowhere" };
}

/** Say why an account was not made. `error` is what register() rejected with. */
export function registrationFault(error: unknown, username: string): AccountFault {
  const { code, waitSeconds, message, character } = (error ?? {}) as {
    code?: RegistrationErrorCode;
    waitSeconds?: number | null;
    message?: string;
    character?: string | null;
  };
  switch (code) {
    case "name-taken":
      return { field: "username", message: "errorNameTaken", parameters: { name: username } };
    case "name-refused":
      return { field: "username", message: "errorNameRefused", parameters: { name: username } };
    case "password-refused":
      return typeof character === "string"
        ? {
            field: "password",
            message: "errorPasswordCharacter",
            parameters: { character: nameOf(character) },
          }
        : { field: "password", message: "errorPasswordRefused" };
    case "too-quickly":
      return typeof waitSeconds === "number"
        ? { field: null, message: "errorTooQuickWait", parameters: { count: waitSeconds } }
        : { field: null, message: "errorTooQuick" };
    case "closed":
      return { field: null, message: "errorNotAllowed" };
    case "unreachable":
      return { field: null, message: "errorUnreachable" };
    default:
      return { field: null, message: "errorAccountOther", parameters: { reason: message ?? "?" } };
  }
}

/** A character so that one finds it: some cannot be seen. */
function nameOf(character: string): string {
  const code = (character.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, "0");
  return /[\p{L}\p{N}\p{P}\p{S}]/u.test(character) ? `${character} (U+${code})` : `U+${code}`;
}
