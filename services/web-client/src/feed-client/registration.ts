/** In-band registration, XEP-0077. */

export type RegistrationErrorCode =
  | "name-taken"
  | "name-refused"
  | "password-refused"
  | "too-quickly"
  | "closed"
  | "unreachable";

/** `message` is for a person. `waitSeconds` is there where the server says how long to wait. */
export declare class RegistrationError extends Error {
  readonly code: RegistrationErrorCode;
  readonly waitSeconds: number | null;
}

/** Make an account. Resolves when it exists; rejects with a RegistrationError. */
export declare function register(origin: string, username: string, password: string): Promise<void>;
