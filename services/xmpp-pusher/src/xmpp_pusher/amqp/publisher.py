"""What the pusher publishes: parked messages, and its reports to the relay.

Over a connection of its own. A broker that is short of memory or disk stops reading
from whoever publishes; on the consumer's connection that would hold up the acks too,
and with them the emptying of the queues that it waits for.
"""

from __future__ import annotations

import json

from ..contract import Cause
from ..errors import NotConfirmed
from ..messages import Delivery
from ..reports import Report
from . import topology
from .connection import Connection, Link, Outlet


class Publisher:
    """A ``ports.Publisher``, while its ``connection`` runs."""

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
            type=delivery.type,
            content_encoding=delivery.content_encoding,
        )

    async def report(self, reports: list[Report]) -> None:
        body = json.dumps({"reports": reports}, separators=(",", ":"))
        await self._reachable().publish(
            topology.REPORTS,
            "",
            body.encode("ascii"),
            content_type="application/json",
            headers={},
            is_persistent=False,
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
