"""What a caller may do with a feed."""

from __future__ import annotations

from collections.abc import Sequence

from django.db import connection

from aviso.access.caller import Action, Caller
from aviso.feeds.reading import see_feed
from aviso.feeds.rendering import FeedRow
from aviso.problems import Forbidden, NotFound, Unauthorized, show

_SEEN = """
    SELECT slug, visibility = 'public' FROM aviso.feeds
    WHERE slug = ANY(%s) AND (visibility = 'public' OR slug = ANY(%s))
"""


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
