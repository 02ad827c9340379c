import { beforeEach, expect, test } from "vitest";
import { ServerInfo } from "../../src/engine/server-info";
import type { ConnectionInfo } from "../../src/protocol/answers";
import { makeWorld, type World } from "../fakes";

const HERE = { domain: "localhost" } as ConnectionInfo;
const ELSEWHERE = { domain: "elsewhere.example" } as ConnectionInfo;

let world: World;
let asked: number;
let info: ServerInfo;

beforeEach(() => {
  world = makeWorld();
  asked = 0;
  info = new ServerInfo(world.host, async () => {
    asked += 1;
    await world.clock.advance(250);
    return HERE;
  });
});

test("is asked once for all who want it, and how long that took is known", async () => {
  expect(info.answerMs).toBe(0);

  expect(await Promise.all([info.get(), info.get()])).toEqual([HERE, HERE]);

  expect([asked, info.answerMs]).toEqual([1, 250]);
});

test("is asked again once it was forgotten", async () => {
  await info.get();

  info.forget();
  await info.get();

  expect(asked).toBe(2);
});

test("is not asked where somebody who is connected says it", async () => {
  info.suppose(ELSEWHERE);

  expect(await info.get()).toBe(ELSEWHERE);
  expect([asked, info.answerMs]).toEqual([0, 0]);
});

test("what it said itself goes before what is supposed", async () => {
  await info.get();

  info.suppose(ELSEWHERE);

  expect(await info.get()).toBe(HERE);
});
