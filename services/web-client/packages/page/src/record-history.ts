/** What each event changed about a record: before and after, field by field. Pure. */

import { asWritten } from "aviso-feed";
import { changedFields } from "./field-changes";
import { type Json, type JsonObject, memberOf } from "./json";
import type { HistoryEvent } from "./record-reading";

export interface FieldChange {
  readonly name: string;
  /** undefined: it was not there. */
  readonly before: Json | undefined;
  readonly after: Json | undefined;
}

export interface HistoryStep {
  readonly event: HistoryEvent;
  /** null: what was before is not known, or the record was no other. */
  readonly changes: readonly FieldChange[] | null;
}

/** What was made of an event, and of what was before it. */
const made = new WeakMap<HistoryEvent, { before: JsonObject | null; step: HistoryStep }>();

/** The steps of a history that is given oldest first, newest first. Made anew is only what is new. */
export function stepsOf(history: readonly HistoryEvent[]): readonly HistoryStep[] {
  let before: JsonObject | null = null;
  const steps: HistoryStep[] = [];
  for (const event of history) {
    const known = made.get(event);
    const step: HistoryStep = known?.before === before ? known.step : stepOf(event, before);
    made.set(event, { before, step });
    steps.push(step);
    const after = dataOf(event);
    // Behind a deletion a record begins anew; what could not be told is not known.
    before = event.type === "deleted" ? null : after;
  }
  return steps.reverse();
}

function stepOf(event: HistoryEvent, before: JsonObject | null): HistoryStep {
  const after = dataOf(event);
  const isChange = event.type === "updated" && before !== null && after !== null;
  return { event, changes: isChange ? fieldChanges(before, after) : null };
}

const dataOf = ({ record }: HistoryEvent): JsonObject | null =>
  record === null ? null : (record.data as JsonObject);

export function fieldChanges(before: JsonObject, after: JsonObject): readonly FieldChange[] {
  const [old, now] = [asWritten(before), asWritten(after)];
  return [...changedFields(old, now)].map((name) => ({
    name,
    before: memberOf(old, name),
    after: memberOf(now, name),
  }));
}
