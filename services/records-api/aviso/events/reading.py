"""Read a feed's events in order: the last tier of catching up."""

from __future__ import annotations

from django.db import connection

from aviso.events.log import EVENT_COLUMNS, RUNS
from aviso.events.rendering import EventRow
from aviso.rest.paging import PAGE_BYTES

# Only numbered events up to the head that the answer names, so that both tell of the
# same moment.
_AFTER = f"""
    SELECT {EVENT_COLUMNS}
    FROM (VALUES (%s::text, %s::bigint, %s::int, {PAGE_BYTES}))
        AS wanted (feed, after, amount, size_bytes) {RUNS}
    WHERE run.sequence <= %s AND run.bytes_before < wanted.size_bytes
    ORDER BY run.sequence
"""
# A record's changesets rise with its sequences: a later change has a later one. By the
# index that says what was told of a record: as in aviso.last_event, so that PostgreSQL
# goes through neither the log nor all that a record has changed.
# No EXISTS: that would be a join, in whichever order.
_OF_RECORD = f"""
    SELECT {EVENT_COLUMNS}
    FROM (
        SELECT aviso.event_id(e.changeset, e.place, e.time) AS id, e.feed, e.type,
            e.subject, e.reader, e.data, e.time, e.traceparent,
            p.first + e.place - 1 AS sequence,
            sum(octet_length(data)) OVER (ORDER BY e.changeset DESC, e.place DESC)
                - octet_length(data) AS bytes_before
        FROM (
            SELECT * FROM aviso.events
            WHERE (start, feed) >= (left(%(subject)s, 600), %(feed)s::text)
                AND (start, feed, changeset, place)
                    < (left(%(subject)s, 600), %(feed)s::text, %(changeset)s, %(place)s)
                AND CASE WHEN subject = %(subject)s THEN true END
                AND coalesce((
                    SELECT true FROM aviso.places AS p
                    WHERE p.changeset = events.changeset), false)
            ORDER BY start DESC, feed DESC, changeset DESC, place DESC
            LIMIT %(limit)s
        ) AS e JOIN aviso.places AS p USING (changeset)
    ) AS run
    WHERE sequence <= %(newest)s AND bytes_before < {PAGE_BYTES}
    ORDER BY sequence
"""
# Before every event that there will be.
_NEWEST = (2**63 - 1, 0)


def find_oldest(feed: str) -> int:
    """Return the sequence of the oldest event that is kept; head + 1 if none is."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pruned + 1 FROM aviso.feed_progress WHERE feed = %s", [feed]
        )
        return int(cursor.fetchone()[0])


def list_events(feed: str, *, after: int, head: int, limit: int) -> list[EventRow]:
    """Return at most `limit` events after a sequence, up to `head`, in order."""
    with connection.cursor() as cursor:
        cursor.execute(_AFTER, [feed, after, limit, head])
        return [EventRow(*row) for row in cursor.fetchall()]


def list_record_events(
    feed: str, subject: str, *, before: int, head: int, limit: int
) -> list[EventRow]:
    """Return a record's newest events below the sequence `before`, in order.

    At most `limit`, and fewer when they get large. `before` is one of the record's own
    events, or beyond the head.
    """
    changeset, place = _NEWEST if before > head else _place_of(feed, before)
    with connection.cursor() as cursor:
        cursor.execute(
            _OF_RECORD,
            {
                "feed": feed,
                "subject": subject,
                "changeset": changeset,
                "place": place,
                "newest": min(head, before - 1),
                "limit": limit,
            },
        )
        return [EventRow(*row) for row in cursor.fetchall()]


def _place_of(feed: str, sequence: int) -> tuple[int, int]:
    """Return where the log has it; before everything where it was pruned."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT changeset, %s - first + 1 FROM aviso.places"
            " WHERE feed = %s AND first <= %s ORDER BY first DESC LIMIT 1",
            [sequence, feed, sequence],
        )
        found = cursor.fetchone()
    return (0, 0) if found is None else (found[0], found[1])
