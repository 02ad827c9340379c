/** A room as this tab's subscriptions see it: our own where we lead, the leader's where we follow. */

import type { ArchiveRange } from "../../protocol/archive-query";
import type { FeedRoom, RoomListener, RoomState } from "../feed-connection";
import type { ArchivedMessage, ArchivePage } from "../ports";
import type { Questions } from "./questions";

const JOINING: RoomState = { kind: "joining" };

export class SharedRoom implements FeedRoom {
  readonly #listeners = new Set<RoomListener>();
  #own: FeedRoom | null = null;
  #leaveOwn: () => void = () => {};
  /** As the leader told it. */
  #told: RoomState = JOINING;
  /** Tells whoever is in. */
  readonly tell: RoomListener;

  constructor(
    readonly jid: string,
    private readonly questions: Questions,
    /** Somebody wants it now, or nobody any more. */
    private readonly onWanted: (room: SharedRoom) => void,
  ) {
    this.tell = {
      state: (state) => {
        this.#told = state;
        for (const listener of [...this.#listeners]) listener.state(state);
      },
      message: (read, stanzaId) => {
        for (const listener of [...this.#listeners]) listener.message(read, stanzaId);
      },
      untrusted: () => {
        for (const listener of [...this.#listeners]) listener.untrusted();
      },
    };
  }

  get isWanted(): boolean {
    return this.#listeners.size > 0;
  }

  get state(): RoomState {
    return this.#own?.state ?? this.#told;
  }

  attach(listener: RoomListener): () => void {
    this.#listeners.add(listener);
    if (this.#listeners.size === 1) this.onWanted(this);
    return () => {
      if (this.#listeners.delete(listener) && !this.isWanted) this.onWanted(this);
    };
  }

  /** From now on it is this one; null: the leader's, of which nothing was told yet. */
  use(own: FeedRoom | null): void {
    this.#leaveOwn();
    this.#told = JOINING;
    this.#own = own;
    this.#leaveOwn = own?.attach(this.tell) ?? (() => {});
  }

  /** The leader's connection is gone. Whoever is in hears of that from the connection. */
  lose(): void {
    this.#told = JOINING;
  }

  /** The leader goes in again by itself, when it is asked whether we are in. */
  rejoin(): void {
    this.#own?.rejoin();
  }

  async page(
    range: ArchiveRange,
    max: number,
    take: (message: ArchivedMessage) => void,
  ): Promise<ArchivePage> {
    if (this.#own !== null) return this.#own.page(range, max, take);
    const answer = await this.questions.ask({ about: "page", room: this.jid, range, max }, take);
    return answer as ArchivePage;
  }

  async isStillIn(): Promise<boolean> {
    if (this.#own !== null) return this.#own.isStillIn();
    return (await this.questions.ask({ about: "presence", room: this.jid })) === true;
  }
}
