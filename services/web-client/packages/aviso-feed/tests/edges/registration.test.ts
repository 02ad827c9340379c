// @vitest-environment jsdom
import { beforeEach, describe, expect, test, vi } from "vitest";
import { RegistrationError, register } from "../../src/edges/registration";
import { FakeRest } from "../fakes";

const OPEN = `<open xmlns="urn:ietf:params:xml:ns:xmpp-framing" from="localhost" version="1.0"/>`;
const FEATURES =
  `<stream:features xmlns:stream="http://etherx.jabber.org/streams">` +
  `<register xmlns="http://jabber.org/features/iq-register"/></stream:features>`;
const CLOSED_FEATURES = FEATURES.replace(/<register.*?\/>/, "");
const CLOSE = `<close xmlns="urn:ietf:params:xml:ns:xmpp-framing"/>`;
const RESULT = `<iq xmlns="jabber:client" type="result" id="register" from="localhost"/>`;
const STREAM_ERROR =
  `<stream:error xmlns:stream="http://etherx.jabber.org/streams">` +
  `<not-authorized xmlns="urn:ietf:params:xml:ns:xmpp-streams"/></stream:error>`;

function refusal(condition: string, text = ""): string {
  const said = text && `<text xmlns="urn:ietf:params:xml:ns:xmpp-stanzas">${text}</text>`;
  return (
    `<iq xmlns="jabber:client" type="error" id="register" from="localhost"><error type="cancel">` +
    `<${condition} xmlns="urn:ietf:params:xml:ns:xmpp-stanzas"/>${said}</error></iq>`
  );
}

/** The server's side of the socket: answers the nth frame with the nth list of frames. */
class FakeSocket {
  onopen: (() => void) | null = null;
  onmessage: ((message: { data: string }) => void) | null = null;
  onclose: (() => void) | null = null;
  onerror: (() => void) | null = null;
  readonly sent: string[] = [];
  isClosed = false;

  constructor(
    readonly url: string,
    private readonly script: string[][] | "refused" | "dies" | "silent",
  ) {
    setTimeout(() => {
      if (script === "refused") this.onerror?.();
      else this.onopen?.();
    });
  }

  send(frame: string): void {
    const answers = Array.isArray(this.script) ? this.script[this.sent.length] : [];
    this.sent.push(frame);
    setTimeout(() => {
      if (this.script === "dies") this.onclose?.();
      for (const data of answers ?? []) this.onmessage?.({ data });
    });
  }

  close(): void {
    this.isClosed = true;
  }
}

let socket: FakeSocket | null = null;
beforeEach(() => {
  socket = null;
});

function attempt(
  script: string[][] | "refused" | "dies" | "silent",
  username = "ada",
  password = "<secret>&",
  rest = new FakeRest(),
): Promise<string> {
  const openSocket = (url: string): WebSocket => {
    socket = new FakeSocket(url, script);
    return socket as unknown as WebSocket;
  };
  const io = { fetch: rest.fetch, openSocket, timeoutMs: script === "silent" ? 20 : 60_000 };
  return register("", username, password, io).then(
    () => "made",
    (error) => {
      expect(error).toBeInstanceOf(RegistrationError);
      expect(error.message).not.toContain("<secret>&");
      return error.detail === null ? error.code : `${error.code}: ${error.detail}`;
    },
  );
}

describe("registering", () => {
  test("makes the account and closes the stream", async () => {
    expect(await attempt([[OPEN, FEATURES], [RESULT], [CLOSE]])).toBe("made");
    expect(socket?.isClosed).toBe(false);
    await vi.waitFor(() => expect(socket?.isClosed).toBe(true));

    expect(socket?.url).toBe("ws://localhost:3000/xmpp-websocket");
    expect(socket?.sent).toEqual([
      '<open xmlns="urn:ietf:params:xml:ns:xmpp-framing" to="localhost" version="1.0"/>',
      '<iq xmlns="jabber:client" type="set" id="register" to="localhost">' +
        '<query xmlns="jabber:iq:register"><username>ada</username>' +
        "<password>&lt;secret&gt;&amp;</password></query></iq>",
      CLOSE,
    ]);
  });

  test.each([
    ["conflict", "User already exists", "name-taken: User already exists"],
    ["bad-request", "Malformed username", "name-refused: Malformed username"],
    ["jid-malformed", "", "name-refused"],
    ["not-acceptable", "The password is too weak", "password-refused: The password is too weak"],
    ["resource-constraint", "so quickly", "too-quickly: so quickly"],
    ["forbidden", "", "name-refused"],
    ["not-allowed", "", "closed"],
    ["service-unavailable", "", "closed"],
    ["internal-server-error", "", "unreachable"],
  ])("tells of %s", async (condition, text, expected) => {
    expect(await attempt([[OPEN, FEATURES], [refusal(condition, text)]])).toBe(expected);
    expect(socket?.isClosed).toBe(true);
  });

  test.each([
    ["a server that offers no registration", [[OPEN, CLOSED_FEATURES]], "closed"],
    ["a server that ends the stream", [[OPEN, FEATURES], [STREAM_ERROR]], "closed"],
    ["a socket that cannot be opened", "refused" as const, "unreachable"],
    ["a socket that dies", "dies" as const, "unreachable"],
    ["a server that says nothing", "silent" as const, "unreachable"],
  ])("tells of %s", async (_what, script, expected) => {
    expect(await attempt(script)).toBe(expected);
    expect(socket?.isClosed).toBe(true);
  });

  test("tells of a server that is not there", async () => {
    const rest = new FakeRest();
    rest.failure = "unreachable";
    expect(await attempt([], "ada", "x1", rest)).toBe("unreachable: The server cannot be reached.");
    expect(socket).toBeNull();
  });

  test.each(["", "a b", "a@b", "a/b", 'a"b', "a\u0007b", "é".repeat(600)])(
    "does not ask for the name %j",
    async (username) => {
      expect(await attempt([], username)).toBe("name-refused");
      expect(socket).toBeNull();
    },
  );

  test("does not ask with an empty password", async () => {
    expect(await attempt([], "ada", "")).toBe("password-refused");
    expect(socket).toBeNull();
  });
});
