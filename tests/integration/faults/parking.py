"""What was parked, wherever it is by now: in the broker's queue or in the table."""

from __future__ import annotations

from typing import Any

import pika

from ..database import Database
from ..running import Stack
from ..waiting import until_equal

QUEUE = "record-events.parked"


def parked_causes(stack: Stack, database: Database, feed: str) -> list[str]:
    """The causes of the feed's parked messages, oldest first, once all are listed."""
    amqp_url = stack.facts["amqp_url"]
    until_equal(0, lambda: count_queued(amqp_url), f"{QUEUE} to be read")
    rows = database.rows(
        "SELECT cause FROM parked_events WHERE feed = %s ORDER BY parked_at", [feed]
    )
    return [cause for (cause,) in rows]


def count_queued(amqp_url: str) -> int:
    connection = pika.BlockingConnection(pika.URLParameters(amqp_url))
    try:
        answer: Any = connection.channel().queue_declare(QUEUE, passive=True)
        count: int = answer.method.message_count
    finally:
        connection.close()
    return count
