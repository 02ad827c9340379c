"""A channel that consumes one queue; acks of a closed channel go nowhere."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from .channel import Channel
from .messages import Delivery
from .tags import Tags

Delivered = Callable[["Consumer", Delivery], None]


class Consumer:
    """`len` of it: how many messages it has that are not acked."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel
        self._tags = Tags()

    def __len__(self) -> int:
        return len(self._tags)

    @property
    def number(self) -> int:
        """What its deliveries have in their `channel`."""
        return self._channel.number

    async def start(
        self,
        queue: str,
        delivered: Delivered,
        *,
        prefetch: int,
        is_exclusive: bool,
        arguments: Mapping[str, object],
    ) -> None:
        def on_message(_: Any, method: Any, properties: Any, body: bytes) -> None:
            if self._channel.closed.done():
                return  # it comes again, over another channel
            if prefetch:
                self._tags.deliver(method.delivery_tag)
            delivered(self, self._read(method, properties, body))

        self._channel.pika.add_on_cancel_callback(
            lambda _: self._channel.fail(f"the broker cancelled a consumer of {queue}")
        )
        if prefetch:
            await self._channel.call("basic_qos", prefetch_count=prefetch)
        await self._channel.call(
            "basic_consume",
            queue=queue,
            on_message_callback=on_message,
            auto_ack=not prefetch,
            exclusive=is_exclusive,
            arguments=dict(arguments),
        )

    def ack(self, tags: Iterable[int]) -> None:
        """Ack deliveries by their tags; without effect if the channel is closed."""
        for tag, multiple in self._tags.settle(tags):
            # A channel that closed a moment ago has told us so only in part.
            if self._channel.pika.is_open:
                self._channel.pika.basic_ack(tag, multiple=multiple)

    async def close(self) -> None:
        """End, and wait until the broker has taken back what was not acked."""
        await self._channel.close()

    def _read(self, method: Any, properties: Any, body: bytes) -> Delivery:
        return Delivery(
            channel=self._channel.number,
            tag=method.delivery_tag,
            body=body,
            type=properties.type,
            message_id=properties.message_id,
            content_type=properties.content_type,
            content_encoding=properties.content_encoding,
            routing_key=method.routing_key,
            headers=properties.headers or {},
            is_redelivered=method.redelivered,
        )
