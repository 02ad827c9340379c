"""The names of the broker's objects, as contracts/topology.json has them (a test
compares). The broker has the objects themselves from its definitions."""

from __future__ import annotations

from dataclasses import dataclass

EVENTS_EXCHANGE = "record-events"
PARKED_QUEUE = "record-events.parked"
REPORTS_QUEUE = "record-events.reports"
SOURCE_EXCHANGE = SOURCE_QUEUE = "record-events.source"


@dataclass(frozen=True, slots=True)
class Topology:
    """What has to be there before anything is sent."""

    exchanges: tuple[str, ...]
    queues: tuple[str, ...]


def pusher_queues(count: int) -> tuple[str, ...]:
    return tuple(f"xmpp-pusher.{n}" for n in range(count))


def relay_topology(queues: int) -> Topology:
    """List what the relay works with, for AVISO_QUEUES queues of the pusher's."""
    return Topology(
        exchanges=(EVENTS_EXCHANGE, SOURCE_EXCHANGE),
        queues=(*pusher_queues(queues), PARKED_QUEUE, REPORTS_QUEUE, SOURCE_QUEUE),
    )
