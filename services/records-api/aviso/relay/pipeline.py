"""What stands where between the records and the pusher's queues, at this moment."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import datetime

from amqp_client.connection import Connection
from amqp_client.errors import BrokerError, TopologyMissingError
from amqp_client.messages import QueueState
from django.db import connection as database

from aviso.broker.topology import PARKED_QUEUE, REPORTS_QUEUE, pusher_queues
from aviso.outbox.depth import Depth, measure
from aviso.parked.models import ParkedEvent
from aviso.relay.claim import Claim, read_claim
from aviso.relay.configuration import Configuration

# Among the newest of all feeds: nothing knows when an event was archived.
_LAST_PUBLISHED = """
SELECT time, feed, sequence FROM (
    SELECT time, places.feed, first + place - 1 AS sequence
    FROM (
        SELECT changeset, place, time FROM aviso.events
        ORDER BY changeset DESC, place DESC LIMIT 10000
    ) AS newest JOIN aviso.places USING (changeset)
    ORDER BY changeset DESC, place DESC
) AS numbered
WHERE sequence <= (SELECT published FROM aviso.feed_progress
    WHERE feed_progress.feed = numbered.feed)
LIMIT 1
"""


@dataclass(frozen=True, slots=True)
class LastPublished:
    """The newest event that is archived in its room, and when it was written."""

    time: datetime
    feed: str
    sequence: int


@dataclass(frozen=True, slots=True)
class Pipeline:
    """`queues` is None when the broker can't be asked, and `broker` says why, or whose
    it is if not this database's; a queue that does not exist is None in it."""

    outbox: Depth
    last_published: LastPublished | None
    parked: int
    broker: str
    queues: dict[str, QueueState | None] | None


def look_at_pipeline(configuration: Configuration) -> Pipeline:
    """Ask the database and the broker; without the broker the rest is told still."""
    depth = measure()
    with database.cursor() as cursor:
        cursor.execute(_LAST_PUBLISHED)
        last = cursor.fetchone()
        cursor.execute("SELECT id::text FROM aviso.source")
        source = cursor.fetchone()
    parked = ParkedEvent.objects.filter(state=ParkedEvent.State.PARKED).count()
    queues: dict[str, QueueState | None] | None = None
    broker = "reachable"
    try:
        queues, claim = asyncio.run(_look_at_broker(configuration))
        if claim is not None and (source is None or claim.source.id != source[0]):
            broker = f"belongs to {claim}"
    except BrokerError as exc:
        broker = f"unreachable: {exc}"
    return Pipeline(
        outbox=depth,
        last_published=LastPublished(*last) if last else None,
        parked=parked,
        broker=broker,
        queues=queues,
    )


async def _look_at_broker(
    configuration: Configuration,
) -> tuple[dict[str, QueueState | None], Claim | None]:
    connection = await Connection.open(configuration.amqp_url, name="aviso pipeline")
    try:
        queues = await connection.inspect(
            *pusher_queues(configuration.queues), REPORTS_QUEUE, PARKED_QUEUE
        )
        try:
            return queues, await read_claim(connection)
        except TopologyMissingError:
            return queues, None
    finally:
        await connection.close()
