"""What the pusher publishes: parked messages, what goes round, and its questions.

Over a connection of its own. A broker that is short of memory or disk stops reading
from whoever publishes; on the consumer's connection that would hold up the acks too,
and with them the emptying of the queues that it waits for.
"""

from __future__ import annotations

import json

from . import topology
from .amqp import Connection, Link, Outlet
from .deliveries import Delivery
from .errors import NotConfirmed
from .events import Cause


class Publisher:
    """A ``deliveries.Publisher``, while its ``connection`` runs."""

    def __init__(self, url: str) -> None:
        self.connection = Connection(url, "publishing", self._set_up, self._on_gone)
        self._outlet: Outlet | None = None

    async def park(self, delivery: Delivery, cause: Cause, detail: str) -> None:
        headers = dict(delivery.headers) | {
            "aviso-cause": cause,
            "aviso-detail": detail[:500],
            "aviso-parked-by": "pusher",
        }
        await self._reachable().publish(
            topology.PARKED,
            delivery.routing_key,
            delivery.body,
            content_type=delivery.content_type,
            message_id=delivery.message_id,
            headers=headers,
        )

    async def send_back(self, delivery: Delivery) -> None:
        await self._reachable().publish(
            "",
            delivery.queue,
            delivery.body,
            content_type=delivery.content_type,
            message_id=delivery.message_id,
            headers=delivery.headers,
        )

    async def ask(self, feed: str, epoch: str, first: int, last: int) -> None:
        request = {
            "feed": feed,
            "feedepoch": epoch,
            "first": str(first),
            "last": str(last),
        }
        await self._reachable().publish(
            topology.PARKED,
            "",
            json.dumps(request).encode(),
            content_type="application/json",
            headers={"aviso-request": "republish", "aviso-parked-by": "pusher"},
        )

    def _reachable(self) -> Outlet:
        if self._outlet is None:
            raise NotConfirmed("not connected to the broker")
        return self._outlet

    async def _set_up(self, link: Link) -> None:
        outlet = Outlet(link, await link.open_channel())
        await outlet.start()
        self._outlet = outlet

    def _on_gone(self) -> None:
        self._outlet = None
