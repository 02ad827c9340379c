"""The records of a feed as they were at a moment, out of its log of events.

A record is what its newest event by then says. So the feed's events are gone through
from the moment on backwards, and of each is asked whether the record has a later one by
then: one look into an index. The records come in the order of those events, the last
changed first. What was pruned is not known.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from django.db import connection

from aviso.records.moments import Moment, find_pruned
from aviso.rest.paging import PAGE_BYTES, Cursor, Page, make_page

CURSOR_PATTERN = r"[0-9]{1,18}"
# Events that one page goes through.
LOOK_EVENTS = 20_000
STRANGERS_LOOK_EVENTS = 5_000

# As in aviso.last_event: the rows are compared by all that the index has, and sorted
# so, and the subject stands in a CASE.
_LATER = """
    SELECT first + later.place - 1 <= %(at)s FROM (
        SELECT changeset, place FROM aviso.events AS e
        WHERE (e.start, e.feed, e.changeset, e.place)
                > (run.start, %(feed)s::text, run.changeset, run.place)
            AND (e.start, e.feed) <= (run.start, %(feed)s::text)
            AND CASE WHEN e.subject = run.subject THEN true END
        ORDER BY e.start, e.feed, e.changeset, e.place LIMIT 1
    ) AS later JOIN aviso.places USING (changeset)
"""
# Of the events after `low`, up to `high`. Bytes are counted along the order, so that a
# page of large records is not fetched whole.
_LIST = f"""
WITH run AS MATERIALIZED (
    SELECT e.*, part.first + e.place - 1 AS sequence
    FROM (
        SELECT first, last, changeset FROM aviso.places
        WHERE feed = %(feed)s AND first <= %(high)s AND first >= coalesce((
            SELECT first FROM aviso.places
            WHERE feed = %(feed)s AND first <= %(low)s + 1
            ORDER BY first DESC LIMIT 1), 0)
    ) AS part
    CROSS JOIN LATERAL (
        SELECT changeset, place, type, start, subject, octet_length(data) AS size
        FROM aviso.events
        WHERE changeset = part.changeset AND place > %(low)s - part.first + 1
            AND place <= %(high)s - part.first + 1
        LIMIT %(high)s - %(low)s
    ) AS e LIMIT %(high)s - %(low)s
), found AS MATERIALIZED (
    SELECT * FROM run
    WHERE type IN ('created', 'updated', 'unavailable') AND subject IS NOT NULL
        AND NOT coalesce(({_LATER}), false)
    ORDER BY sequence {{order}} LIMIT %(limit)s
), counted AS (
    SELECT *, sum(size) OVER (ORDER BY sequence {{order}}) - size AS before FROM found
)
SELECT sequence, counted.type, counted.subject, data
FROM counted JOIN aviso.events USING (changeset, place)
WHERE before < %(bytes)s ORDER BY sequence {{order}}
"""
# Behind it a table's rows begin anew.
_RESET = """
SELECT coalesce((
    SELECT first + e.place - 1 FROM aviso.events AS e
    JOIN aviso.places AS p USING (changeset)
    WHERE e.feed = %s AND e.reader IS NULL AND e.type = 'reset'
        AND first + e.place - 1 <= %s
    ORDER BY e.changeset DESC, e.place DESC LIMIT 1
), 0)
"""


@dataclass(frozen=True, slots=True)
class PastRecord:
    """A record as the event with this sequence told it; `data` is the event's."""

    sequence: int
    type: str
    subject: str
    data: str


def list_past_records(
    moment: Moment, cursor: Cursor, limit: int, *, look_events: int
) -> Page[PastRecord]:
    """Return a page of the records as they were, the last changed first.

    At most `look_events` events are gone through; a page that ends there says so.
    """
    lowest = max(_find_reset(moment), find_pruned(moment.feed))
    highest = moment.sequence
    if cursor.key is not None and cursor.backward:
        lowest = max(lowest, int(cursor.key))
    elif cursor.key is not None:
        highest = min(highest, int(cursor.key) - 1)
    records: list[PastRecord] = []
    size = 0
    # A feed of records that never change has one in each event.
    step, left = limit + 1, look_events
    while lowest < highest and left > 0:
        step = min(step, left, highest - lowest)
        low = lowest if cursor.backward else highest - step
        wanted = limit + 1 - len(records)
        for record in _list(moment, low, low + step, wanted, cursor):
            if len(records) == limit or (records and size >= PAGE_BYTES):
                return make_page(records, cursor, more=True)
            records.append(record)
            size += len(record.data.encode())
        if size >= PAGE_BYTES:
            # There may be more within these events.
            return make_page(records, cursor, more=True)
        if cursor.backward:
            lowest += step
        else:
            highest -= step
        left -= step
        step *= 4
    if lowest >= highest:
        return make_page(records, cursor, more=False)
    stopped_at = lowest if cursor.backward else highest + 1
    return make_page(records, cursor, more=True, stopped_at=str(stopped_at))


def render_past_record(record: PastRecord, feed: str) -> str:
    """Render a record as a list of the present ones has it."""
    if record.type == "unavailable":
        cause = json.dumps(json.loads(record.data)["cause"])
        return f'{{"id":{json.dumps(record.subject)},"cause":{cause}}}'
    # A record of a table's is what its event says; one of ours has its feed beside.
    start = f'{{"id":"{record.subject}",'
    if not record.data.startswith(f'{start}"version":'):
        return record.data
    return f'{start}"feed":"{feed}",{record.data.removeprefix(start)}'


def _list(
    moment: Moment, low: int, high: int, limit: int, cursor: Cursor
) -> list[PastRecord]:
    values: dict[str, Any] = {
        "feed": moment.feed,
        "at": moment.sequence,
        "low": low,
        "high": high,
        "limit": limit,
        "bytes": PAGE_BYTES,
    }
    order = "ASC" if cursor.backward else "DESC"
    with connection.cursor() as db:
        db.execute(_LIST.replace("{order}", order), values)
        return [PastRecord(*row) for row in db.fetchall()]


def _find_reset(moment: Moment) -> int:
    with connection.cursor() as db:
        db.execute(_RESET, [moment.feed, moment.sequence])
        return int(db.fetchone()[0])
