"""Channels of a session with RabbitMQ: one that publishes, ones that consume.

What pika raises or reports stops here and goes on as one of broker.errors. A delivery
tag or a confirm of an older channel must never be taken for one of a newer (pika 1.4.4
does not tell them apart), so tags never leave the channel that they belong to.
"""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

import pika  # type: ignore[import-untyped]  # pika 1.4.4 has types but no py.typed
import pika.exceptions  # type: ignore[import-untyped]

from aviso.broker.errors import (
    BrokerError,
    BrokerUnavailableError,
    ChannelRefusedError,
)
from aviso.broker.messages import Delivery, Outcome, Publication

ANSWER_TIMEOUT_S = 10
_PERSISTENT = 2

Settled = Callable[[object, Outcome], None]
Delivered = Callable[["Consumer", Delivery], None]


class Channel:
    """One pika channel, with its callbacks turned into awaitables."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self.closed: asyncio.Future[BrokerError] = self._loop.create_future()
        self.pika: Any = None

    @classmethod
    async def open(cls, connection: Any) -> Channel:
        channel = cls()
        opened = channel._loop.create_future()
        channel.pika = connection.channel(
            on_open_callback=lambda _: channel._answer(opened, None)
        )
        channel.pika.add_on_close_callback(channel._on_closed)
        await channel._wait(opened)
        return channel

    async def call(self, method: str, **arguments: Any) -> Any:
        """Call a pika method that takes a `callback`, and wait for its answer."""
        answer = self._loop.create_future()
        try:
            getattr(self.pika, method)(
                **arguments, callback=lambda frame: self._answer(answer, frame)
            )
        except pika.exceptions.AMQPError as exc:
            raise BrokerUnavailableError(f"{method}: {exc!r}") from exc
        return await self._wait(answer)

    def close(self) -> None:
        if self.pika.is_open:
            self.pika.close()

    async def _wait(self, answer: asyncio.Future[Any]) -> Any:
        await asyncio.wait(
            {answer, self.closed},
            timeout=ANSWER_TIMEOUT_S,
            return_when=asyncio.FIRST_COMPLETED,
        )
        if answer.done():
            return answer.result()
        if self.closed.done():
            raise self.closed.result()
        raise BrokerUnavailableError("RabbitMQ did not answer in time")

    def _answer(self, future: asyncio.Future[Any], value: object) -> None:
        if not future.done():
            future.set_result(value)

    def _on_closed(self, _: Any, reason: Exception) -> None:
        if self.closed.done():
            return
        if isinstance(reason, pika.exceptions.ChannelClosed):
            error: BrokerError = ChannelRefusedError(
                reason.reply_code, reason.reply_text
            )
        else:
            error = BrokerUnavailableError(f"the channel is gone: {reason!r}")
        self.closed.set_result(error)


class Publisher:
    """A channel with publisher confirms; tags never leave it."""

    def __init__(self, channel: Channel, settled: Settled) -> None:
        self._channel = channel
        self._settled = settled
        self._unsettled: OrderedDict[int, Publication] = OrderedDict()
        self._returned: set[int] = set()
        self._last_tag = 0

    async def start(self) -> None:
        self._channel.pika.add_on_return_callback(self._on_return)
        await self._channel.call("confirm_delivery", ack_nack_callback=self._on_answer)

    def publish(self, publication: Publication) -> None:
        """Hand a message to the broker: persistent, mandatory.

        Raises BrokerUnavailableError if the channel is closed: nothing was sent then.
        """
        try:
            self._channel.pika.basic_publish(
                exchange=publication.exchange,
                routing_key=publication.routing_key,
                body=publication.body,
                properties=pika.BasicProperties(
                    content_type=publication.content_type,
                    content_encoding=publication.content_encoding,
                    type=publication.type,
                    delivery_mode=_PERSISTENT,
                    message_id=publication.message_id,
                    headers=publication.headers,
                ),
                mandatory=True,
            )
        except pika.exceptions.AMQPError as exc:
            raise BrokerUnavailableError(f"publishing failed: {exc!r}") from exc
        self._last_tag += 1
        self._unsettled[self._last_tag] = publication

    def mute(self) -> None:
        """Report no more outcomes: whoever waited for them has given up on them."""
        self._settled = ignore

    def _on_answer(self, frame: Any) -> None:
        tag = frame.method.delivery_tag
        is_ack = frame.method.NAME == "Basic.Ack"
        for settled in self._covered(tag, multiple=frame.method.multiple):
            self._settle(settled, is_ack=is_ack)

    def _covered(self, tag: int, *, multiple: bool) -> list[int]:
        if not multiple:
            return [tag] if tag in self._unsettled else []
        tags = []
        for unsettled in self._unsettled:
            if tag and unsettled > tag:
                break
            tags.append(unsettled)
        return tags

    def _settle(self, tag: int, *, is_ack: bool) -> None:
        publication = self._unsettled.pop(tag)
        outcome = Outcome.CONFIRMED if is_ack else Outcome.NACKED
        if tag in self._returned:
            self._returned.discard(tag)
            outcome = Outcome.RETURNED
        self._settled(publication.token, outcome)

    def _on_return(self, _: Any, method: Any, properties: Any, body: bytes) -> None:
        # basic.return carries no tag. It comes before the message's ack, so the
        # first equal message that is not known as returned yet is the one.
        for tag, publication in self._unsettled.items():
            if (
                tag not in self._returned
                and publication.message_id == properties.message_id
                and publication.routing_key == method.routing_key
                and publication.body == body
            ):
                self._returned.add(tag)
                return


class Consumer:
    """A channel that consumes one queue; acks of a closed channel go nowhere."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel

    async def start(self, queue: str, delivered: Delivered, prefetch: int) -> None:
        """Consume; with a `prefetch` of 0 each counts as acked when it is sent here."""

        def on_message(_: Any, method: Any, properties: Any, body: bytes) -> None:
            delivered(self, _read_delivery(method, properties, body))

        # The queue was deleted under the consumer: begin anew, with the topology.
        self._channel.pika.add_on_cancel_callback(lambda _: self._channel.close())
        arguments = {}
        if prefetch:
            await self._channel.call("basic_qos", prefetch_count=prefetch)
        else:
            # A consumer that stands still and still has its connection takes no more
            # than it has: the newest one comes first.
            arguments["x-priority"] = int(time.time())
        await self._channel.call(
            "basic_consume",
            queue=queue,
            on_message_callback=on_message,
            auto_ack=not prefetch,
            arguments=arguments,
        )

    def ack(self, tag: int) -> None:
        """Ack one delivery; without effect if the channel is closed."""
        if self._channel.pika.is_open:
            self._channel.pika.basic_ack(tag)


def _read_delivery(method: Any, properties: Any, body: bytes) -> Delivery:
    return Delivery(
        tag=method.delivery_tag,
        redelivered=method.redelivered,
        routing_key=method.routing_key,
        message_id=properties.message_id,
        content_type=properties.content_type,
        headers=properties.headers or {},
        body=body,
        type=properties.type,
        content_encoding=properties.content_encoding,
    )


def ignore(*_: object) -> None:
    """Take the place of a callback that nobody wants to hear any more."""
