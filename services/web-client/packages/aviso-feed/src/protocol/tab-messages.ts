/**
 * What the tabs that share a connection say to one another. Only tabs of one version do: the version
 * is in the name of their channel and of their lock.
 *
 * Pure: no DOM, no clock, no network.
 */

import { parseExactJson, stringifyExactJson } from "../model/exact-json";
import type { ConnectionInfo } from "./answers";
import type { ArchiveRange } from "./archive-query";
import type { Hint } from "./hint";
import type { FeedMarks, MarksChange } from "./marks";
import type { ReadStanza } from "./stanzas";
import { NS } from "./xml";

/**
 * To be raised with each change of what is said here, and of which events are understood: a leader
 * hands on what it understands.
 */
const VERSION = 2;

/** `rights`: for whom, and where; it may not be guessed from anything that is not secret. */
export const shareName = (rights: string): string =>
  `aviso-feed tabs ${VERSION} ${NS.events} ${rights}`;

/** As states.ts and feed-connection.ts have it, with times as text. */
export type StateText = Readonly<Record<string, unknown>> & { readonly kind: string };

export type Question =
  | {
      readonly about: "page";
      readonly room: string;
      readonly range: ArchiveRange;
      readonly max: number;
    }
  | { readonly about: "presence"; readonly room: string }
  | { readonly about: "marks" }
  | { readonly about: "marks-change"; readonly changes: readonly MarksChange[] };

/** Anybody may say these. */
export type MemberMessage =
  /** Is the leader there? */
  | { readonly kind: "ask-leader" }
  /** Here it begins: everything that is known. */
  | { readonly kind: "join"; readonly rooms: readonly string[] }
  | { readonly kind: "wants"; readonly rooms: readonly string[] }
  | { readonly kind: "question"; readonly id: number; readonly question: Question }
  | { readonly kind: "leave" }
  | { readonly kind: "signed-out" };

/** And these the leader alone. */
export type LeaderMessage =
  | { readonly kind: "alive"; readonly isVisible: boolean }
  | {
      readonly kind: "leads";
      readonly isTheft: boolean;
      readonly state: StateText;
      readonly transport: string | null;
      readonly info: ConnectionInfo | null;
      /** An account's token for REST. */
      readonly bearer: string | null;
      readonly rooms: readonly (readonly [jid: string, state: StateText])[];
    }
  | { readonly kind: "room"; readonly room: string; readonly state: StateText }
  | {
      readonly kind: "message";
      readonly room: string;
      readonly read: ReadStanza;
      readonly stanzaId: string | null;
    }
  | { readonly kind: "untrusted"; readonly room: string }
  | { readonly kind: "hint"; readonly hint: Hint }
  | { readonly kind: "marks"; readonly marks: readonly FeedMarks[] }
  | {
      readonly kind: "archived";
      readonly id: number;
      readonly stanzaId: string;
      readonly read: ReadStanza;
      readonly size: number;
    }
  | { readonly kind: "answer"; readonly id: number; readonly answer: unknown }
  | { readonly kind: "failure"; readonly id: number; readonly condition: string }
  | { readonly kind: "farewell" };

export type TabMessage = MemberMessage | LeaderMessage;

const LEADERS = new Set<TabMessage["kind"]>([
  "alive",
  "leads",
  "room",
  "message",
  "untrusted",
  "hint",
  "marks",
  "archived",
  "answer",
  "failure",
  "farewell",
]);

export type Envelope = {
  readonly from: string;
  /** null: to all. */
  readonly to: string | null;
  readonly generation: number;
  /** How much the leader has said to all in this generation, this included; 0 where it is not one. */
  readonly count: number;
  readonly kind: TabMessage["kind"];
  /** JSON; read by those alone whom it is for. */
  readonly text: string;
};

export const isOfLeader = ({ kind }: Pick<Envelope, "kind">): boolean => LEADERS.has(kind);

/** null: it is none. */
export function readEnvelope(value: unknown): Envelope | null {
  const { from, to, generation, count, kind, text } = (value ?? {}) as Partial<Envelope>;
  const isOne =
    typeof from === "string" &&
    (to === null || typeof to === "string") &&
    Number.isSafeInteger(generation) &&
    Number.isSafeInteger(count) &&
    typeof kind === "string" &&
    typeof text === "string";
  return isOne ? (value as Envelope) : null;
}

/** Every digit of a record's numbers stays; a range's ends are whole numbers of any size. */
export const writeTabMessage = (message: TabMessage): string =>
  stringifyExactJson(
    message.kind === "question" && message.question.about === "page"
      ? { ...message, question: { ...message.question, range: textOf(message.question.range) } }
      : message,
  );

/** Throws SyntaxError. Whoever may post here is of our origin and version: no more is checked. */
export function readTabMessage(text: string): TabMessage {
  const message = parseExactJson(text) as TabMessage;
  if (message.kind !== "question" || message.question.about !== "page") return message;
  return { ...message, question: { ...message.question, range: rangeOf(message.question.range) } };
}

const textOf = ({ start, end, after }: ArchiveRange): Record<string, string> => ({
  start: String(start),
  ...(end !== undefined && { end: String(end) }),
  ...(after !== undefined && { after }),
});

const rangeOf = ({ start, end, after }: ArchiveRange): ArchiveRange => ({
  start: BigInt(start),
  ...(end !== undefined && { end: BigInt(end) }),
  ...(after !== undefined && { after }),
});

/** A state with its time as a text, and back. */
export const writeState = (state: { readonly kind: string }): StateText => ({ ...state });

export function readState<State>(text: StateText): State {
  const { retryAt } = text;
  const time = typeof retryAt === "string" ? { retryAt: new Date(retryAt) } : {};
  return { ...text, ...time } as State;
}
