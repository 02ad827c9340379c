"""The one file with pika: queues in, acks and parked messages out.

One connection; on it a channel for each queue (so that each has its own prefetch)
and one for publishing. When anything on it breaks, all of it is closed and made
anew: every delivery so far is void then, and the broker hands it out again.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
from collections.abc import Callable, Iterable
from typing import Any, Final

import pika
from pika.adapters.asyncio_connection import AsyncioConnection
from pika.channel import Channel
from pika.exceptions import AMQPError

from . import topology
from .backoff import Backoff
from .deliveries import Delivery, Tags
from .errors import BrokerGone, NotConfirmed
from .events import Cause

log = logging.getLogger(__name__)

_HEARTBEAT_S: Final = 20
_BLOCKED_TIMEOUT_S: Final = 300
_SETUP_TIMEOUT_S: Final = 30
_CLOSE_TIMEOUT_S: Final = 2


class Consumer:
    """Keeps the connection to the broker; a ``deliveries.Broker``."""

    def __init__(
        self,
        url: str,
        queues: int,
        prefetch: int,
        on_delivery: Callable[[Delivery], None],
        on_gone: Callable[[], None],
    ) -> None:
        self._url = url
        self._queues = queues
        self._prefetch = prefetch
        self._on_delivery = on_delivery
        self._on_gone = on_gone
        self._link: _Link | None = None
        self._channels = 0
        self._open: dict[int, tuple[Channel, Tags]] = {}
        self.connections = 0

    @property
    def is_connected(self) -> bool:
        return self._link is not None

    async def run(self) -> None:
        """Stay connected until cancelled."""
        backoff = Backoff()
        is_first_failure = True
        while True:
            link = _Link(_read_parameters(self._url))
            try:
                async with asyncio.timeout(_SETUP_TIMEOUT_S):
                    await self._set_up(link)
                log.info("broker connected", extra={"outcome": "connected"})
                backoff.reset()
                is_first_failure = True
                reason = await link.wait_closed()
            except (BrokerGone, TimeoutError) as error:
                reason = str(error) or "no answer in time"
            finally:
                self._link = None
                self._open.clear()
                await link.close()
            self._on_gone()
            if is_first_failure:
                log.warning(
                    "broker gone: %s", reason, extra={"outcome": "disconnected"}
                )
                is_first_failure = False
            await asyncio.sleep(backoff.next_s())

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

    async def park(self, delivery: Delivery, cause: Cause, detail: str) -> None:
        headers = dict(delivery.headers) | {
            "aviso-cause": cause,
            "aviso-detail": detail[:500],
            "aviso-parked-by": "pusher",
        }
        await self._publish(topology.PARKED, delivery.routing_key, delivery, headers)

    async def send_back(self, delivery: Delivery) -> None:
        await self._publish("", delivery.queue, delivery, dict(delivery.headers))

    async def ask(self, feed: str, epoch: str, first: int, last: int) -> None:
        if self._link is None:
            raise BrokerGone("not connected to the broker")
        request = {
            "feed": feed,
            "feedepoch": epoch,
            "first": str(first),
            "last": str(last),
        }
        properties = pika.BasicProperties(
            content_type="application/json",
            delivery_mode=2,
            headers={"aviso-request": "republish", "aviso-parked-by": "pusher"},
        )
        body = json.dumps(request).encode()
        await self._link.publish(topology.PARKED, "", body, properties)

    async def _publish(
        self, exchange: str, key: str, delivery: Delivery, headers: dict[str, Any]
    ) -> None:
        if self._link is None:
            raise BrokerGone("not connected to the broker")
        properties = pika.BasicProperties(
            content_type=delivery.content_type,
            message_id=delivery.message_id,
            delivery_mode=2,
            headers=headers,
        )
        await self._link.publish(exchange, key, delivery.body, properties)

    async def _set_up(self, link: _Link) -> None:
        """1. connect, 2. declare everything, 3. start the queues, publisher first."""
        await link.open()
        publisher = await link.open_channel()
        await self._declare(link, publisher)
        await link.confirm(publisher)
        self._link = link
        for number in range(self._queues):
            channel = await link.open_channel()
            await link.call(channel.basic_qos, prefetch_count=self._prefetch)
            await self._consume(link, channel, topology.pusher_queue(number))
        self.connections += 1

    async def _declare(self, link: _Link, channel: Channel) -> None:
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

    async def _consume(self, link: _Link, channel: Channel, queue: str) -> None:
        self._channels += 1
        number, tags = self._channels, Tags()
        self._open[number] = (channel, tags)

        def on_message(
            _channel: Channel, method: Any, properties: Any, body: bytes
        ) -> None:
            if number not in self._open:
                return  # the connection is being closed: this one comes again
            headers = properties.headers or {}
            feed = headers.get("feed")
            tags.deliver(method.delivery_tag)
            self._on_delivery(
                Delivery(
                    queue=queue,
                    channel=number,
                    tag=method.delivery_tag,
                    body=body,
                    feed_header=feed if isinstance(feed, str) else None,
                    message_id=properties.message_id,
                    content_type=properties.content_type,
                    routing_key=method.routing_key,
                    headers=headers,
                )
            )

        await link.call(
            channel.basic_consume, queue=queue, on_message_callback=on_message
        )


class _Link:
    """One connection, with pika's callbacks as awaits.

    Whoever waits here is told BrokerGone as soon as the connection is.
    """

    def __init__(self, parameters: pika.URLParameters) -> None:
        self._parameters = parameters
        self._gone: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._connection: AsyncioConnection | None = None
        self._publisher: Channel | None = None
        self._publishing = asyncio.Lock()
        self._confirm: asyncio.Future[bool] | None = None
        self._was_returned = False
        self._published = 0

    async def open(self) -> None:
        opened = asyncio.get_running_loop().create_future()
        self._connection = AsyncioConnection(
            self._parameters,
            on_open_callback=lambda _connection: _resolve(opened, None),
            on_open_error_callback=lambda _connection, error: self._end(error),
            on_close_callback=lambda _connection, error: self._end(error),
            custom_ioloop=asyncio.get_running_loop(),
        )
        await self._wait(opened)

    async def open_channel(self) -> Channel:
        assert self._connection is not None
        opened = asyncio.get_running_loop().create_future()
        try:
            channel = self._connection.channel(
                on_open_callback=lambda channel: _resolve(opened, channel)
            )
        except AMQPError as error:
            raise BrokerGone(repr(error)) from error
        channel.add_on_close_callback(lambda _channel, reason: self._end(reason))
        channel.add_on_cancel_callback(
            lambda _frame: self._end(RuntimeError("the broker cancelled a consumer"))
        )
        await self._wait(opened)
        # pika 1.4 cancels a channel's consumers before it closes the channel. RabbitMQ
        # then gives the standby all that its prefetch allows, and takes back what we
        # hold only after that: the standby is full of events whose turn is not yet.
        # Closed with its consumers, a channel gives back first, in order.
        channel.basic_cancel = lambda consumer_tag: None  # noqa: ARG005
        return channel

    async def call(self, method: Callable[..., Any], **arguments: Any) -> None:
        answered = asyncio.get_running_loop().create_future()
        try:
            method(callback=lambda frame: _resolve(answered, frame), **arguments)
        except AMQPError as error:
            raise BrokerGone(repr(error)) from error
        await self._wait(answered)

    async def confirm(self, channel: Channel) -> None:
        self._publisher = channel
        channel.add_on_return_callback(lambda *_returned: self._on_return())
        await self.call(channel.confirm_delivery, ack_nack_callback=self._on_confirm)

    async def publish(
        self, exchange: str, key: str, body: bytes, properties: pika.BasicProperties
    ) -> None:
        """Publish one message and wait until the broker has it in a queue.

        One at a time: a returned message does not say which publish it was.
        """
        async with self._publishing:
            assert self._publisher is not None
            self._was_returned = False
            self._confirm = asyncio.get_running_loop().create_future()
            self._published += 1
            try:
                self._publisher.basic_publish(
                    exchange, key, body, properties, mandatory=True
                )
            except AMQPError as error:
                raise BrokerGone(repr(error)) from error
            is_taken = await self._wait(self._confirm)
            if not is_taken or self._was_returned:
                where = exchange or f"queue {key}"
                raise NotConfirmed(f"the broker did not take a message to {where}")

    async def wait_closed(self) -> str:
        return await asyncio.shield(self._gone)

    async def close(self) -> None:
        """Close in order, so that the last acks still reach the broker."""
        connection = self._connection
        if connection is None or connection.is_closed:
            return
        if not connection.is_closing:
            # Closing one that is still opening is an error to pika, and ends it too.
            with contextlib.suppress(AMQPError):
                connection.close()
        await asyncio.wait((self._gone,), timeout=_CLOSE_TIMEOUT_S)

    def _end(self, reason: BaseException) -> None:
        _resolve(self._gone, repr(reason))

    def _on_confirm(self, frame: Any) -> None:
        # A lower tag belongs to a publish whose caller was cancelled.
        is_current = frame.method.delivery_tag >= self._published
        if self._confirm is not None and is_current:
            _resolve(self._confirm, isinstance(frame.method, pika.spec.Basic.Ack))

    def _on_return(self) -> None:
        self._was_returned = True

    async def _wait(self, future: asyncio.Future[Any]) -> Any:
        await asyncio.wait((future, self._gone), return_when=asyncio.FIRST_COMPLETED)
        if not future.done():
            future.cancel()
            raise BrokerGone(self._gone.result())
        return future.result()


def _resolve(future: asyncio.Future[Any], value: object) -> None:
    if not future.done():
        future.set_result(value)


def _read_parameters(url: str) -> pika.URLParameters:
    parameters = pika.URLParameters(url)
    if "heartbeat=" not in url:
        parameters.heartbeat = _HEARTBEAT_S
    if "blocked_connection_timeout=" not in url:
        parameters.blocked_connection_timeout = _BLOCKED_TIMEOUT_S
    return parameters
