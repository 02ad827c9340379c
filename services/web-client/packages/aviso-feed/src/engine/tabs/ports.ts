/** What sharing a connection needs of the browser. Types only. */

/** The tabs of one browser that see one another: of one origin, in one storage partition. */
export type TabsPort = {
  /** Where the page stands: two pages that say "" of the server mean this one. */
  readonly pageOrigin: string;
  readonly requestLock: RequestLock;
  /** Whatever comes was posted by another channel of this name. Throws where there are none. */
  openChannel(name: string, onMessage: (data: unknown) => void): ChannelPort;
  /**
   * A name for a secret, in hexadecimal, which is hard to guess the secret from. Rejects where
   * there is no cryptography.
   */
  digest(secret: string, salt: string): Promise<string>;
  /** Somebody may be looking. */
  isVisible(): boolean;
  /**
   * When a reader signed out last in any tab, in milliseconds since 1970, for tabs that stood still
   * meanwhile; 0: never, as far as this browser knows. `reader`: a name that is hard to guess from.
   */
  readonly signOuts: { get(reader: string): number; note(reader: string, at: number): void };
  /** Returns the function that stops watching. */
  watch(listener: PageListener): () => void;
};

export type PageListener = {
  /** The page stands still from now on, without a word of warning later. */
  freeze(): void;
  /** It goes on; everything may have changed. */
  thaw(): void;
  /** Somebody looks again. */
  show(): void;
};

/**
 * Ask for a lock that one holder has at a time, after those who asked before; `steal`: now, from
 * whoever has it. Returns the function that gives it back, or stops asking.
 */
export type RequestLock = (
  name: string,
  how: "wait" | "steal",
  listener: LockListener,
) => () => void;

/** Nothing is said after it was given back. */
export type LockListener = {
  held(): void;
  /** Somebody stole it. */
  lost(): void;
  /** There are no locks for this page. */
  failed(): void;
};

export interface ChannelPort {
  /** To every other channel of the name; in order. What is posted can be cloned. */
  post(data: unknown): void;
  close(): void;
}
