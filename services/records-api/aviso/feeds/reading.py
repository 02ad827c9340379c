"""Read feeds, and decide what a caller may do with one."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db import connection

from aviso.access.caller import Action, Caller
from aviso.events.rendering import format_time
from aviso.feeds.models import SLUG_PATTERN, Feed
from aviso.rest.paging import Cursor, Page, make_page
from aviso.rest.problems import Forbidden, NotFound, Unauthorized, show

_SELECT = """
    SELECT f.slug, f.title, f.visibility, f.schema::text, f.epoch, h.sequence,
           f.created_at
    FROM aviso.feeds f JOIN aviso.feed_heads h ON h.feed = f.slug
"""
_SEEN = """
    SELECT slug, visibility = 'public' FROM aviso.feeds
    WHERE slug = ANY(%s) AND (visibility = 'public' OR slug = ANY(%s))
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
# Stands behind every character of a slug in ASCII, the order of the database.
_AFTER_SLUGS = "{"


@dataclass(frozen=True, slots=True)
class FeedRow:
    slug: str
    title: str
    visibility: str
    schema_text: str | None
    epoch: str
    head: int
    created_at: datetime

    @property
    def is_public(self) -> bool:
        return self.visibility == Feed.Visibility.PUBLIC


@dataclass(frozen=True, slots=True)
class FeedHeadRow:
    slug: str
    epoch: str
    head: int


def render_head(head: FeedHeadRow) -> str:
    return f'{{"slug":"{head.slug}","epoch":"{head.epoch}","head":{head.head}}}'


def render_feed(feed: FeedRow) -> str:
    return (
        f'{{"slug":"{feed.slug}","title":{json.dumps(feed.title)},'
        f'"visibility":"{feed.visibility}","schema":{feed.schema_text or "null"},'
        f'"room":"{feed.slug}@{settings.XMPP_ROOMS_DOMAIN}","epoch":"{feed.epoch}",'
        f'"head":{feed.head},"created_at":"{format_time(feed.created_at)}"}}'
    )


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


def open_feed(slug: str, caller: Caller, action: Action | None) -> FeedRow:
    """Return the feed if the caller may do this with it; None is: know of it.

    Raises NotFound for a private feed as for none at all, Unauthorized when a key could
    help, Forbidden when this one does not.
    """
    if action is not None:
        require_key(caller, action)
    feed = see_feed(slug, caller)
    if feed is None:
        raise NotFound(f"There is no feed {show(slug)}, or it is not open to you")
    if action is not None and not caller.may(action, slug, public=feed.is_public):
        raise Forbidden(f"This {caller.shown} may not {_say(action)} {show(slug)}")
    return feed


def _say(action: Action) -> str:
    return (
        "let readers into the feed" if action is Action.GRANT else f"{action} the feed"
    )


def check_feeds(slugs: Sequence[str], caller: Caller, action: Action) -> None:
    """Raise as `open_feed` does, unless the caller may do this with each feed."""
    require_key(caller, action)
    reached = [slug for slug in slugs if caller.sees(slug, public=False)]
    with connection.cursor() as cursor:
        cursor.execute(_SEEN, [list(slugs), reached])
        public = dict(cursor.fetchall())
    for index, slug in enumerate(slugs):
        if slug not in public:
            raise NotFound(
                f"There is no feed {show(slug)}, or it is not open to you",
                pointer=f"/feeds/{index}",
            )
        if not caller.may(action, slug, public=public[slug]):
            raise Forbidden(
                f"This {caller.shown} may not {_say(action)} {show(slug)}",
                pointer=f"/feeds/{index}",
            )


def require_key(caller: Caller, action: Action) -> None:
    if action is not Action.READ and caller.is_anonymous:
        raise Unauthorized(
            f"To {action} needs a key: Authorization: Bearer <key>",
            field="Authorization",
        )


def list_feeds(
    caller: Caller, cursor: Cursor, limit: int, beginning: str = ""
) -> Page[FeedRow]:
    """Return a page of the feeds that the caller sees, by slug.

    Of those with another `beginning` of their slug nothing is read.
    """
    conditions = ["(f.visibility = 'public' OR %s OR f.slug = ANY(%s))"]
    values: list[Any] = _scope(caller)
    if beginning:
        conditions.append("f.slug >= %s AND f.slug < %s")
        values += [beginning, beginning + _AFTER_SLUGS]
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
