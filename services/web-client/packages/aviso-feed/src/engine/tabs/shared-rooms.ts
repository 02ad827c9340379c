/**
 * The rooms that this tab's subscriptions want of a shared connection.
 *
 * What a leader is told may be more than this tab may have: its own ticket may have been taken back
 * meanwhile. So before anything is taken from the leader the server is asked, with this tab's own.
 */

import { ApiError } from "../../model/errors";
import { Backoff } from "../backoff";
import type { FeedRoom, RoomState } from "../feed-connection";
import type { ClockPort } from "../ports";
import type { Timings } from "../timings";
import type { Questions } from "./questions";
import { SharedRoom } from "./shared-room";

export type SharedRoomsPorts = {
  readonly clock: ClockPort;
  readonly timings: Timings;
  readonly questions: Questions;
  /** Rejects where the server does not open the room's feed to this tab, or is not reached. */
  prove(jid: string): Promise<unknown>;
  /** Other rooms are wanted of the leader than before. */
  onWants(): void;
};

export class SharedRooms {
  readonly #rooms = new Map<string, SharedRoom>();
  /** Rooms that the server opens to this tab. */
  readonly #proven = new Set<string>();
  readonly #backoff: Backoff;
  /** Our own rooms, where we have a connection of our own. */
  #source: ((jid: string) => FeedRoom) | null = null;
  /** Counts sources: what the server said before is not taken. */
  #turn = 0;

  constructor(private readonly ports: SharedRoomsPorts) {
    const { timings, clock } = ports;
    const { retryFirst: firstMs, retryMax: maxMs } = timings;
    this.#backoff = new Backoff({ firstMs, maxMs, random: clock.random });
  }

  /** What the leader is to be asked for. */
  get wanted(): string[] {
    return [...this.#rooms.keys()].filter((jid) => this.#proven.has(jid));
  }

  room(jid: string): SharedRoom {
    const known = this.#rooms.get(jid);
    if (known !== undefined) return known;
    return new SharedRoom(jid, this.ports.questions, (room) => this.#onWanted(room));
  }

  /** One that the leader may tell of. */
  get(jid: string): SharedRoom | undefined {
    return this.#proven.has(jid) ? this.#rooms.get(jid) : undefined;
  }

  /** null: the leader's. */
  use(source: ((jid: string) => FeedRoom) | null): void {
    this.#turn += 1;
    this.#source = source;
    for (const room of [...this.#rooms.values()]) {
      room.use(source?.(room.jid) ?? null);
      if (source === null && !this.#proven.has(room.jid)) this.#prove(room);
    }
  }

  /** Other rights are had from now on. */
  doubt(): void {
    this.#proven.clear();
  }

  lose(): void {
    for (const room of this.#rooms.values()) room.lose();
  }

  tellAll(state: RoomState): void {
    for (const room of [...this.#rooms.values()]) room.tell.state(state);
  }

  #onWanted(room: SharedRoom): void {
    if (!room.isWanted) {
      this.#rooms.delete(room.jid);
      room.use(null);
      if (this.#source === null) this.ports.onWants();
      return;
    }
    this.#rooms.set(room.jid, room);
    room.use(this.#source?.(room.jid) ?? null);
    if (this.#source === null) this.#prove(room);
  }

  #prove(room: SharedRoom): void {
    const { jid } = room;
    if (this.#proven.has(jid)) {
      this.ports.onWants();
      return;
    }
    const turn = this.#turn;
    const isCurrent = (): boolean => turn === this.#turn && this.#rooms.get(jid) === room;
    this.ports.prove(jid).then(
      () => {
        if (!isCurrent()) return;
        this.#backoff.reset();
        this.#proven.add(jid);
        this.ports.onWants();
      },
      (error: unknown) => {
        if (isCurrent()) this.#proveLater(room, error, isCurrent);
      },
    );
  }

  #proveLater(room: SharedRoom, error: unknown, isCurrent: () => boolean): void {
    const { clock } = this.ports;
    const delay = this.#backoff.next();
    const isShut = error instanceof ApiError && error.isFinal;
    const reason = error instanceof Error ? error.message : String(error);
    clock.setTimer(() => {
      if (isCurrent()) this.#prove(room);
    }, delay);
    room.tell.state({ kind: "out", reason, retryAt: new Date(clock.wall() + delay), isShut });
  }
}
