"""A message as the broker handed it out, and which of them are still to be acked.

A delivery tag means something only on the channel that it came over: after a
reconnect the same number is another message.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from .events import Cause


@dataclass(frozen=True, slots=True, eq=False)
class Delivery:
    """``channel`` counts the channels since the start; ``tag`` is void beyond it."""

    queue: str
    channel: int
    tag: int
    body: bytes
    feed_header: str | None = None
    message_id: str | None = None
    content_type: str | None = None
    routing_key: str = ""
    headers: Mapping[str, object] = field(default_factory=dict)


class Consumer(Protocol):
    """What the rest of the pusher needs of the queues."""

    def ack(self, deliveries: Iterable[Delivery]) -> None:
        """Tell the broker that these are done; void ones are passed over."""


class Publisher(Protocol):
    """What the rest of the pusher has published.

    Each call waits for the broker's confirm, for minutes if the broker is full, and
    raises NotConfirmed; the message may or may not be there then.
    """

    async def park(self, delivery: Delivery, cause: Cause, detail: str) -> None:
        """Publish the message as it came to the parked ones."""

    async def send_back(self, delivery: Delivery) -> None:
        """Publish the message to the tail of its queue."""

    async def ask(self, feed: str, epoch: str, first: int, last: int) -> None:
        """Ask the relay to publish these events again (contracts/topology.json)."""


class Tags:
    """The tags of one channel that were delivered and not acked, in order."""

    def __init__(self) -> None:
        self._open: dict[int, None] = {}

    def __len__(self) -> int:
        return len(self._open)

    def deliver(self, tag: int) -> None:
        self._open[tag] = None

    def settle(self, tags: Iterable[int]) -> list[tuple[int, bool]]:
        """Return the acks to send, as (tag, multiple).

        One frame does for all that stand at the front together; "multiple" never
        covers a tag that is not settled. Tags that are not open are passed over.
        """
        done = {tag for tag in tags if tag in self._open}
        front = 0
        for tag in list(self._open):
            if tag not in done:
                break
            front = tag
            del self._open[tag]
        rest = sorted(tag for tag in done if tag > front)
        for tag in rest:
            del self._open[tag]
        return [(front, True)] * (front > 0) + [(tag, False) for tag in rest]
