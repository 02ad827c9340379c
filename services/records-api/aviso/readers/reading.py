"""Read who may read a feed, and what somebody may read."""

from __future__ import annotations

from typing import Any

from django.db import connection

from aviso.access.grants import GRANTED
from aviso.readers.rendering import ReaderRow
from aviso.rest.paging import Cursor, Page, make_page

COLUMNS = (
    f"id, feed, reader, {GRANTED}, granted_at, expires_at,"
    " coalesce(revoked_at, CASE WHEN expires_at <= clock_timestamp() THEN expires_at"
    " END)"
)
CURSOR_PATTERN = r"[0-9]{1,18}"


def find_reader_row(feed: str, reader: str) -> ReaderRow | None:
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT {COLUMNS} FROM aviso.readers WHERE feed = %s AND reader = %s",
            [feed, reader],
        )
        row = cursor.fetchone()
    return row and ReaderRow(*row)


def list_readers(
    feed: str, granted: bool | None, cursor: Cursor, limit: int
) -> Page[ReaderRow]:
    """Return a page of those who were let in or put out, in the order they came."""
    conditions: list[str] = ["feed = %s"]
    values: list[Any] = [feed]
    if granted is not None:
        conditions.append(GRANTED if granted else f"NOT {GRANTED}")
    if cursor.key is not None:
        conditions.append("id < %s" if cursor.backward else "id > %s")
        values.append(int(cursor.key))
    order = "DESC" if cursor.backward else "ASC"
    query = (
        f"SELECT {COLUMNS} FROM aviso.readers WHERE {' AND '.join(conditions)}"
        f" ORDER BY id {order} LIMIT %s"
    )
    with connection.cursor() as db:
        db.execute(query, [*values, limit + 1])
        rows = [ReaderRow(*row) for row in db.fetchall()]
    return make_page(rows[:limit], cursor, more=len(rows) > limit)
