// @vitest-environment jsdom
import { expect, test } from "vitest";
import type { StreamPort } from "../../src/engine/ports";
import { Room } from "../../src/engine/room";
import { TIMINGS } from "../../src/engine/timings";
import { RequestError } from "../../src/protocol/iq";
import { element } from "../contract-examples";
import { makeWorld } from "../fakes";

const JID = "orders@feeds.localhost";
const FIN = element(`<iq xmlns="jabber:client"><fin xmlns="urn:xmpp:mam:2" complete="true"/></iq>`);

type Asked = { readonly queryId: string; end(error?: RequestError): void };

function makeRoom() {
  const asked: Asked[] = [];
  let words = 0;
  const stream: StreamPort = {
    ...{ clock: makeWorld().host, timings: TIMINGS, isUp: true, nick: "reader" },
    send: () => {},
    check: () => {},
    noteUse: () => {},
    silence: () => 0,
    word: () => {
      words += 1;
      return String(words);
    },
    request: (_type, _to, payload) =>
      new Promise((resolve, reject) => {
        const queryId = /queryid="([^"]+)"/.exec(payload)?.[1] ?? "";
        asked.push({ queryId, end: (error) => (error ? reject(error) : resolve(FIN)) });
      }),
  };
  const room = new Room(JID, stream, () => {});
  const found: string[] = [];
  const ask = () => room.page({ start: 0n }, 1, ({ stanzaId }) => found.push(stanzaId));
  const answer = ({ queryId, end }: Asked): void => {
    room.onMessage(
      element(
        `<message xmlns="jabber:client" from="${JID}"><result xmlns="urn:xmpp:mam:2" id="${queryId.slice(1)}" ` +
          `queryid="${queryId}"><forwarded xmlns="urn:xmpp:forward:0"><message xmlns="jabber:client" ` +
          `from="${JID}/pusher" type="groupchat"/></forwarded></result></message>`,
      ),
    );
    end();
  };
  return { asked, ask, answer, found };
}

test("an answer is never taken for an empty one because many more questions were asked", async () => {
  const { asked, ask, answer } = makeRoom();
  const pages = Array.from({ length: 150 }, () => ask().catch((error: unknown) => error));

  for (const each of asked) answer(each);

  for (const page of await Promise.all(pages)) {
    if (page instanceof RequestError) expect(page.isUnanswered).toBe(true);
    else expect(page).toMatchObject({ first: expect.any(String) });
  }
});

test("questions that nobody answered do not stand in the way of later ones", async () => {
  const { asked, ask, answer } = makeRoom();
  const open = ask();
  for (let n = 0; n < 300; n += 1) {
    const late = ask();
    asked.at(-1)?.end(new RequestError("timeout", null));
    await expect(late).rejects.toThrow("timeout");
  }

  answer(asked[0] as Asked);

  expect(await open).toMatchObject({ first: "1" });
});

test("what comes after a question was given up is listened to", async () => {
  const { asked, ask, answer, found } = makeRoom();
  const late = ask();
  asked[0]?.end(new RequestError("timeout", null));
  await expect(late).rejects.toThrow("timeout");

  answer(asked[0] as Asked);

  expect(found).toEqual(["1"]);
});
