// @vitest-environment jsdom
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { openStropheLink } from "../../src/edges/strophe-link";
import type { LinkEnd, LinkRequest } from "../../src/engine/ports";
import { settle } from "../fakes";

const OPEN = `<open xmlns="urn:ietf:params:xml:ns:xmpp-framing" version="1.0" id="1"/>`;

const features = (content: string): string =>
  `<stream:features xmlns:stream="http://etherx.jabber.org/streams">${content}</stream:features>`;

const mechanisms = (...names: string[]): string =>
  features(
    `<mechanisms xmlns="urn:ietf:params:xml:ns:xmpp-sasl">` +
      `${names.map((name) => `<mechanism>${name}</mechanism>`).join("")}</mechanisms>`,
  );

const BIND = `<bind xmlns="urn:ietf:params:xml:ns:xmpp-bind"/>`;
const SM = `<sm xmlns="urn:xmpp:sm:3"/>`;
const SUCCESS = `<success xmlns="urn:ietf:params:xml:ns:xmpp-sasl"/>`;

const failure = (condition: string): string =>
  `<failure xmlns="urn:ietf:params:xml:ns:xmpp-sasl"><${condition}/></failure>`;

/** A server on the other side of `WebSocket`: what it answers to a frame that begins like this. */
class FakeWebSocket {
  static readonly CLOSED = 3;
  static all: FakeWebSocket[] = [];
  static answers: (frame: string, socket: FakeWebSocket) => string[] = () => [];
  onopen: (() => void) | null = null;
  onmessage: ((message: { data: string }) => void) | null = null;
  onclose: ((event: { code: number }) => void) | null = null;
  onerror: ((event: object) => void) | null = null;
  readyState = 1;
  opens = 0;
  readonly sent: string[] = [];

  constructor(readonly url: string) {
    FakeWebSocket.all.push(this);
    setImmediate(() => this.onopen?.());
  }

  send(frame: string): void {
    this.sent.push(frame);
    if (frame.startsWith("<open")) this.opens += 1;
    const answers = FakeWebSocket.answers(frame, this);
    setImmediate(() => {
      for (const answer of answers) this.receive(answer);
    });
  }

  receive(data: string): void {
    this.onmessage?.({ data });
  }

  close(): void {
    this.readyState = FakeWebSocket.CLOSED;
  }
}

/** Logs everybody in; `afterLogin` are the features that follow. */
function goodServer(afterLogin: string, mechanism = "ANONYMOUS"): typeof FakeWebSocket.answers {
  return (frame, socket) => {
    if (frame.startsWith("<open")) {
      return [OPEN, socket.opens === 1 ? mechanisms(mechanism) : features(afterLogin)];
    }
    if (frame.startsWith("<auth")) return [SUCCESS];
    if (frame.includes("_bind_auth_2")) {
      return [
        `<iq xmlns="jabber:client" type="result" id="_bind_auth_2">` +
          `<bind xmlns="urn:ietf:params:xml:ns:xmpp-bind"><jid>x@localhost/r</jid></bind></iq>`,
      ];
    }
    if (frame.startsWith("<enable")) {
      return [`<enabled xmlns="urn:xmpp:sm:3" id="sm1" resume="true"/>`];
    }
    if (frame.startsWith("<resume")) {
      return [`<resumed xmlns="urn:xmpp:sm:3" h="0" previd="sm1"/>`];
    }
    return [];
  };
}

beforeEach(() => {
  FakeWebSocket.all = [];
  vi.stubGlobal("WebSocket", FakeWebSocket);
});

afterEach(() => {
  vi.unstubAllGlobals();
});

const GUEST: LinkRequest = {
  url: "ws://aviso.test/xmpp-websocket",
  transport: "websocket",
  domain: "guest.localhost",
  credentials: { kind: "guest" },
  memory: new Map(),
};

// PLAIN, because the fake server can't compute SCRAM.
const account = (memory: Map<string, unknown> = new Map()): LinkRequest => ({
  ...GUEST,
  domain: "localhost",
  credentials: { kind: "account", username: "ada", password: "secret" },
  memory,
});

