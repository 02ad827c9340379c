// @vitest-environment jsdom
import { beforeEach, expect, test } from "vitest";
import { Connection } from "../../src/engine/connection";
import type { FeedMarks } from "../../src/protocol/marks";
import { makeWorld, type World } from "../fakes";

/** What an account keeps of feeds. */

const ACCOUNT = { kind: "account", username: "ada", password: "secret" } as const;
const ORDERS = { feed: "orders", epoch: "k3f9", seen: 7, marks: ["muted"] };
const READ: FeedMarks = {
  feed: "orders",
  seen: { epoch: "k3f9", sequence: 7 },
  marks: ["muted"],
};

let world: World;
let connection: Connection;
let told: (readonly FeedMarks[])[];

beforeEach(async () => {
  world = makeWorld();
  connection = new Connection("", { credentials: ACCOUNT }, world.host);
  told = [];
  connection.on("marks", (marks) => told.push(marks));
  connection.connect();
  await world.clock.advance(0);
});

async function answerOf<Answer>(question: Promise<Answer>): Promise<Answer> {
  await world.clock.advance(0);
  return question;
}

function tell(from: string, marks: unknown, type = "headline"): void {
  const text = JSON.stringify(marks).replaceAll('"', "&quot;");
  world.xmpp.link.deliver(
    `<message xmlns="jabber:client" type="${type}" from="${from}">` +
      `<marks xmlns="urn:aviso:marks:0">${text}</marks></message>`,
  );
}

test("the server is asked for them", async () => {
  world.xmpp.marks = JSON.stringify([ORDERS, { feed: "stock", marks: [] }]);
  expect(await answerOf(connection.marks())).toEqual([
    READ,
    { feed: "stock", seen: null, marks: [] },
  ]);
});

test("what can't be read is passed over", async () => {
  world.xmpp.marks = JSON.stringify([ORDERS, null, { feed: "NO" }, { ...ORDERS, seen: "7" }]);
  expect(await answerOf(connection.marks())).toEqual([READ, { ...READ, seen: null }]);
  world.xmpp.marks = "{";
  expect(await answerOf(connection.marks())).toEqual([]);
});

test("changes are written as the contract has them", async () => {
  world.xmpp.marks = "[]";
  const seen = { epoch: "k3f9", sequence: 9 };
  await answerOf(
    connection.changeMarks([
      { feed: "orders", seen, begins: true },
      { feed: "stock", set: ["pinned"], unset: ["muted"] },
    ]),
  );
  expect(JSON.parse(world.xmpp.changes[0] ?? "")).toEqual([
    { feed: "orders", begins: true, epoch: "k3f9", seen: 9 },
    { feed: "stock", set: ["pinned"], unset: ["muted"] },
  ]);
});

test("what a session changed is told, if the own server says so", async () => {
  tell("localhost", [ORDERS]);
  tell("localhost", [ORDERS], "normal");
  tell("elsewhere", [ORDERS]);
  tell("ada@localhost/other", [ORDERS]);
  await world.clock.advance(0);
  expect(told).toEqual([[READ]]);
});

test("without a connection nothing is waited for", async () => {
  connection.close();
  await expect(connection.marks()).rejects.toMatchObject({ condition: "gone" });
});
