/**
 * A question to a room's archive (XEP-0313, XEP-0059), as XML, and the times in it.
 *
 * Every question is bounded by `start`: ejabberd answers each one with how many messages lie between
 * `start` and `end`, which without them is the whole room's past, counted anew (mod_mam_sql).
 *
 * Pure: no DOM, no clock, no network.
 */

import { NS, raw, xml } from "./xml";

/**
 * Which messages: from `start` on and, where it is there, up to `end`, both included, in microseconds
 * since 1970, which is what ejabberd's ids are. `after` an id the oldest of these; without it the newest.
 */
export type ArchiveRange = {
  readonly start: bigint;
  readonly end?: bigint;
  readonly after?: string;
};

export function archiveQuery(queryId: string, range: ArchiveRange, max: number): string {
  const { start, end, after } = range;
  const until =
    end === undefined ? "" : xml`<field var="end"><value>${timeOf(end)}</value></field>`;
  const cursor = after === undefined ? "<before/>" : xml`<after>${after}</after>`;
  return (
    xml`<query xmlns="${NS.mam}" queryid="${queryId}"><x xmlns="${NS.dataForm}" type="submit">` +
    xml`<field var="FORM_TYPE" type="hidden"><value>${NS.mam}</value></field>` +
    xml`<field var="start"><value>${timeOf(start)}</value></field>${raw(until)}</x>` +
    xml`<set xmlns="${NS.rsm}"><max>${max}</max>${raw(cursor)}</set></query>`
  );
}

/** XEP-0082, to the microsecond. */
function timeOf(microseconds: bigint): string {
  const time = microseconds < 0n ? 0n : microseconds;
  const seconds = new Date(Number(time / 1_000_000n) * 1000).toISOString().slice(0, -"000Z".length);
  return `${seconds}${String(time % 1_000_000n).padStart(6, "0")}Z`;
}
