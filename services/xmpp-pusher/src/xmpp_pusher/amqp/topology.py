"""The names of the broker's objects, as ``contracts/topology.json`` has them.

The broker has the objects themselves from its definitions; the pusher makes none.
"""

from __future__ import annotations

from typing import Final

PARKED: Final = "record-events.parked"
REPORTS: Final = "record-events.reports"
EXCHANGES: Final = (PARKED, REPORTS)
MEMBERS: Final = "xmpp-pusher.members"


def pusher_queue(number: int) -> str:
    return f"xmpp-pusher.{number}"


def lease(number: int) -> str:
    return f"xmpp-pusher.{number}.lease"


def list_queues(count: int) -> list[str]:
    """List what has to be there for ``count`` queues."""
    numbers = range(count)
    return [*map(pusher_queue, numbers), *map(lease, numbers), MEMBERS]
