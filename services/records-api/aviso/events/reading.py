"""Read a feed's events in order: the last tier of catching up."""

from __future__ import annotations

from django.db import connection

from aviso.events.rendering import EVENT_COLUMNS, EventRow
from aviso.rest.paging import PAGE_BYTES

_NAMES = EVENT_COLUMNS.replace("::text", "")
# Only numbered events up to the head that the answer names, so that both tell of the
# same moment; and only until the data passes the page's bytes, but always the first.
_AFTER = f"""
    SELECT {_NAMES} FROM (
        SELECT {_NAMES},
               sum(coalesce(octet_length(record_data), 0)) OVER (ORDER BY sequence)
                   - coalesce(octet_length(record_data), 0) AS bytes_before
        FROM (
            SELECT {EVENT_COLUMNS.replace("::text", "::text AS record_data")}
            FROM aviso.events WHERE feed = %s AND sequence > %s AND sequence <= %s
            ORDER BY sequence LIMIT %s
        ) AS found
    ) AS measured WHERE bytes_before < {PAGE_BYTES} ORDER BY sequence
"""


def find_oldest(feed: str) -> int | None:
    """Return the sequence of the oldest event that is kept; None if there is none."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT min(sequence) FROM aviso.events WHERE feed = %s", [feed])
        oldest: int | None = cursor.fetchone()[0]
    return oldest


def list_events(feed: str, *, after: int, head: int, limit: int) -> list[EventRow]:
    """Return at most `limit` events after a sequence, up to `head`, in order."""
    with connection.cursor() as cursor:
        cursor.execute(_AFTER, [feed, after, head, limit])
        return [EventRow(*row) for row in cursor.fetchall()]
