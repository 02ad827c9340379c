/**
 * Who of the tabs leads: the one that holds the lock. A leader that does not answer in time loses it.
 *
 * - The lock decides. Closed and crashed tabs let go of it by themselves, and the next one has it.
 * - A frozen tab keeps it. So whoever waits asks the leader now and then, and steals the lock where
 *   no answer comes. The robbed one learns of it when it wakes up.
 * - Each term of a leader has a generation, one more than any that was heard of. Nobody listens to an
 *   earlier one, so what a robbed leader still says is said to nobody.
 * - A leader that hears of a later generation falls silent for a moment. Robbed, it learns so meanwhile;
 *   still holding the lock, it goes on with a yet later one.
 *
 * Pure but for the ports: a state machine that is told what happens.
 */

import type { ClockPort, Timer } from "../ports";
import type { RequestLock } from "./ports";
import {
  ANSWER_WITHIN,
  ASK_AFTER,
  ASK_SPREAD,
  CLAIM_PAUSE,
  CONTEST,
  LONGEST_ANSWER,
  STOOD_STILL,
  THEFT_MEMORY,
} from "./timings";

export type ElectionListener = {
  /**
   * We lead: say so to everybody. Also when we led before, under an earlier generation. `isTheft`:
   * another one had the lock.
   */
  lead(isTheft: boolean): void;
  /** We lead no more. */
  stepDown(): void;
  /** The leader whom we followed is gone, or does not answer. */
  leaderless(): void;
  /** Ask the leader for a sign of life. */
  ask(): void;
  /** Nothing can be shared: there are no locks, or nobody hears us. Nothing follows. */
  alone(): void;
};

export type ElectionPorts = {
  readonly clock: ClockPort;
  readonly requestLock: RequestLock;
  isVisible(): boolean;
};

/** `new`: from now on this one is listened to. `stale`: not to be listened to. */
export type Heard = "new" | "current" | "stale";

type Leader = { readonly id: string; readonly generation: number };

export class Election {
  #role: "out" | "waiting" | "leading" = "out";
  /** Ours while we lead, and else the highest that was heard of. */
  #generation = 0;
  #leader: Leader | null = null;
  #isContested = false;
  /** Gives the lock back, or stops asking for it. */
  #letGo: () => void = () => {};
  #timer: Timer = null;
  #thefts: number[] = [];
  #claimedAt = Number.NEGATIVE_INFINITY;
  /** Somebody else was heard since we were robbed last; true at first. */
  #isHeard = true;
  /** How often this tab stood still when an answer was due. */
  #stalls = 0;

  constructor(
    /** Ours; unlike any other tab's. */
    readonly id: string,
    private readonly lock: string,
    private readonly ports: ElectionPorts,
    private readonly listener: ElectionListener,
  ) {}

  /** To be said with everything that is said. */
  get generation(): number {
    return this.#generation;
  }

  get isLeading(): boolean {
    return this.#role === "leading";
  }

  /** We lead, and nobody says otherwise. */
  get maySpeak(): boolean {
    return this.#role === "leading" && !this.#isContested;
  }

  get hasLeader(): boolean {
    return this.#leader !== null;
  }

