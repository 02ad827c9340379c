"""Tracked tables, for the commands: what is asked of the functions in the database."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from django.db import Error as DatabaseError
from django.db import OperationalError, connection, transaction
from psycopg import errors

from aviso.database.failures import describe_failure

_TRACK = """
SELECT feed FROM aviso.track(%(table)s::text::regclass, feed => %(feed)s,
    columns => %(columns)s::text[], "where" => %(where)s, visibility => %(visibility)s,
    on_truncate => %(on_truncate)s, max_feeds => %(max_feeds)s)
"""
_PREVIEW = """
SELECT to_feed, subject, data FROM aviso.preview(%(table)s::text::regclass,
    feed => %(feed)s, columns => %(columns)s::text[], "where" => %(where)s,
    rows => %(rows)s)
"""
_STEP = "SELECT looked_at, told, is_done FROM aviso.backfill_step(%s, %s)"
_PAGE_ROWS = 500
# Each statement, and each wait for somebody who holds a row.
_STATEMENT_TIMEOUT_MS = 60_000
_LOCK_TIMEOUT_MS = 5_000
_TRIES = 20


class TableError(Exception):
    """What the database refused, in its words."""


@dataclass(frozen=True, slots=True)
class Wish:
    """What is to be told of which table; see `aviso.track` in docs/own-tables.md."""

    table: str
    feed: str
    columns: Sequence[str]
    where: str | None = None
    visibility: str = "private"
    on_truncate: str = "reset"
    max_feeds: int = 1_000

    @property
    def values(self) -> dict[str, Any]:
        return {
            "table": self.table,
            "feed": self.feed,
            "columns": list(self.columns),
            "where": self.where,
            "visibility": self.visibility,
            "on_truncate": self.on_truncate,
            "max_feeds": self.max_feeds,
        }


def track(wish: Wish) -> None:
    """Make a table a feed. Raises TableError, and nothing was changed then."""
    _fetch(_TRACK, wish.values)


def preview(wish: Wish, rows: int = 10) -> list[tuple[str, str | None, str]]:
    """Return feed, subject and data of what would be told. Raises TableError."""
    return [(f, s, d) for f, s, d in _fetch(_PREVIEW, {**wish.values, "rows": rows})]


def find_unasked(wish: Wish) -> list[str]:
    """Return what of the table's own borders its feed does not ask, a sentence each.

    Raises TableError.
    """
    ((sentences,),) = _fetch(
        "SELECT aviso.find_unasked(%(table)s::text::regclass, %(columns)s::text[])",
        wish.values,
    )
    return list(sentences)


def untrack(table: str) -> None:
    """Leave a table alone; its feed and its events stay. Raises TableError."""
    _fetch("SELECT aviso.untrack(%(table)s::text::regclass)", {"table": table})


def list_tracked() -> list[dict[str, Any]]:
    """Return the rows of `aviso.tracked`, the table's name as `relation`."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT * FROM aviso.tracked ORDER BY id")
        names = [column.name for column in cursor.description or ()]
        rows = [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
    return [{**row, "relation": str(row["relation"])} for row in rows]


def backfill(
    table: str,
    *,
    rate: float | None = None,
    starts_over: bool = False,
    report: Callable[[int, int], object] = lambda _looked_at, _told: None,
) -> int:
    """Tell the rows that the log does not, and return how many it were.

    It goes on where one before it was ended; `rate` is the most rows a second. `report`
    is called with what was looked at and told so far. Raises TableError, also when
    others hold a row for too long: what is told stays told.
    """
    ((tracked,),) = _fetch(
        "WITH asked AS MATERIALIZED ("
        " SELECT aviso.ask_backfill(%(table)s::text::regclass, %(again)s))"
        " SELECT id FROM asked, aviso.tracked"
        " WHERE relation = %(table)s::text::regclass",
        {"table": table, "again": starts_over},
    )
    looked_at = told = 0
    started = time.monotonic()
    is_done = False
    while not is_done:
        row = _step(tracked)
        looked_at, told, is_done = looked_at + row[0], told + row[1], row[2]
        report(looked_at, told)
        if rate and not is_done:
            time.sleep(max(0.0, started + looked_at / rate - time.monotonic()))
    return told


def _step(tracked: int) -> tuple[int, int, bool]:
    for _ in range(_TRIES):
        try:
            ((looked_at, told, is_done),) = _fetch(_STEP, [tracked, _PAGE_ROWS])
        except _HeldError:
            continue
        return looked_at, told, is_done
    raise TableError("a row is held by somebody for too long: run it again")


class _HeldError(Exception):
    pass


def _fetch(query: str, values: Any) -> list[tuple[Any, ...]]:
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(
                "SELECT set_config('statement_timeout', %s, true),"
                " set_config('lock_timeout', %s, true)",
                [str(_STATEMENT_TIMEOUT_MS), str(_LOCK_TIMEOUT_MS)],
            )
            cursor.execute(query, values)
            return list(cursor.fetchall())
    except OperationalError as exc:
        if isinstance(exc.__cause__, errors.LockNotAvailable) and query is _STEP:
            raise _HeldError from exc
        raise TableError(describe_failure(exc)) from exc
    except DatabaseError as exc:
        raise TableError(describe_failure(exc)) from exc
