/** How long ago something was, for what must not be taken for younger than it is. */

import type { ClockPort } from "./ports";

export type Moment = { readonly now: number; readonly wall: number };

export const momentOf = (clock: ClockPort): Moment => ({ now: clock.now(), wall: clock.wall() });

/**
 * In milliseconds. One of the two clocks may stand still while a computer sleeps, the other may be
 * set: what the larger says is too much at worst.
 */
export const ageOf = ({ now, wall }: Moment, clock: ClockPort): number =>
  Math.max(clock.now() - now, clock.wall() - wall);
