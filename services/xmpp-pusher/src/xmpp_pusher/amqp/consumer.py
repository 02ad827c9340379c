"""Queues in, acks out.

On one connection a channel for each queue, so that each has its own prefetch. When
anything on it breaks, all of it is closed and made anew: every delivery so far is void
then, and the broker hands it out again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from ..messages import Delivery
from . import topology
from .connection import Channel, Connection, Link
from .tags import Tags


class Consumer:
    """A ``ports.Consumer``, while its ``connection`` runs."""

    def __init__(
        self,
        url: str,
        queues: int,
        prefetch: int,
        on_delivery: Callable[[Delivery], None],
        on_gone: Callable[[], None],
    ) -> None:
        self.connection = Connection(url, "consuming", self._set_up, self._end)
        self._queues = queues
        self._prefetch = prefetch
        self._on_delivery = on_delivery
        self._on_gone = on_gone
        self._channels = 0
        self._open: dict[int, tuple[Channel, Tags]] = {}

    @property
    def waiting(self) -> int:
        """How many messages are taken and not acked."""
        return sum(len(tags) for _, tags in self._open.values())

    def ack(self, deliveries: Iterable[Delivery]) -> None:
        by_channel: dict[int, list[int]] = {}
        for delivery in deliveries:
            by_channel.setdefault(delivery.channel, []).append(delivery.tag)
        for number, tags in by_channel.items():
            if number not in self._open:
                continue
            channel, window = self._open[number]
            for tag, multiple in window.settle(tags):
                # A channel that closed a moment ago has told us so only in part.
                if channel.is_open:
                    channel.basic_ack(tag, multiple=multiple)

    async def _set_up(self, link: Link) -> None:
        """1. declare everything, 2. start the queues."""
        await self._declare(link, await link.open_channel())
        for number in range(self._queues):
            channel = await link.open_channel()
            await link.call(channel.basic_qos, prefetch_count=self._prefetch)
            await self._consume(link, channel, topology.pusher_queue(number))

    def _end(self) -> None:
        self._open.clear()
        self._on_gone()

    async def _declare(self, link: Link, channel: Channel) -> None:
        for exchange in topology.EXCHANGES:
            await link.call(
                channel.exchange_declare,
                exchange=exchange.name,
                exchange_type=exchange.type,
                durable=True,
                arguments=exchange.arguments,
            )
        for queue in topology.list_queues(self._queues):
            await link.call(
                channel.queue_declare,
                queue=queue.name,
                durable=True,
                arguments=queue.arguments,
            )
        for binding in topology.list_bindings(self._queues):
            is_queue = binding.destination_type == "queue"
            names = (
                {"queue": binding.destination, "exchange": binding.source}
                if is_queue
                else {"destination": binding.destination, "source": binding.source}
            )
            await link.call(
                channel.queue_bind if is_queue else channel.exchange_bind,
                routing_key=binding.routing_key,
                **names,
            )

    async def _consume(self, link: Link, channel: Channel, queue: str) -> None:
        self._channels += 1
        number, tags = self._channels, Tags()
        self._open[number] = (channel, tags)

        def on_message(
            _channel: Channel, method: Any, properties: Any, body: bytes
        ) -> None:
            if number not in self._open:
                return  # the connection is being closed: this one comes again
            tags.deliver(method.delivery_tag)
            self._on_delivery(
                Delivery(
                    channel=number,
                    tag=method.delivery_tag,
                    body=body,
                    type=properties.type,
                    message_id=properties.message_id,
                    content_type=properties.content_type,
                    content_encoding=properties.content_encoding,
                    routing_key=method.routing_key,
                    headers=properties.headers or {},
                )
            )

        await link.call(
            channel.basic_consume, queue=queue, on_message_callback=on_message
        )