  start(): void {
    if (this.#role !== "out") return;
    this.#isHeard = true;
    this.#wait("wait");
    this.#ask();
  }

  stop(): void {
    this.#role = "out";
    this.#leader = null;
    this.#isContested = false;
    this.#restartTimer(null);
    this.#letGo();
  }

  /** A message came. `leads`: it was said as a leader. */
  hear(id: string, generation: number, leads: boolean): Heard {
    this.#isHeard = true;
    if (this.#role === "out") return "stale";
    if (this.#role === "leading") {
      const isLater = generation > this.#generation;
      const isRival = leads && generation === this.#generation && id > this.id;
      if (isLater || isRival) this.#contest(generation);
      return "stale";
    }
    this.#generation = Math.max(this.#generation, generation);
    if (!leads) return "stale";
    const leader = this.#leader;
    if (leader?.id === id && leader.generation === generation) {
      this.#watch();
      return "current";
    }
    const isLater =
      generation === this.#generation &&
      (leader === null || generation > leader.generation || id > leader.id);
    if (!isLater) {
      // It does not know yet that its time is over: it hears so with whatever we say.
      this.listener.ask();
      return "stale";
    }
    this.#leader = { id, generation };
    this.#watch();
    return "new";
  }

  /** The leader says that it leads no more. Whoever waited longest has the lock in a moment. */
  hearFarewell(): void {
    if (this.#role !== "waiting" || this.#leader === null) return;
    this.#leader = null;
    this.listener.leaderless();
    this.#ask();
  }

  /** Somebody took the lock by force: the machine may be busy, and patience is due. */
  noteTheft(): void {
    this.#thefts.push(this.ports.clock.now());
  }

  /** The leader lives and cannot serve, and we can. */
  claim(): void {
    const now = this.ports.clock.now();
    if (this.#role !== "waiting" || now - this.#claimedAt < CLAIM_PAUSE) return;
    this.#claimedAt = now;
    this.#steal();
  }

  /** Somebody looks: is the leader there? */
  look(): void {
    this.#ask();
  }

  #wait(how: "wait" | "steal"): void {
    this.#role = "waiting";
    this.#leader = null;
    this.#isContested = false;
    let isOver = false;
    const give = this.ports.requestLock(this.lock, how, {
      held: () => {
        if (!isOver) this.#lead(how === "steal");
      },
      lost: () => {
        if (!isOver) this.#onRobbed();
      },
      failed: () => {
        if (!isOver) this.#goAlone();
      },
    });
    this.#letGo = () => {
      isOver = true;
      give();
    };
  }

  #lead(isTheft: boolean): void {
    this.#role = "leading";
    this.#leader = null;
    this.#generation += 1;
    this.#restartTimer(null);
    this.listener.lead(isTheft);
  }

  #contest(generation: number): void {
    this.#isContested = true;
    this.#generation = Math.max(this.#generation, generation);
    this.#restartTimer(CONTEST, () => {
      this.#isContested = false;
      this.#lead(false);
    });
  }

  #onRobbed(): void {
    this.#restartTimer(null);
    this.noteTheft();
    this.#isHeard = false;
    const wasLeading = this.#role === "leading";
    this.#wait("wait");
    if (wasLeading) this.listener.stepDown();
    this.#ask();
  }

  #goAlone(): void {
    this.stop();
    this.listener.alone();
  }

  /** The leader was just heard: ask again when nothing comes for a while. */
  #watch(): void {
    this.#stalls = 0;
    const how = this.#sight;
    const wait = ASK_AFTER[how] + ASK_SPREAD[how] * this.ports.clock.random();
    this.#restartTimer(wait, () => this.#ask());
  }

  #ask(): void {
    if (this.#role !== "waiting") return;
    const due = this.ports.clock.now() + this.#patience;
    this.#restartTimer(this.#patience, () => this.#onNoAnswer(due));
    this.listener.ask();
  }

  #onNoAnswer(due: number): void {
    const isLate = this.ports.clock.now() - due > STOOD_STILL;
    if (isLate && this.#stalls < 2) {
      // What came meanwhile stands behind this timer.
      this.#stalls += 1;
      this.#ask();
      return;
    }
    // Robbed, and then nothing: others share the lock with us, but not the channel.
    if (!this.#isHeard) {
      this.#goAlone();
      return;
    }
    this.#steal();
  }

  #steal(): void {
    this.#letGo();
    const hadLeader = this.#leader !== null;
    this.noteTheft();
    this.#wait("steal");
    // Where somebody steals it from us before we have it.
    this.#restartTimer(this.#patience, () => this.#ask());
    if (hadLeader) this.listener.leaderless();
  }

  get #sight(): "visible" | "hidden" {
    return this.ports.isVisible() ? "visible" : "hidden";
  }

  get #patience(): number {
    const since = this.ports.clock.now() - THEFT_MEMORY;
    this.#thefts = this.#thefts.filter((at) => at > since);
    const doubled = ANSWER_WITHIN[this.#sight] * 2 ** Math.min(this.#thefts.length, 10);
    return Math.min(LONGEST_ANSWER, doubled);
  }

  #restartTimer(delayMs: number | null, callback: () => void = () => {}): void {
    if (this.#timer !== null) this.ports.clock.clearTimer(this.#timer);
    this.#timer = delayMs === null ? null : this.ports.clock.setTimer(callback, delayMs);
  }
}
