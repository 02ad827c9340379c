import { expect, test, vi } from "vitest";
import { Emitter } from "../../src/engine/emitter";

class Bell extends Emitter<{ ring: number }> {
  ring(times: number): void {
    this.emit("ring", times);
  }
}

test("each listener hears once for each time that it was given", () => {
  const bell = new Bell();
  const heard: number[] = [];
  const listener = (times: number): void => void heard.push(times);
  const off = bell.on("ring", listener);
  bell.on("ring", listener);

  bell.ring(1);
  off();
  bell.ring(2);

  expect(heard).toEqual([1, 1, 2]);
});

test("who begins or ends to listen meanwhile changes nothing for the others", () => {
  const bell = new Bell();
  const heard: string[] = [];
  const off = bell.on("ring", () => {
    off();
    bell.on("ring", () => heard.push("later"));
    heard.push("first");
  });
  bell.on("ring", () => heard.push("second"));

  bell.ring(1);
  expect(heard).toEqual(["first", "second"]);
});

test("a listener that fails stops nobody, and is told of", () => {
  const later: (() => void)[] = [];
  vi.stubGlobal("queueMicrotask", (callback: () => void) => later.push(callback));
  const bell = new Bell();
  const heard: number[] = [];
  bell.on("ring", () => {
    throw new Error("mine");
  });
  bell.on("ring", (times) => heard.push(times));

  bell.ring(3);
  vi.unstubAllGlobals();

  expect(heard).toEqual([3]);
  expect(later.length).toBe(1);
  expect(later[0]).toThrow("mine");
});
