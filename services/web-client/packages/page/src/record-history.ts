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

/** The steps of a history that is given oldest first, newest first. */
export function stepsOf(history: readonly HistoryEvent[]): readonly HistoryStep[] {
  let before: JsonObject | null = null;
  const steps: HistoryStep[] = [];
  for (const event of history) {
    const after = event.record === null ? null : (event.record.data as JsonObject);
    const isChange = event.type === "updated" && before !== null && after !== null;
    const changes = isChange ? fieldChanges(before as JsonObject, after as JsonObject) : null;
    steps.push({ event, changes });
    // Behind a deletion a record begins anew; what could not be told is not known.
    before = event.type === "deleted" ? null : after;
  }
  return steps.reverse();
}

export function fieldChanges(before: JsonObject, after: JsonObject): readonly FieldChange[] {
  const [old, now] = [asWritten(before), asWritten(after)];
  return [...changedFields(old, now)].map((name) => ({
    name,
    before: memberOf(old, name),
    after: memberOf(now, name),
  }));
}
