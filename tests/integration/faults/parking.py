"""What was parked, wherever it is by now: in the broker's queue or in the table."""

from __future__ import annotations

from ..database import Database
from ..running import Stack
from ..waiting import until_equal
from .queues import PARKED, channel_to, count_ready


def parked_causes(stack: Stack, database: Database, feed: str) -> list[str]:
    """The causes of the feed's parked messages, oldest first, once all are listed."""
    with channel_to(stack.facts["amqp_url"]) as channel:
        until_equal(0, lambda: count_ready(channel, PARKED), f"{PARKED} to be read")
    rows = database.rows(
        "SELECT cause FROM parked_events WHERE feed = %s ORDER BY parked_at", [feed]
    )
    return [cause for (cause,) in rows]
