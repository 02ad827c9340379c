"""What a caller may do with a feed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from django.db import connection
from rest_framework.request import Request

from aviso.access.caller import Action, Caller, find_caller
from aviso.access.permissions import Rule, require_key
from aviso.feeds.reading import see_feed
from aviso.feeds.rendering import FeedRow
from aviso.problems import Conflict, Forbidden, NotFound, show

if TYPE_CHECKING:  # as in aviso/access/permissions.py
    from rest_framework.views import APIView

_SEEN = """
    SELECT slug, visibility = 'public' FROM aviso.feeds
    WHERE slug = ANY(%s) AND (visibility = 'public' OR slug = ANY(%s))
"""

_OPENED = "aviso.feed"


def to_feed(action: Action | None) -> Rule:
    """Return the rule that the caller may do this with the feed in the address.

    The feed is kept for the view (`opened_feed`).
    """

    def check(request: Request, view: APIView) -> None:
        feed = open_feed(view.kwargs["feed"], find_caller(request), action)
        request.META[_OPENED] = feed

    return Rule(check, needs_key=action not in (None, Action.READ))


def opened_feed(request: Request) -> FeedRow:
    feed: FeedRow = request.META[_OPENED]
    return feed


def open_feed(slug: str, caller: Caller, action: Action | None) -> FeedRow:
    """Return the feed if the caller may do this with it; None is: know of it.

    Raises NotFound for a private feed as for none at all, Unauthorized when a key could
    help, Forbidden when this one does not, and Conflict for a write where the feed
    shows a table of somebody's own.
    """
    if action is not None:
        require_key(caller, action)
    feed = see_feed(slug, caller)
    if feed is None:
        raise NotFound(f"There is no feed {show(slug)}, or it is not open to you")
    if action is not None and not caller.may(action, slug, public=feed.is_public):
        raise Forbidden(f"This {caller.shown} may not {_say(action)} {show(slug)}")
    if action is Action.WRITE and feed.table_name is not None:
        raise Conflict(
            f"The records of {show(slug)} are the rows of the table"
            f" {show(feed.table_name)}: write there"
        )
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
