/** How long tabs wait for one another, in milliseconds. */

/** So long nothing may come of the leader before it is asked; and as much again, at most, by chance. */
export const ASK_AFTER = { visible: 400, hidden: 4_000 } as const;
export const ASK_SPREAD = { visible: 200, hidden: 2_000 } as const;

/** So long it may take to answer. Doubled for each theft of late, for a machine may be busy. */
export const ANSWER_WITHIN = { visible: 800, hidden: 4_000 } as const;
export const LONGEST_ANSWER = 10_000;
/** A theft counts for so long. */
export const THEFT_MEMORY = 60_000;

/** A timer that is later than this says that this tab stood still, and not the leader. */
export const STOOD_STILL = 300;

/** So long a leader that hears of a later one says nothing: it may have lost the lock. */
export const CONTEST = 250;

/** A leader that cannot serve is not taken over more often than this. */
export const CLAIM_PAUSE = 10_000;

/** So often a follower says which rooms it wants; unheard for so long, it wants none. */
export const WANTS_EVERY = 60_000;
export const WANTS_KEPT = 200_000;
