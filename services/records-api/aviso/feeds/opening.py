"""A feed that a table's rows name, before the first row does."""

from __future__ import annotations

import re

from django.db import connection, transaction

from aviso.feeds.models import Feed

# What may stand between: with a placeholder, and with that name.
_TABLES = """
    SELECT id, prefix, suffix FROM aviso.tracked_tables
    WHERE placeholder IS NOT NULL AND starts_with(%s, prefix)
        AND right(%s, length(suffix)) = suffix
        AND length(prefix) + length(suffix) <= length(%s)
"""
_IS_NAME = "SELECT aviso.feed_name(%s, %s, %s) = %s"
_OPEN = "SELECT aviso.open_feed(%s, %s, %s)"
_MAKE = "SELECT count(*) FROM aviso.take_notes()"


def require_feed(feed: str) -> None:
    """Return if the feed is there, or is a value's of a tracked table: then it is made.

    So somebody may be let into `orders-7` before there is an order of 7.
    Raises Feed.DoesNotExist, also where the table has as many feeds as it may.
    """
    if Feed.objects.filter(slug=feed).exists() or _make_of_value(feed):
        return
    raise Feed.DoesNotExist(
        f"there is no feed {feed!r}: manage.py create_feed makes one"
    )


def _make_of_value(feed: str) -> bool:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(_TABLES, [feed] * 3)
        for tracked, prefix, suffix in cursor.fetchall():
            value = _read_value(feed[len(prefix) : len(feed) - len(suffix)])
            cursor.execute(_IS_NAME, [prefix, value, suffix, feed])
            if not cursor.fetchone()[0]:
                continue
            cursor.execute(_OPEN, [tracked, feed, value])
            cursor.execute(_MAKE)
            return Feed.objects.filter(slug=feed).exists()
    return False


def _read_value(written: str) -> str | None:
    """Return the value that is written so, as aviso.feed_name writes it."""
    if written == "-n":
        return None
    read = re.sub(
        rb"-(-|[0-9a-f]{2})",
        lambda found: b"-" if found[1] == b"-" else bytes.fromhex(found[1].decode()),
        written.encode(),
    )
    return read.decode(errors="replace").replace("\x00", "\ufffd")
