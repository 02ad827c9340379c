/**
 * One XMPP stream over Strophe.js: the only file that imports it.
 *
 * A link is opened once and dies once; reconnecting is the session's business. Each link is a new
 * Strophe connection, and what XEP-0198 needs to resume lies in the session's ResumeMemory, as
 * Strophe itself does it across page reloads.
 */

import { type SMState, type SMStorageBackend, Strophe, toStanza } from "strophe.js";
import type { LinkEnd, LinkListener, LinkPort, LinkRequest, ResumeMemory } from "../engine/ports";
import { preparedPassword } from "../protocol/password";
import { NS } from "../protocol/xml";
import { trustedTypesRefusal } from "./trusted-types";

/**
 * RFC 6120 6.5.10: the one SASL failure that says nothing about the credentials. ejabberd answers
 * with it when its account database is away.
 */
const TEMPORARY = "temporary-auth-failure";

/** ejabberd ends a session with `conflict` for two reasons, and says in its text which: this, or another session. */
const REMOVED = "User removed";

/** SCRAM is computed by WebCrypto, which browsers keep from pages that came unencrypted. */
const NEEDS_HTTPS = "Signing in works only on a page that came over https.";

/**
 * How often Strophe repeats a BOSH request, waiting longer each time. While a session is opened the
 * caller has a better plan: it begins with WebSocket again. Later only patience keeps the session.
 */
const OPENING_RETRIES = 1;
const RETRIES = 5;

export function openStropheLink(request: LinkRequest, listener: LinkListener): LinkPort {
  return new StropheLink(request, listener);
}

class StropheLink implements LinkPort {
  readonly #connection: InstanceType<typeof Strophe.Connection>;
  #listener: LinkListener | null;
  /** What the server said of the error that ended the stream. */
  #said = "";

  constructor(request: LinkRequest, listener: LinkListener) {
    // Strophe prints at every level by itself, stanzas included.
    Strophe.setLogLevel(Strophe.LogLevel.FATAL);
    this.#listener = listener;
    const { credentials, domain, memory, transport, url } = request;
    const isAccount = credentials.kind === "account";
    const [username, password] = loginOf(credentials);
    this.#connection = new Strophe.Connection(url, {
      // Each guest login is a new user: there is nothing to resume.
      enableStreamManagement: isAccount && transport === "websocket",
      streamManagement: { storage: resumeStorage(memory) },
    });
    this.#connection.maxRetries = OPENING_RETRIES;
    const refusal = trustedTypesRefusal();
    if (refusal !== null) {
      queueMicrotask(() => this.#end({ kind: "lost", reason: refusal }));
      return;
    }
    if (isAccount && globalThis.crypto?.subtle === undefined) {
      queueMicrotask(() => this.#end({ kind: "refused", reason: NEEDS_HTTPS }));
      return;
    }
    // Before the session is there Strophe has no status that says how it gets on.
    const progress = (): void => this.#listener?.progress();
    this.#connection.xmlInput = (element) => {
      if ((element as Element).getAttribute?.("type") === "terminate")
        this.#hear(element as Element);
      progress();
    };
    this.#hearStreamErrors();
    // The client speaks first (RFC 7395 3.4), as soon as a WebSocket is open; BOSH sends into the dark.
    if (transport === "websocket") this.#connection.xmlOutput = progress;
    this.#connection.connect(
      username === "" ? domain : `${username}@${domain}`,
      password,
      (status, condition, element) => this.#onStatus(status, condition, element),
    );
  }

  send(stanza: string): void {
    if (this.#connection.connected) this.#connection.send(toStanza(stanza));
  }

  close(): void {
    this.#listener = null;
    this.#connection.disconnect();
  }

  drop(): void {
    this.#listener = null;
    // Strophe 5.0 has no public way to let a stream go without saying goodbye, and goodbye throws
    // away what resuming takes.
    this.#connection._proto._abortAllRequests();
    this.#connection._doDisconnect();
  }

  /** Of a WebSocket's stream error Strophe tells the condition alone. */
  #hearStreamErrors(): void {
    const stream = this.#connection._proto as Partial<InstanceType<typeof Strophe.Websocket>>;
    const check = stream._checkStreamError?.bind(stream);
    if (check === undefined) return;
    stream._checkStreamError = (element, status) => {
      this.#hear(element);
      return check(element, status);
    };
  }

  #hear(element: Element): void {
    this.#said = element.getElementsByTagNameNS(NS.streamErrors, "text")[0]?.textContent ?? "";
  }

  #onStatus(status: number, condition: string | null, element?: Element): void {
    const { Status } = Strophe;
    switch (status) {
      case Status.CONNECTED:
        this.#connection.maxRetries = RETRIES;
        this.#connection.addHandler((stanza) => this.#onStanza(stanza), null, null, null);
        this.#listener?.up(this.#connection.jid, this.#connection.hasResumed());
        break;
      case Status.AUTHFAIL:
        this.#end(authFailure(element));
        break;
      case Status.CONNFAIL:
      case Status.CONNTIMEOUT:
      case Status.DISCONNECTED:
      case Status.ERROR:
        this.#end(endFor(condition, this.#said));
        break;
    }
  }

  /** True keeps the handler; it must not throw either, or Strophe drops it for good. */
  #onStanza(stanza: Element): true {
    try {
      if (["message", "presence", "iq"].includes(stanza.localName)) this.#listener?.stanza(stanza);
    } catch (error) {
      console.error("aviso: a stanza could not be handled", error);
    }
    return true;
  }

  #end(end: LinkEnd): void {
    const listener = this.#listener;
    if (listener === null) return;
    this.drop();
    listener.down(end);
  }
}

/** A guest has no name. A ticket is the password (PLAIN), and names whose it is. */
function loginOf(credentials: LinkRequest["credentials"]): readonly [string, string] {
  switch (credentials.kind) {
    case "guest":
      return ["", ""];
    case "account":
      return [credentials.username, preparedPassword(credentials.password)];
    case "ticket":
      return [credentials.username, credentials.ticket];
  }
}

function authFailure(element: Element | undefined): LinkEnd {
  if (element !== undefined && element.localName !== "failure") {
    return { kind: "lost", reason: "The server did not open a session." };
  }
  // No element: the server could not prove that it knows the password (SCRAM, RFC 5802 3).
  if (element?.firstElementChild?.localName === TEMPORARY) {
    return { kind: "lost", reason: "The server cannot check passwords at the moment." };
  }
  return { kind: "refused", reason: "The server does not accept this name and password." };
}

function endFor(condition: string | null, said: string): LinkEnd {
  switch (condition) {
    case "conflict":
      if (said === REMOVED)
        return { kind: "refused", reason: "There is no such account any more." };
      return { kind: "replaced", reason: "This account is open in too many places." };
    case "system-shutdown":
      return { kind: "lost", reason: "The server is going down." };
    default:
      return { kind: "lost", reason: "The connection to the server was lost." };
  }
}

/**
 * What was sent and not acknowledged is left out: after a failed resumption Strophe would send it
 * again in the new session, joins with an old nick among it. Our own requests have timeouts.
 */
function resumeStorage(memory: ResumeMemory): SMStorageBackend {
  return {
    load(key) {
      const state = memory.get(key) as SMState | undefined;
      return (state === undefined ? null : { ...state, unacked: [] }) as SMState;
    },
    save: (key, state) => void memory.set(key, { ...state }),
    clear: (key) => void memory.delete(key),
  };
}
