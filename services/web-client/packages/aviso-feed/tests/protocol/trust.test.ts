// @vitest-environment jsdom
import { describe, expect, test } from "vitest";
import {
  isAboutUs,
  isTrustedLive,
  Occupants,
  readArchiveResult,
  stanzaIdOf,
} from "../../src/protocol/trust";
import { element } from "../contract-examples";

const ROOM = "orders@feeds.localhost";

function presence(nick: string, affiliation: string | null, attributes = ""): Element {
  const item = affiliation === null ? "" : `<item affiliation="${affiliation}" role="moderator"/>`;
  return element(
    `<presence xmlns="jabber:client" from="${ROOM}/${nick}" ${attributes}>` +
      `<x xmlns="http://jabber.org/protocol/muc#user">${item}</x></presence>`,
  );
}

function message(attributes: string, content = ""): Element {
  return element(`<message xmlns="jabber:client" ${attributes}>${content}</message>`);
}

function roomWith(...presences: Element[]): Occupants {
  const occupants = new Occupants();
  for (const one of presences) occupants.see(one);
  return occupants;
}

describe("a live message is believed", () => {
  const live = `type="groupchat" from="${ROOM}/aviso-1f"`;
  const owner = presence("aviso-1f", "owner");

  test("from an occupant whom the room calls owner", () => {
    expect(isTrustedLive(message(live), ROOM, roomWith(owner))).toBe(true);
  });

  test.each(["admin", "member", "none", "outcast"])("not from one whom it calls %s", (word) => {
    const occupants = roomWith(presence("aviso-1f", word));
    expect(isTrustedLive(message(live), ROOM, occupants)).toBe(false);
  });

  test("not from somebody whose presence was never seen, whatever his nick", () => {
    expect(isTrustedLive(message(live), ROOM, roomWith())).toBe(false);
  });

  test("not from an owner who went", () => {
    const occupants = roomWith(owner, presence("aviso-1f", "owner", 'type="unavailable"'));
    expect(isTrustedLive(message(live), ROOM, occupants)).toBe(false);
  });

  test("not from a nick that an owner had before somebody else took it", () => {
    const occupants = roomWith(owner, presence("aviso-1f", "none"));
    expect(isTrustedLive(message(live), ROOM, occupants)).toBe(false);
  });

  test("not after the occupants were forgotten", () => {
    const occupants = roomWith(owner);
    occupants.clear();
    expect(isTrustedLive(message(live), ROOM, occupants)).toBe(false);
  });

  test("not because an error or a presence without item names the nick", () => {
    const occupants = roomWith(
      presence("aviso-1f", "owner", 'type="error"'),
      presence("aviso-1f", null),
    );
    expect(isTrustedLive(message(live), ROOM, occupants)).toBe(false);
  });

  test("not because of an item outside the room's own element", () => {
    const forged = element(
      `<presence xmlns="jabber:client" from="${ROOM}/aviso-1f">` +
        `<x xmlns="urn:x"><item affiliation="owner"/></x></presence>`,
    );
    expect(isTrustedLive(message(live), ROOM, roomWith(forged))).toBe(false);
  });

  test.each([
    ["the bare room", `type="groupchat" from="${ROOM}"`],
    ["the same nick of another room", `type="groupchat" from="stock@feeds.localhost/aviso-1f"`],
    ["a user of that name", `type="groupchat" from="aviso-1f@localhost"`],
    ["nobody", `type="groupchat"`],
  ])("not from %s", (_whom, attributes) => {
    expect(isTrustedLive(message(attributes), ROOM, roomWith(owner))).toBe(false);
  });

  test.each(["normal", "chat", "headline", "error", ""])("not of type %j", (type) => {
    const attributes = `type="${type}" from="${ROOM}/aviso-1f"`;
    expect(isTrustedLive(message(attributes), ROOM, roomWith(owner))).toBe(false);
  });

  test("not without a type", () => {
    expect(isTrustedLive(message(`from="${ROOM}/aviso-1f"`), ROOM, roomWith(owner))).toBe(false);
  });

  test("not with a delay", () => {
    const delayed = message(live, '<delay xmlns="urn:xmpp:delay" stamp="2026-11-24T09:30:00Z"/>');
    expect(isTrustedLive(delayed, ROOM, roomWith(owner))).toBe(false);
  });
});

test("status 110 says that a presence is about us", () => {
  const own = element(
    `<presence xmlns="jabber:client" from="${ROOM}/me">` +
      `<x xmlns="http://jabber.org/protocol/muc#user"><status code="110"/></x></presence>`,
  );
  expect(isAboutUs(own)).toBe(true);
  expect(isAboutUs(presence("me", "none"))).toBe(false);
});

describe("a stanza id", () => {
  const withId = (by: string, id: string): Element =>
    message("", `<stanza-id xmlns="urn:xmpp:sid:0" by="${by}" id="${id}"/>`);

  test("counts when the room gave it", () => {
    expect(stanzaIdOf(withId(ROOM, "1764000000000001"), ROOM)).toBe("1764000000000001");
  });

  test.each([
    ["somebody else gave it", withId("localhost", "1764000000000001")],
    ["it is no number", withId(ROOM, "abc")],
    ["it is empty", withId(ROOM, "")],
    ["there is none", message("")],
  ])("is none where %s", (_why, stanza) => {
    expect(stanzaIdOf(stanza, ROOM)).toBeNull();
  });
});

describe("an archive result", () => {
  const inner = `<message xmlns="jabber:client" type="groupchat" from="${ROOM}/aviso-1f"/>`;
  const forwarded = (content: string): string =>
    `<forwarded xmlns="urn:xmpp:forward:0">${content}</forwarded>`;
  const result = (content: string, id = "17"): string =>
    `<result xmlns="urn:xmpp:mam:2" queryid="q1" id="${id}">${content}</result>`;

  test("is read from the room itself", () => {
    const read = readArchiveResult(message(`from="${ROOM}"`, result(forwarded(inner))), ROOM);
    expect(read).toMatchObject({ queryId: "q1", stanzaId: "17" });
    expect(read?.message.getAttribute("type")).toBe("groupchat");
  });

  test.each([
    ["an occupant sent it", message(`from="${ROOM}/x"`, result(forwarded(inner)))],
    ["another room sent it", message(`from="x@feeds.localhost"`, result(forwarded(inner)))],
    ["our own account sent it", message("", result(forwarded(inner)))],
    [
      "it lies deeper",
      message(`from="${ROOM}"`, `<x xmlns="urn:x">${result(forwarded(inner))}</x>`),
    ],
    ["its id is no number", message(`from="${ROOM}"`, result(forwarded(inner), "x"))],
    ["nothing is forwarded", message(`from="${ROOM}"`, result(""))],
    [
      "a carbon is around it",
      message(
        `from="${ROOM}"`,
        `<received xmlns="urn:xmpp:carbons:2">${forwarded(inner)}</received>`,
      ),
    ],
    [
      "the message inside is of another room",
      message(`from="${ROOM}"`, result(forwarded(inner.replace(ROOM, "x@feeds.localhost")))),
    ],
    [
      "the message inside is no groupchat",
      message(`from="${ROOM}"`, result(forwarded(inner.replace("groupchat", "chat")))),
    ],
  ])("is none where %s", (_why, stanza) => {
    expect(readArchiveResult(stanza, ROOM)).toBeNull();
  });
});
