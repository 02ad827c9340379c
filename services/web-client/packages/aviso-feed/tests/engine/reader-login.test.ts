// @vitest-environment jsdom
import { beforeEach, describe, expect, test } from "vitest";
import type { ConnectionOptions } from "../../src/engine/options";
import { ReaderLogin } from "../../src/engine/reader-login";
import type { ConnectionState } from "../../src/engine/states";
import { TIMINGS } from "../../src/engine/timings";
import type { ConnectionInfo } from "../../src/protocol/answers";
import { TicketError } from "../../src/protocol/ticket";
import { element } from "../contract-examples";
import { accountToken, makeTicket, makeWorld, settle, type World } from "../fakes";

const INFO = {
  domain: "localhost",
  guest_domain: "guest.localhost",
  ticket_domain: "ticket.localhost",
} as ConnectionInfo;
const ONLINE: ConnectionState = { kind: "online", jid: "ada@localhost/r" };
const refusedFor = (code: "credentials" | "signed-out" | "ticket-ended"): ConnectionState => ({
  kind: "refused",
  code,
  reason: "",
});
const ACCOUNT = { kind: "account", username: "ada", password: "secret" } as const;

let world: World;
let bearers: number;
/** How many tokens the server was asked for. */
let tokens: number;
let login: ReaderLogin;

beforeEach(() => {
  world = makeWorld();
  bearers = 0;
  tokens = 0;
});

function make(options: ConnectionOptions): void {
  const askToken = async () => {
    tokens += 1;
    const token = accountToken(world, String(tokens));
    return element(`<iq><token xmlns="urn:aviso:token:0">${token}</token></iq>`);
  };
  login = new ReaderLogin(options, world.host, TIMINGS, askToken, {
    bearer: () => (bearers += 1),
    fresh: (text) => login.takeTicket(text, true),
    expiring: () => {},
  });
}

function ticket(id: string, lifeS = 600): string {
  const iat = world.clock.now / 1000;
  return makeTicket({
    sub: "u-17@ticket.localhost",
    jti: id,
    feeds: ["orders"],
    iat,
    exp: iat + lifeS,
  });
}

const ticketOf = (text: string, renewTicket?: () => Promise<string>): ConnectionOptions => ({
  credentials: { kind: "ticket", ticket: text },
  ...(renewTicket && { renewTicket }),
});

test("a guest logs in where guests do, and shows nothing", async () => {
  make({});
  login.accept();
  expect(login.at(INFO)).toEqual({ credentials: { kind: "guest" }, domain: "guest.localhost" });
  expect([await login.bearer(), tokens]).toEqual([undefined, 0]);
});

describe("an account", () => {
  beforeEach(() => make({ credentials: ACCOUNT }));

  test("logs in with its password, and shows REST a token once it is in", async () => {
    expect(login.at(INFO)).toEqual({ credentials: ACCOUNT, domain: "localhost" });
    expect(await login.bearer()).toBeUndefined();
    login.accept();
    expect(await login.bearer()).toBe(accountToken(world, "1"));
    expect(bearers).toBe(1);
  });

  test("does not show again what REST refused, nor what was forgotten", async () => {
    login.accept();
    const token = await login.bearer();
    expect(await login.goodBearer(undefined, ONLINE)).toBe(token);
    expect(await login.goodBearer(token, ONLINE)).not.toBe(token);
    login.accept();
    await settle();
    login.forgetToken();
    expect(await login.bearer()).toBeUndefined();
  });

  test("whom the server does not let in has given a wrong name or password", () => {
    expect(login.refusalOf("Wrong password.")).toEqual({
      code: "credentials",
      reason: "Wrong password.",
    });
  });
});

describe("a ticket", () => {
  test("logs in at its own host with its reader's name, where there is one", () => {
    const text = ticket("1");
    make(ticketOf(text));
    expect([login.untaken, login.at(INFO)]).toEqual([text, null]);
    login.takeTicket(text, false);
    expect(login.untaken).toBeNull();
    expect(login.at(INFO)).toEqual({
      credentials: { kind: "ticket", username: "u-17", ticket: text },
      domain: "ticket.localhost",
    });
    const { ticket_domain: _, ...old } = INFO;
    expect(login.at(old)).toBeNull();
  });

  test("is shown to REST as it is, and what cannot be read is none", async () => {
    make(ticketOf(ticket("1")));
    expect(await login.goodBearer(undefined, ONLINE)).toBe(ticket("1"));
    expect(await login.bearer()).toBe(ticket("1"));
    expect(() => login.takeTicket("no ticket", true)).toThrow(TicketError);
    expect(await login.bearer()).toBeUndefined();
  });

  test("that REST refused is renewed, where there is a way, and told of", async () => {
    make(ticketOf(ticket("1"), async () => ticket("2")));
    login.takeTicket(ticket("1"), true);
    login.accept();
    expect(bearers).toBe(1);
    expect(await login.goodBearer(ticket("1"), ONLINE)).toBe(ticket("2"));
    make(ticketOf(ticket("1")));
    login.takeTicket(ticket("1"), true);
    expect(await login.goodBearer(ticket("1"), ONLINE)).toBeUndefined();
  });

  test("that has ended is renewed before it is shown", async () => {
    make(ticketOf(ticket("1", 60), async () => ticket("2")));
    login.takeTicket(ticket("1", 60), true);
    expect(login.ticketLeft).toBe(60_000);
    await world.clock.advance(60_000);
    expect(await login.goodBearer(undefined, ONLINE)).toBe(ticket("2"));
  });

  test("is shown to nobody once its reader signed out, and goes on after it ended", async () => {
    let renewed = 1;
    make(
      ticketOf(ticket("1"), async () => {
        renewed += 1;
        return ticket(String(renewed));
      }),
    );
    login.takeTicket(ticket("1"), true);
    login.noteRefusal();
    expect(await login.goodBearer(undefined, refusedFor("signed-out"))).toBeUndefined();
    expect(await login.goodBearer(undefined, refusedFor("ticket-ended"))).toBe(ticket("2"));
  });

  test("whom it does not let in is told whether it has ended, and whether another one comes", async () => {
    make(ticketOf(ticket("1", 60)));
    login.takeTicket(ticket("1", 60), true);
    expect(login.refusalOf("no").code).toBe("ticket-refused");
    await world.clock.advance(60_000);
    expect(login.refusalOf("no")).toMatchObject({
      code: "ticket-ended",
      reason: expect.stringContaining("set anew"),
    });
  });

  test("that is not there yet can only be asked for", () => {
    make(ticketOf("", async () => ticket("1")));
    expect([login.canOnlyAsk, login.rights("", ["websocket"])]).toEqual([true, null]);
    login.takeTicket(ticket("1"), true);
    expect(login.canOnlyAsk).toBe(false);
    expect(login.rights("", ["websocket"])?.open).toContain("orders");
  });
});
