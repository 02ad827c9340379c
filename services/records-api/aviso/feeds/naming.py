"""The names of feeds that are made of a value: `orders-{tenant}`."""

from __future__ import annotations

import re
from typing import Any

from django.db import connection

_NAME = re.compile(r"([a-z0-9-]*)\{[^{}]+\}([a-z0-9-]*)")
# By the function that the triggers call: there is one way to write a value.
_WRITE = "SELECT aviso.feed_name(%s, (%s)::text, %s)"


def feed_name(name: str, value: Any) -> str:
    """Return the feed in which a tracked table's rows with this value are told.

    `name` is what the table was tracked with, `orders-{tenant}`; `value` is what the
    column has, None for NULL. The feed need not be there yet.
    Raises ValueError for a name without a `{column}`; one query.
    """
    parts = _NAME.fullmatch(name)
    if parts is None:
        raise ValueError(f"{name!r} is made of no value, expected one {{column}} in it")
    with connection.cursor() as cursor:
        cursor.execute(_WRITE, [parts[1], value, parts[2]])
        [(feed,)] = cursor.fetchall()
    return str(feed)
