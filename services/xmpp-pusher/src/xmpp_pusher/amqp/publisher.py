"""What the pusher publishes: parked messages, and its reports to the relay.

Over a connection of its own. A broker that is short of memory or disk stops reading
from whoever publishes; on the consumer's connection that would hold up the acks too,
and with them the emptying of the queues that it waits for.
"""

from __future__ import annotations

import json

from amqp_client import publisher
from amqp_client.connection import Connection
from amqp_client.errors import NotConfirmedError
from amqp_client.messages import Delivery, Publication

from ..contract import Cause
from ..errors import NotConfirmed
from ..reports import Report
from . import topology
from .link import Link


class Publisher:
    """A ``ports.Publisher``, while its ``link`` runs."""

    def __init__(self, url: str) -> None:
        self.link = Link(url, "publishing", self._set_up, self._on_gone)
        self._publisher: publisher.Publisher | None = None

    async def park(self, delivery: Delivery, cause: Cause, detail: str) -> None:
        headers = dict(delivery.headers) | {
            "aviso-cause": cause,
            "aviso-detail": detail[:500],
            "aviso-parked-by": "pusher",
        }
        await self._publish(
            Publication(
                exchange=topology.PARKED,
                routing_key=delivery.routing_key,
                body=delivery.body,
                content_type=delivery.content_type,
                content_encoding=delivery.content_encoding,
                message_id=delivery.message_id,
                headers=headers,
                type=delivery.type,
            )
        )

    async def report(self, reports: list[Report]) -> None:
        body = json.dumps({"reports": reports}, separators=(",", ":"))
        await self._publish(
            Publication(
                exchange=topology.REPORTS,
                routing_key="",
                body=body.encode("ascii"),
                content_type="application/json",
                is_persistent=False,
            )
        )

    async def _publish(self, publication: Publication) -> None:
        if self._publisher is None:
            raise NotConfirmed("not connected to the broker")
        try:
            await self._publisher.publish_confirmed(publication)
        except NotConfirmedError as error:
            raise NotConfirmed(str(error)) from error

    async def _set_up(self, connection: Connection) -> None:
        await connection.check(exchanges=topology.EXCHANGES, queues=())
        self._publisher = await connection.open_publisher()

    def _on_gone(self) -> None:
        self._publisher = None
