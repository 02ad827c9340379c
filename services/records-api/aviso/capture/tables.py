"""Tracked tables, for the commands and the admin site: what the database is asked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.db import connection

from aviso.capture.limited_statements import STATEMENT_TIMEOUT_MS, ask

_TRACK = """
SELECT id FROM aviso.track(%(table)s::regclass, feed => %(feed)s,
    columns => %(columns)s::text[], "where" => %(where)s, visibility => %(visibility)s,
    on_truncate => %(on_truncate)s, max_feeds => %(max_feeds)s)
"""
_PREVIEW = """
SELECT to_feed, subject, data FROM aviso.preview(%(table)s::regclass,
    feed => %(feed)s, columns => %(columns)s::text[], "where" => %(where)s,
    rows => %(rows)s)
"""
_SURVEY = """
SELECT to_feed, rows, unavailable FROM aviso.survey(%(table)s::regclass,
    feed => %(feed)s, columns => %(columns)s::text[], "where" => %(where)s,
    look => %(look)s)
"""
_MOST_ROWS = 100_000


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


@dataclass(frozen=True, slots=True)
class FeedCount:
    feed: str
    rows: int
    unavailable: int


@dataclass(frozen=True, slots=True)
class Survey:
    """What would be told of a table's first rows.

    `feeds`: the largest first. `unmatched`: rows that the `where` leaves out.
    `nameless`: of which nobody can say the feed. `is_all`: there are no other rows.
    """

    feeds: list[FeedCount]
    unmatched: int
    nameless: int
    is_all: bool

    @property
    def rows(self) -> int:
        return sum(feed.rows for feed in self.feeds)

    @property
    def unavailable(self) -> int:
        return sum(feed.unavailable for feed in self.feeds)


def track(wish: Wish, *, timeout_ms: int = STATEMENT_TIMEOUT_MS) -> int:
    """Make a table a feed; return its id in `aviso.tracked`.

    Raises TableError, and nothing was changed then.
    """
    ((tracked,),) = ask(_TRACK, wish.values, timeout_ms=timeout_ms)
    return int(tracked)


def preview(
    wish: Wish, rows: int = 10, *, timeout_ms: int = STATEMENT_TIMEOUT_MS
) -> list[tuple[str, str | None, str]]:
    """Return feed, subject and data of what would be told. Raises TableError."""
    values = {**wish.values, "rows": rows}
    return [(f, s, d) for f, s, d in ask(_PREVIEW, values, timeout_ms=timeout_ms)]


def survey(
    wish: Wish, look: int = _MOST_ROWS, *, timeout_ms: int = STATEMENT_TIMEOUT_MS
) -> Survey:
    """Count what would be told of the first `look` rows. Raises TableError."""
    values = {**wish.values, "look": look}
    counts = [FeedCount(*row) for row in ask(_SURVEY, values, timeout_ms=timeout_ms)]
    # A name with a placeholder is that of no feed.
    is_pattern = "{" in wish.feed
    feeds, unmatched, nameless = [], 0, 0
    for count in counts:
        if count.feed is None:
            unmatched = count.rows
        elif is_pattern and count.feed == wish.feed:
            nameless = count.rows
        else:
            feeds.append(count)
    looked_at = sum(count.rows for count in counts)
    return Survey(feeds, unmatched, nameless, is_all=looked_at < look)


def find_unasked(wish: Wish, *, timeout_ms: int = STATEMENT_TIMEOUT_MS) -> list[str]:
    """Return what of the table's own borders its feed does not ask, a sentence each.

    Raises TableError.
    """
    query = "SELECT aviso.find_unasked(%(table)s::regclass, %(columns)s::text[])"
    ((sentences,),) = ask(query, wish.values, timeout_ms=timeout_ms)
    return list(sentences)


def untrack(table: str, *, timeout_ms: int = STATEMENT_TIMEOUT_MS) -> None:
    """Leave a table alone; its feed and its events stay. Raises TableError."""
    query = "SELECT aviso.untrack(%(table)s::regclass)"
    ask(query, {"table": table}, timeout_ms=timeout_ms)


def list_tracked() -> list[dict[str, Any]]:
    """Return the rows of `aviso.tracked`, the table's name as `relation`."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT * FROM aviso.tracked ORDER BY id")
        names = [column.name for column in cursor.description or ()]
        rows = [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
    return [{**row, "relation": str(row["relation"])} for row in rows]
