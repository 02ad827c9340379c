"""Read records: one, or a page of a feed's."""

from __future__ import annotations

import uuid

from django.db import connection

from aviso.records.filters import Conditions, Filters
from aviso.records.rendering import RECORD_COLUMNS, RecordRow
from aviso.records.searching import Part, choose_part, count_looked_at
from aviso.rest.paging import PAGE_BYTES, Cursor, Page, make_page

CURSOR_PATTERN = r"[0-9]{1,18}"
# The rows that are fetched at first; how many more is told by their size.
_FIRST_ROWS = 101
# What a row's own columns take, about.
_ROW_BYTES = 256


def find_record(feed: str, record_id: uuid.UUID) -> RecordRow | None:
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT {RECORD_COLUMNS} FROM aviso.records WHERE id = %s AND feed = %s",
            [record_id, feed],
        )
        row = cursor.fetchone()
    return row and RecordRow(*row)


def list_records(
    feed: str, filters: Filters, cursor: Cursor, limit: int, *, search_rows: int
) -> Page[RecordRow]:
    """Return a page of the feed's records that pass the filters, newest first.

    With filters at most about `search_rows` records are looked at; a page that ends
    there says so.
    """
    part = choose_part(feed, filters, cursor, search_rows)
    rows: list[RecordRow] = []
    size = 0
    wanted = _FIRST_ROWS
    while True:
        wanted = min(wanted, limit + 1 - len(rows))
        fetched = _fetch(part, cursor, rows[-1].number if rows else None, wanted)
        for row in fetched:
            if len(rows) == limit or (rows and size >= PAGE_BYTES):
                looked_at = count_looked_at(part, cursor, rows[-1].number)
                return make_page(rows, cursor, more=True, looked_at=looked_at)
            rows.append(row)
            size += len(row.data_text.encode()) + _ROW_BYTES
        if len(fetched) < wanted:
            more = part.stops_at is not None
            return make_page(
                rows,
                cursor,
                more=more,
                stopped_at=part.stops_at,
                looked_at=count_looked_at(part, cursor, None),
            )
        wanted = 1 + max(0, PAGE_BYTES - size) * len(rows) // size


def _fetch(
    part: Part, cursor: Cursor, last: int | None, wanted: int
) -> list[RecordRow]:
    """Return the next rows of the part, along the cursor's direction."""
    beyond, order = (">", "ASC") if cursor.backward else ("<", "DESC")
    conditions = part.conditions
    if last is not None:
        conditions = conditions + Conditions([f"number {beyond} %s"], [last])
    # Looked up by time, in a query of its own: sorted by number, PostgreSQL would
    # rather read the feed from its end.
    source = "aviso.records"
    if part.by_time:
        source = f"(SELECT * FROM aviso.records WHERE {part.by_time} OFFSET 0) AS found"
    with connection.cursor() as db:
        db.execute(
            f"SELECT {RECORD_COLUMNS} FROM {source} WHERE {conditions}"
            f" ORDER BY number {order} LIMIT {wanted}",
            [*part.by_time.values, *conditions.values],
        )
        return [RecordRow(*row) for row in db.fetchall()]
