"""How far a room's archive is, read from ejabberd's own database.

It is what everybody else is held against, so nobody else is asked for it.
"""

from __future__ import annotations

import psycopg

from ..running import Stack
from ..waiting import until


def archived_head(stack: Stack, feed: str) -> int:
    """The last sequence in the room's archive; 0 while that has no batch."""
    settings = stack.settings
    url = (
        f"postgresql://ejabberd:{settings.secrets['ejabberd_database']}"
        f"@127.0.0.1:{settings.ports['postgres']}/ejabberd"
    )
    room = f"{feed}@{settings.rooms_domain}"
    with psycopg.connect(url) as connection:
        row = connection.execute(
            "SELECT last FROM feed_head(%s, %s)", [settings.domain, room]
        ).fetchone()
    return (row[0] if row else None) or 0


def wait_until_beyond(
    sequence: int, stack: Stack, feed: str, timeout_s: float = 90
) -> None:
    """Wait until the room's archive is further than this."""
    until(
        lambda: archived_head(stack, feed) > sequence,
        f"the archive of {feed} to pass {sequence}",
        timeout_s,
    )