async function open(request: LinkRequest) {
  const ups: [string, boolean][] = [];
  const ends: LinkEnd[] = [];
  const stanzas: Element[] = [];
  const take = vi.fn((stanza: Element) => void stanzas.push(stanza));
  const progress = vi.fn();
  const link = openStropheLink(request, {
    progress,
    up: (jid, resumed) => ups.push([jid, resumed]),
    stanza: take,
    down: (end) => ends.push(end),
  });
  await settle();
  const socket = FakeWebSocket.all.at(-1) as FakeWebSocket;
  return { link, progress, ups, ends, stanzas, take, socket };
}

const message = (id: number): string => `<message xmlns="jabber:client" id="m${id}"/>`;

describe("a link", () => {
  test("comes up for a guest, who resumes nothing", async () => {
    FakeWebSocket.answers = goodServer(BIND + SM);

    const { ups, ends, socket } = await open(GUEST);

    expect(ups).toEqual([["x@localhost/r", false]]);
    expect(ends).toEqual([]);
    expect(socket.sent.some((frame) => frame.startsWith("<enable"))).toBe(false);
  });

  test("says that its line is open, and then what the server says before it is up", async () => {
    FakeWebSocket.answers = () => [];
    const { progress, ups, socket } = await open(GUEST);
    expect(progress).toHaveBeenCalledTimes(1);

    socket.receive(OPEN);

    expect(progress).toHaveBeenCalledTimes(2);
    expect(ups).toEqual([]);
  });

  test("gives on every stanza, and goes on after a listener that throws", async () => {
    FakeWebSocket.answers = goodServer(BIND);
    const complaint = vi.spyOn(console, "error").mockImplementation(() => {});
    const { take, socket, stanzas } = await open(GUEST);
    take.mockImplementationOnce(() => {
      throw new Error("spoilt");
    });

    for (const id of [1, 2, 3]) socket.receive(message(id));

    expect(stanzas.map((stanza) => stanza.getAttribute("id"))).toEqual(["m2", "m3"]);
    expect(complaint).toHaveBeenCalledOnce();
  });

  test("sends what it is given", async () => {
    FakeWebSocket.answers = goodServer(BIND);
    const { link, socket } = await open(GUEST);

    link.send('<presence xmlns="jabber:client" to="orders@feeds.localhost/&lt;"/>');
    await settle();

    expect(socket.sent.at(-1)).toMatch(/^<presence .*to="orders@feeds.localhost\/&lt;"/);
  });

  test("ends once when the socket dies", async () => {
    FakeWebSocket.answers = goodServer(BIND);
    const { ends, socket } = await open(GUEST);

    socket.onclose?.({ code: 1006 });
    await settle();

    expect(ends).toEqual([{ kind: "lost", reason: "The connection to the server was lost." }]);
  });

  test("ends once when the socket cannot be opened", async () => {
    FakeWebSocket.answers = () => [];
    const { ends, socket } = await open(GUEST);

    socket.onerror?.({});
    await settle();

    expect(ends.map(({ kind }) => kind)).toEqual(["lost"]);
  });

  test("says nothing after it was let go", async () => {
    FakeWebSocket.answers = goodServer(BIND);
    const { link, ends, stanzas, socket } = await open(GUEST);

    link.drop();
    socket.onclose?.({ code: 1006 });
    socket.receive(message(1));
    await settle();

    expect(ends).toEqual([]);
    expect(stanzas).toEqual([]);
    expect(socket.readyState).toBe(FakeWebSocket.CLOSED);
    expect(socket.sent.some((frame) => frame.startsWith("<close"))).toBe(false);
  });

  test("says goodbye when it is closed", async () => {
    FakeWebSocket.answers = goodServer(BIND);
    const { link, ends, socket } = await open(GUEST);

    link.close();
    await settle();

    expect(socket.sent.at(-1)).toMatch(/^<close /);
    expect(ends).toEqual([]);
  });
});

