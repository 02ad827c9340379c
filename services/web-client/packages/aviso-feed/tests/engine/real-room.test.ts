// @vitest-environment jsdom
import { expect, test } from "vitest";
import type { LinkPort } from "../../src/engine/ports";
import { makeWorld, settle, type World } from "../fakes";
import SHAPES from "./real-room.json";

/**
 * The fake room says what a real one does. What that is, tests/integration/test_real_room.py says: it
 * holds ejabberd against the same shapes.
 */

const ROOM = "orders@feeds.localhost";
const SHUT = "closed@feeds.localhost";
const NICK = "reader-1";
/** Whose values the client looks at; of the others only that they are there. */
const TOLD = ["type", "affiliation", "role", "code", "complete"];

/** `item affiliation=none role`: an element a line, indented by its depth. */
function shapeOf(element: Element, around = "", depth = 0): string[] {
  const namespace = element.namespaceURI ?? "";
  const name = element.localName;
  const attributes = [...element.attributes]
    .filter((attribute) => attribute.name !== "xmlns")
    .map(({ name, value }) => (TOLD.includes(name) ? `${name}=${value}` : name))
    .sort();
  const shown = namespace === around ? name : `{${namespace}}${name}`;
  const lines = ["  ".repeat(depth) + [shown, ...attributes].join(" ")];
  for (const child of element.children) lines.push(...shapeOf(child, namespace, depth + 1));
  return lines;
}

const ask = (to: string, payload: string, type = "get") =>
  `<iq xmlns="jabber:client" type="${type}" id="one" to="${to}">${payload}</iq>`;
const PING = `<ping xmlns="urn:xmpp:ping"/>`;
const QUERY =
  `<query xmlns="urn:xmpp:mam:2" queryid="q"><x xmlns="jabber:x:data" type="submit">` +
  `<field var="start"><value>2020-01-01T00:00:00.000000Z</value></field></x>` +
  `<set xmlns="http://jabber.org/protocol/rsm"><max>5</max><before/></set></query>`;
const enter = (room: string) => `<presence xmlns="jabber:client" to="${room}/${NICK}"/>`;

test("the fake room says what a real one does", async () => {
  const world: World = makeWorld();
  let heard: string[][] = [];
  const link: LinkPort = world.xmpp.openLink(
    {
      url: "",
      transport: "websocket",
      domain: "guest.localhost",
      credentials: { kind: "guest" },
      memory: new Map(),
    },
    { progress() {}, up() {}, down() {}, stanza: (element) => heard.push(shapeOf(element)) },
  );
  await settle();
  world.xmpp.publish("orders", "k3f9", 1, 1);
  world.xmpp.refusals.set(SHUT, "item-not-found");
  const hear = async (act: () => void): Promise<string[][]> => {
    heard = [];
    act();
    await settle();
    return heard;
  };
  const send = (stanza: string) => hear(() => link.send(stanza));

  const said = {
    "pinged from outside": await send(ask(`${ROOM}/${NICK}`, PING)),
    shut: await send(enter(SHUT)),
    entered: await send(enter(ROOM)),
    pinged: await send(ask(`${ROOM}/${NICK}`, PING)),
    told: await hear(() => world.xmpp.publish("orders", "k3f9", 2, 1)),
    asked: (await send(ask(ROOM, QUERY, "set"))).slice(-2),
    left: await send(`<presence xmlns="jabber:client" to="${ROOM}/${NICK}" type="unavailable"/>`),
    "put out": await (async () => {
      await send(enter(ROOM));
      return hear(() => world.xmpp.putOut(ROOM, ["322"]));
    })(),
  };

  expect(said).toEqual(SHAPES);
});
