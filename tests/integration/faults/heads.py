"""How far a room's archive is, read from ejabberd's own database.

It is what everybody else is held against, so nobody else is asked for it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, LiteralString

import psycopg

from ..running import Stack
from ..waiting import until


def ejabberd_rows(
    stack: Stack, query: LiteralString, values: Sequence[object]
) -> list[tuple[Any, ...]]:
    """Ask ejabberd's database."""
    with psycopg.connect(stack.ejabberd_database_url) as connection:
        cursor = connection.execute(query, values)
        return cursor.fetchall() if cursor.description else []


def archived_head(stack: Stack, feed: str) -> int:
    """The last sequence in the room's archive; 0 while that has no batch."""
    settings = stack.settings
    room = f"{feed}@{settings.rooms_domain}"
    query: LiteralString = "SELECT last FROM feed_head(%s, %s)"
    [(last,)] = ejabberd_rows(stack, query, [settings.domain, room])
    return last or 0


def delete_newest(stack: Stack, feed: str, kept: float) -> None:
    """Delete the newest batches of a room, all but this share.

    Under the room's own lock: else a batch that is just being archived would stay, and
    with it the archive's end.
    """
    room = f"{feed}@{stack.settings.rooms_domain}"
    with psycopg.connect(stack.ejabberd_database_url) as connection:
        connection.execute(
            "SELECT pg_advisory_xact_lock(hashtextextended(%s || ' ' || %s, 5270811))",
            [stack.settings.domain, room],
        )
        connection.execute(
            "DELETE FROM archive WHERE username = %s AND timestamp >="
            " (SELECT percentile_disc(%s) WITHIN GROUP (ORDER BY timestamp)"
            " FROM archive WHERE username = %s)",
            [room, kept, room],
        )


def wait_until_beyond(
    sequence: int, stack: Stack, feed: str, timeout_s: float = 90
) -> None:
    """Wait until the room's archive is further than this."""
    until(
        lambda: archived_head(stack, feed) > sequence,
        f"the archive of {feed} to pass {sequence}",
        timeout_s,
    )
