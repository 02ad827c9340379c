// @vitest-environment jsdom
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { Chime } from "../src/chime";

let tones: number;
/** The browser lets the page play. */
let begin: () => void;

class Context {
  state = "suspended";
  currentTime = 0;
  destination = {};
  onstatechange = (): void => {};

  resume(): Promise<void> {
    return new Promise((resolve) => {
      begin = () => {
        this.state = "running";
        this.onstatechange();
        resolve();
      };
    });
  }
}

class Part {
  gain = {
    setValueAtTime: () => {},
    linearRampToValueAtTime: () => {},
    exponentialRampToValueAtTime: () => {},
  };
  connect = (): Part => this;
  stop = (): void => {};
  start(): void {
    tones += 1;
  }
}

beforeEach(() => {
  tones = 0;
  vi.useFakeTimers();
  vi.stubGlobal("AudioContext", Context);
  vi.stubGlobal("OscillatorNode", Part);
  vi.stubGlobal("GainNode", Part);
});

afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

test("a browser that is slow to begin is heard, and not taken for one that plays nothing", async () => {
  const chime = new Chime(() => {});
  void chime.play();
  await vi.advanceTimersByTimeAsync(2_500);
  begin();
  await vi.advanceTimersByTimeAsync(0);

  expect([tones, chime.state]).toEqual([2, "ready"]);
});

test("one that plays nothing before a click says so, and does not play then what was long ago", async () => {
  const states: string[] = [];
  const chime = new Chime(() => states.push(chime.state));
  void chime.play();
  await vi.advanceTimersByTimeAsync(10_000);
  expect(states).toEqual(["blocked"]);
  begin();
  await vi.advanceTimersByTimeAsync(0);

  expect([tones, chime.state]).toEqual([0, "ready"]);
});
