/**
 * What the engine does, told step by step to whoever looks for a fault. Never an event's content, a
 * password, a token or a ticket.
 */

/** `what` happened, and facts about it. */
export type Log = (what: string, facts: Readonly<Record<string, unknown>>) => void;

export const SILENT: Log = () => {};
