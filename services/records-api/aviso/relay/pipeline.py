"""What stands where between the records and the pusher's queues, at this moment."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import datetime

from django.db import connection

from aviso.relay.broker import QueueState, Session
from aviso.relay.configuration import Configuration
from aviso.relay.errors import BrokerError
from aviso.relay.measures import MEASURE, Depth
from aviso.relay.models import ParkedEvent
from aviso.relay.topology import PARKED_QUEUE, pusher_queues

# Newest rows first, over the primary key: there is no index on published_at.
_LAST_PUBLISHED = """
SELECT published_at, feed, sequence FROM aviso.events
WHERE published_at IS NOT NULL ORDER BY number DESC LIMIT 1
"""


@dataclass(frozen=True, slots=True)
class LastPublished:
    """The newest event that the broker has confirmed."""

    time: datetime
    feed: str
    sequence: int


@dataclass(frozen=True, slots=True)
class Pipeline:
    """`queues` is None when the broker can't be asked, and `broker` says why; a queue
    that does not exist is None in it."""

    outbox: Depth
    last_published: LastPublished | None
    parked: int
    broker: str
    queues: dict[str, QueueState | None] | None


def look_at_pipeline(configuration: Configuration) -> Pipeline:
    """Ask the database and the broker; without the broker the rest is told still."""
    with connection.cursor() as cursor:
        cursor.execute(MEASURE)
        depth = Depth(*cursor.fetchone())
        cursor.execute(_LAST_PUBLISHED)
        last = cursor.fetchone()
    parked = ParkedEvent.objects.filter(state=ParkedEvent.State.PARKED).count()
    queues: dict[str, QueueState | None] | None = None
    broker = "reachable"
    try:
        queues = asyncio.run(_look_at_queues(configuration))
    except BrokerError as exc:
        broker = f"unreachable: {exc}"
    return Pipeline(
        outbox=depth,
        last_published=LastPublished(*last) if last else None,
        parked=parked,
        broker=broker,
        queues=queues,
    )


async def _look_at_queues(
    configuration: Configuration,
) -> dict[str, QueueState | None]:
    session = await Session.open(configuration.amqp_url, name="aviso pipeline")
    try:
        names = (*pusher_queues(configuration.queues), PARKED_QUEUE)
        return {name: await session.inspect(name) for name in names}
    finally:
        await session.close()