test.each([
  ["conflict", "Replaced by new connection", "replaced"],
  ["conflict", "User removed", "refused"],
  ["system-shutdown", "", "lost"],
])("a session that the server ends with %s, %s, is %s", async (condition, said, kind) => {
  FakeWebSocket.answers = goodServer(BIND);
  const { ends, socket } = await open(GUEST);

  socket.receive(
    `<stream:error xmlns:stream="http://etherx.jabber.org/streams">` +
      `<${condition} xmlns="urn:ietf:params:xml:ns:xmpp-streams"/>` +
      `<text xmlns="urn:ietf:params:xml:ns:xmpp-streams">${said}</text></stream:error>`,
  );
  await settle();

  expect(ends.map((end) => end.kind)).toEqual([kind]);
});

describe("an account", () => {
  test("resumes what died, and does not send again what the server did not acknowledge", async () => {
    FakeWebSocket.answers = goodServer(BIND + SM, "PLAIN");
    const memory = new Map<string, unknown>();
    const first = await open(account(memory));
    first.link.send('<presence xmlns="jabber:client" to="orders@feeds.localhost/old"/>');
    await settle();
    first.socket.onclose?.({ code: 1006 });

    const second = await open(account(memory));

    expect(first.ends.length).toBe(1);
    expect(second.ups).toEqual([["x@localhost/r", true]]);
    expect(second.socket.sent.some((frame) => frame.includes("<resume"))).toBe(true);
    expect(second.socket.sent.some((frame) => frame.startsWith("<presence"))).toBe(false);
  });

  test("does not resume what was closed", async () => {
    FakeWebSocket.answers = goodServer(BIND + SM, "PLAIN");
    const memory = new Map<string, unknown>();
    const first = await open(account(memory));
    first.link.close();
    await settle();

    const second = await open(account(memory));

    expect(second.ups).toEqual([["x@localhost/r", false]]);
  });

  test("proves its password folded, as the server keeps it", async () => {
    FakeWebSocket.answers = goodServer(BIND, "PLAIN");
    const credentials = { kind: "account", username: "ada", password: "ｓecretº" } as const;

    const { socket } = await open({ ...account(), credentials });

    const auth = socket.sent.find((frame) => frame.startsWith("<auth")) ?? "";
    expect(atob(/>([^<]*)</.exec(auth)?.[1] ?? "")).toBe("\0ada\0secreto");
  });

  const refusing =
    (condition: string): typeof FakeWebSocket.answers =>
    (frame) => {
      if (frame.startsWith("<open")) return [OPEN, mechanisms("PLAIN")];
      return frame.startsWith("<auth") ? [failure(condition)] : [];
    };

  test.each(["not-authorized", "account-disabled", "credentials-expired"])(
    "that gets %s is refused",
    async (condition) => {
      FakeWebSocket.answers = refusing(condition);
      const { ends } = await open(account());
      expect(ends.map(({ kind }) => kind)).toEqual(["refused"]);
    },
  );

  test("whose password cannot be checked at the moment is not refused", async () => {
    FakeWebSocket.answers = refusing("temporary-auth-failure");
    const { ends } = await open(account());
    expect(ends.map(({ kind }) => kind)).toEqual(["lost"]);
  });

  test("on a page that came unencrypted is told so, without a word to the server", async () => {
    vi.stubGlobal("crypto", {});
    const { ends, socket } = await open(account());
    expect(ends).toEqual([
      { kind: "refused", reason: "Signing in works only on a page that came over https." },
    ]);
    expect(socket).toBeUndefined();
  });
});

test("nothing is printed", async () => {
  const prints = (["debug", "info", "warn", "error", "log"] as const).map((level) =>
    vi.spyOn(console, level).mockImplementation(() => {}),
  );
  FakeWebSocket.answers = goodServer(BIND + SM, "PLAIN");
  const { socket } = await open(account());
  socket.receive(message(1));
  socket.onclose?.({ code: 1006 });
  await settle();

  for (const print of prints) expect(print).not.toHaveBeenCalled();
});
