"""Read feeds, and what of them a caller sees."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.db import connection

from aviso.access.caller import Action, Caller
from aviso.feeds.rendering import FeedHeadRow, FeedRow
from aviso.names.slugs import SLUG_PATTERN
from aviso.rest.paging import Cursor, Page, make_page

_SELECT = """
    SELECT f.slug, f.title, f.visibility, f.schema::text, f.epoch, h.sequence,
           f.created_at,
           CASE WHEN t.id IS NOT NULL THEN json_build_object('schema', t.schema_name,
               'name', t.table_name, 'columns', t.columns, 'key', t.key)::text END,
           t.schema_name || '.' || t.table_name
    FROM aviso.feeds f JOIN aviso.feed_heads h ON h.feed = f.slug
    LEFT JOIN aviso.tracked_feeds o ON o.feed = f.slug
    LEFT JOIN aviso.tracked_tables t ON t.id = o.tracked
"""
_HEADS = """
    SELECT f.slug, f.epoch, h.sequence
    FROM aviso.feeds f JOIN aviso.feed_heads h ON h.feed = f.slug
    WHERE f.slug = ANY(%s) AND (f.visibility = 'public' OR %s OR f.slug = ANY(%s))
    ORDER BY f.slug
"""
CURSOR_PATTERN = SLUG_PATTERN
# So many of the longest slugs fit in a request line (gunicorn.conf.py).
MAX_HEADS = 100


def find_feed(slug: str) -> FeedRow | None:
    with connection.cursor() as cursor:
        cursor.execute(f"{_SELECT} WHERE f.slug = %s", [slug])
        row = cursor.fetchone()
    return row and FeedRow(*row)


def see_feed(slug: str, caller: Caller) -> FeedRow | None:
    """Return the feed if it is there for this caller.

    A private one that is not costs no more than none at all: the database decides, and
    nothing of the feed is fetched.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            f"{_SELECT} WHERE f.slug = %s AND (f.visibility = 'public' OR %s)",
            [slug, caller.sees(slug, public=False)],
        )
        row = cursor.fetchone()
    return row and FeedRow(*row)


def list_feeds(
    caller: Caller, cursor: Cursor, limit: int, sought: str = ""
) -> Page[FeedRow]:
    """Return a page of the feeds that the caller sees, by slug.

    With `sought`, those in whose slug or title each of its words begins one.
    """
    conditions = ["(f.visibility = 'public' OR %s OR f.slug = ANY(%s))"]
    values: list[Any] = _scope(caller)
    if sought:
        conditions.append("f.words @@ aviso.words_beginning(%s)")
        values.append(sought)
    if cursor.key is not None:
        conditions.append("f.slug < %s" if cursor.backward else "f.slug > %s")
        values.append(cursor.key)
    order = "DESC" if cursor.backward else "ASC"
    query = (
        f"{_SELECT} WHERE {' AND '.join(conditions)} ORDER BY f.slug {order} LIMIT %s"
    )
    with connection.cursor() as db:
        db.execute(query, [*values, limit + 1])
        rows = [FeedRow(*row) for row in db.fetchall()]
    return make_page(rows[:limit], cursor, more=len(rows) > limit)


def read_heads(slugs: Sequence[str], caller: Caller) -> list[FeedHeadRow]:
    """Return the heads of those feeds that the caller may read, by slug.

    The others are left out, hidden or missing; the database decides, as in `see_feed`.
    """
    scope = _scope(caller) if Action.READ in caller.actions else [False, []]
    with connection.cursor() as cursor:
        cursor.execute(_HEADS, [list(slugs), *scope])
        return [FeedHeadRow(*row) for row in cursor.fetchall()]


def _scope(caller: Caller) -> list[bool | Sequence[str]]:
    if not caller.actions:
        return [False, []]
    return [caller.all_feeds, sorted(caller.feeds)]
