/**
 * In-band registration, XEP-0077, as one exchange over a WebSocket of its own (RFC 7395).
 * Strophe's plugin for it does not work with Strophe 5, and a session is opened afterwards anyway.
 */

import { ApiError, AvisoError } from "../model/errors";
import { readError } from "../protocol/iq";
import { refusedCharacter } from "../protocol/password";
import { childOf, NS, xml } from "../protocol/xml";
import type { Fetch } from "./http";
import { fetchConnection } from "./rest";
import { trustedTypesRefusal, XmlParser } from "./trusted-types";

const FRAMING = "urn:ietf:params:xml:ns:xmpp-framing";
const STREAM = "http://etherx.jabber.org/streams";
const FEATURE = "http://jabber.org/features/iq-register";
const REQUEST_ID = "register";
const TIMEOUT_MS = 15_000;

/** RFC 7622 3.3.1: characters that no name may have. */
const NOT_IN_A_NAME = /["&'/:<>@\s\p{Cc}]/u;
/** RFC 7622 3.3, in bytes of UTF-8. */
const MAX_NAME_BYTES = 1023;

export type RegistrationErrorCode =
  | "name-taken"
  | "name-refused"
  | "password-refused"
  /** Too many accounts from this address lately: wait some minutes. */
  | "too-quickly"
  /** This server makes no accounts this way. */
  | "closed"
  | "unreachable";

const MESSAGES: Readonly<Record<RegistrationErrorCode, string>> = {
  "name-taken": "This name is taken.",
  "name-refused": "The server does not take this name.",
  "password-refused": "The server does not take this password.",
  "too-quickly": "Too many accounts were made from here lately. Wait some minutes.",
  closed: "This server does not let you make an account here.",
  unreachable: "The server cannot be reached.",
};

/**
 * `message` is for a person; `detail` is what the server said, where it said something. `character`
 * is the one for which the server refused a password, where that is known.
 */
export class RegistrationError extends AvisoError<RegistrationErrorCode> {
  override readonly name = "RegistrationError";

  constructor(
    code: RegistrationErrorCode,
    readonly detail: string | null = null,
    readonly character: string | null = null,
  ) {
    super(code, MESSAGES[code]);
  }
}

export type RegistrationIo = {
  readonly fetch: Fetch;
  readonly openSocket: (url: string) => WebSocket;
  readonly timeoutMs?: number;
};

const BROWSER: RegistrationIo = {
  fetch: (input, init) => globalThis.fetch(input, init),
  openSocket: (url) => new WebSocket(url, "xmpp"),
};

/** Make an account. Resolves when it exists; rejects with a RegistrationError. */
export async function register(
  origin: string,
  username: string,
  password: string,
  io: RegistrationIo = BROWSER,
): Promise<void> {
  const length = new TextEncoder().encode(username).length;
  if (length === 0 || length > MAX_NAME_BYTES || NOT_IN_A_NAME.test(username)) {
    throw new RegistrationError("name-refused");
  }
  if (password === "") throw new RegistrationError("password-refused");
  const refusal = trustedTypesRefusal();
  if (refusal !== null) throw new RegistrationError("unreachable", refusal);
  const info = await fetchConnection(origin, io.fetch).catch((error) => {
    throw new RegistrationError("unreachable", error instanceof ApiError ? error.detail : null);
  });
  const socket = io.openSocket(info.websocket_url);
  try {
    await exchange(socket, info.domain, { username, password }, io.timeoutMs ?? TIMEOUT_MS);
    sayGoodbye(socket);
  } catch (error) {
    socket.close();
    throw error;
  }
}

/** RFC 7395 3.6: the other side answers; a socket closed before that answer is an error to it. */
function sayGoodbye(socket: WebSocket): void {
  socket.onmessage = () => socket.close();
  socket.send(xml`<close xmlns="${FRAMING}"/>`);
}

/**
 * 1. We open the stream. 2. The server says what it offers. 3. We ask for the account.
 * 4. It answers.
 */
function exchange(
  socket: WebSocket,
  domain: string,
  account: { username: string; password: string },
  timeoutMs: number,
): Promise<void> {
  return new Promise<void>((resolve, reject) => {
    const fail = (code: RegistrationErrorCode, detail: string | null = null): void =>
      reject(new RegistrationError(code, detail));
    const timer = setTimeout(() => fail("unreachable"), timeoutMs);
    socket.onopen = () => socket.send(xml`<open xmlns="${FRAMING}" to="${domain}" version="1.0"/>`);
    socket.onerror = () => fail("unreachable");
    socket.onclose = () => fail("unreachable");
    socket.onmessage = (message) => {
      const frame = new XmlParser().parseFromString(String(message.data), "text/xml");
      const element = frame.documentElement;
      if (element.localName === "features") {
        if (childOf(element, "register", FEATURE) === null) return fail("closed");
        socket.send(requestFor(domain, account));
      } else if (element.localName === "error" && element.namespaceURI === STREAM) {
        fail("closed");
      } else if (element.localName === "iq" && element.getAttribute("id") === REQUEST_ID) {
        clearTimeout(timer);
        if (element.getAttribute("type") === "result") resolve();
        else reject(errorFor(element, account.password));
      }
    };
  });
}

function requestFor(domain: string, account: { username: string; password: string }): string {
  return (
    xml`<iq xmlns="${NS.client}" type="set" id="${REQUEST_ID}" to="${domain}">` +
    xml`<query xmlns="jabber:iq:register"><username>${account.username}</username>` +
    xml`<password>${account.password}</password></query></iq>`
  );
}

/** XEP-0077 3.1.1, and what ejabberd's mod_register answers beyond it. */
function errorFor(iq: Element, password: string): RegistrationError {
  const { condition, message } = readError(iq);
  const detail = message === condition ? null : message;
  switch (condition) {
    case "conflict":
      return new RegistrationError("name-taken", detail);
    case "bad-request":
    case "jid-malformed":
    // The name is reserved: mod_register's `access` looks at nothing else here.
    case "forbidden":
      return new RegistrationError("name-refused", detail);
    case "not-acceptable":
      return new RegistrationError("password-refused", detail, refusedCharacter(password));
    case "resource-constraint":
      return new RegistrationError("too-quickly", detail);
    case "internal-server-error":
    case "remote-server-timeout":
      return new RegistrationError("unreachable", detail);
    default:
      return new RegistrationError("closed", detail);
  }
}
