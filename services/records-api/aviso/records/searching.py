"""Which part of a feed a page with filters looks through.

A filter that nothing passes would read the whole feed, however large, for an empty
answer. So a page looks through a part: the records of a span of time, if these are few,
else so many from the cursor on; whoever wants more follows the page's link.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from django.db import connection

from aviso.records.filters import Conditions, Filters
from aviso.rest.paging import Cursor

# Records that one page looks through: some hundredths of a second for a stranger's.
STRANGERS_SEARCH_ROWS = 10_000
SEARCH_ROWS = 100_000


@dataclass(frozen=True, slots=True)
class Part:
    """`stops_at`: the number of the last record in it, when there are more beyond.

    `looked_through`: what is looked at, found or not; nothing of it without filters.
    """

    conditions: Conditions
    looked_through: Conditions = field(default_factory=Conditions)
    by_time: Conditions = field(default_factory=Conditions)
    stops_at: str | None = None


def choose_part(feed: str, filters: Filters, cursor: Cursor, rows: int) -> Part:
    in_feed = Conditions(["feed = %s"], [feed])
    wanted = in_feed
    if cursor.key is not None:
        side = "number > %s" if cursor.backward else "number < %s"
        wanted = wanted + Conditions([side], [int(cursor.key)])
    if not filters:
        return Part(wanted)
    if filters.times and _is_few(in_feed + filters.times, rows):
        return Part(
            wanted + filters.data,
            looked_through=wanted + filters.times,
            by_time=in_feed + filters.times,
        )
    everything = wanted + filters.times + filters.data
    stops_at = _find_end(wanted, cursor, rows)
    if stops_at is None:
        return Part(everything, looked_through=wanted)
    side = "number <= %s" if cursor.backward else "number >= %s"
    end = Conditions([side], [stops_at])
    return Part(everything + end, looked_through=wanted + end, stops_at=str(stops_at))


def count_looked_at(part: Part, cursor: Cursor, last: int | None) -> int | None:
    """Count what was looked at for a page, down to its `last` record if it has more.

    At most as many as a part has; None without filters.
    """
    conditions = part.looked_through
    if not conditions:
        return None
    if last is not None:
        side = "number <= %s" if cursor.backward else "number >= %s"
        conditions = conditions + Conditions([side], [last])
    with connection.cursor() as db:
        db.execute(
            f"SELECT count(*) FROM aviso.records WHERE {conditions}", conditions.values
        )
        (count,) = db.fetchone()
    return int(count)


def _is_few(conditions: Conditions, rows: int) -> bool:
    with connection.cursor() as db:
        db.execute(
            "SELECT count(*) FROM (SELECT 1 FROM aviso.records"
            f" WHERE {conditions} ORDER BY feed, created_at LIMIT {rows + 1}) AS found",
            conditions.values,
        )
        (count,) = db.fetchone()
    return bool(count <= rows)


def _find_end(conditions: Conditions, cursor: Cursor, rows: int) -> int | None:
    """Return the number of the last of so many records; None if none is beyond."""
    order = "ASC" if cursor.backward else "DESC"
    with connection.cursor() as db:
        db.execute(
            f"SELECT number FROM aviso.records WHERE {conditions}"
            f" ORDER BY number {order} OFFSET {rows - 1} LIMIT 2",
            conditions.values,
        )
        found = db.fetchall()
    return found[0][0] if len(found) == 2 else None
