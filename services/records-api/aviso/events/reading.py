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
