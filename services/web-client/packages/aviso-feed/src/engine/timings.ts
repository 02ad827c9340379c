/** How long the engine waits. */

/** In milliseconds. */
export type Timings = {
  /**
   * So long nothing may come of a connection that is being opened: a WebSocket is given up for BOSH then.
   * Longer where the server's answers take long.
   */
  readonly openTimeout: number;
  /** So long nothing at all may come while an answer is waited for: then there is none. */
  readonly answerTimeout: number;
  /** The same for a ping, which asks whether the connection lives. */
  readonly wakeTimeout: number;
  /** Other things come, and of this answer nothing for so long: it was lost. */
  readonly answerLimit: number;
  readonly retryFirst: number;
  readonly retryMax: number;
  /** A connection that lasted this long was a good one: the back-off begins anew. */
  readonly stableAfter: number;
  /** The same for one that gave something: an event, or an answer of a feed's archive. */
  readonly usefulAfter: number;
  /** So long without an event, then look whether one was missed. */
  readonly silence: number;
};

export const TIMINGS: Timings = {
  openTimeout: 8_000,
  answerTimeout: 15_000,
  wakeTimeout: 3_000,
  answerLimit: 60_000,
  retryFirst: 1_000,
  retryMax: 30_000,
  stableAfter: 10_000,
  usefulAfter: 2_000,
  silence: 30_000,
};
