"""Read who may read a feed, and what somebody may read."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import connection

from aviso.events.rendering import format_time
from aviso.rest.paging import Cursor, Page, make_page

# One rule: a grant whose time is over is over, whether the relay has said so or not.
GRANTED = (
    "(revoked_at IS NULL AND (expires_at IS NULL OR expires_at > clock_timestamp()))"
)
COLUMNS = (
    f"id, feed, reader, {GRANTED}, granted_at, expires_at,"
    " coalesce(revoked_at, CASE WHEN expires_at <= clock_timestamp() THEN expires_at"
    " END)"
)
CURSOR_PATTERN = r"[0-9]{1,18}"


@dataclass(frozen=True, slots=True)
class ReaderRow:
    id: int
    feed: str
    reader: str
    is_granted: bool
    granted_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None


def render_reader(row: ReaderRow) -> str:
    return json.dumps(
        {
            "feed": row.feed,
            "reader": row.reader,
            "state": "granted" if row.is_granted else "revoked",
            "granted_at": format_time(row.granted_at),
            "expires_at": row.expires_at and format_time(row.expires_at),
            "revoked_at": row.revoked_at and format_time(row.revoked_at),
        }
    )


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


def list_granted_feeds(account: str) -> list[str]:
    """Return the feeds that an account was let into and may read now."""
    return _list_feeds(f"reader = %s AND {GRANTED}", [account])


def list_refused_feeds(holder: str, feeds: Sequence[str]) -> list[str]:
    """Return those of the feeds that a ticket's holder was put out of."""
    return _list_feeds(
        f"reader = %s AND feed = ANY(%s) AND NOT {GRANTED}", [holder, list(feeds)]
    )


def _list_feeds(condition: str, values: list[Any]) -> list[str]:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT feed FROM aviso.readers WHERE {condition}", values)
        return [feed for (feed,) in cursor.fetchall()]
