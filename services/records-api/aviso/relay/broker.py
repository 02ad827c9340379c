"""The edge to RabbitMQ: the one file that imports pika.

Everything runs on the caller's asyncio loop. What pika raises or reports stops
here and goes on as one of relay.errors. A session is used until its first failure
and then thrown away whole: a delivery tag or a confirm of an older channel must
never be taken for one of a newer (pika 1.4.4 does not tell them apart).
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Self

import pika  # type: ignore[import-untyped]  # pika 1.4.4 has types but no py.typed
import pika.exceptions  # type: ignore[import-untyped]
from pika.adapters.asyncio_connection import (  # type: ignore[import-untyped]
    AsyncioConnection,
)

from aviso.environment import SettingError
from aviso.relay.errors import (
    BrokerError,
    BrokerUnavailableError,
    ChannelRefusedError,
    PublishingRefusedError,
    TopologyRefusedError,
)
from aviso.relay.topology import Topology

HEARTBEAT_S = 15
BLOCKED_TIMEOUT_S = 120
ANSWER_TIMEOUT_S = 10
_PERSISTENT = 2


class Outcome(Enum):
    """What the broker said of one publication."""

    CONFIRMED = "confirmed"
    NACKED = "nacked"
    RETURNED = "returned"


@dataclass(frozen=True, slots=True, eq=False)
class Publication:
    """One message to publish; `token` comes back with its outcome, untouched."""

    exchange: str
    routing_key: str
    body: bytes
    message_id: str | None
    content_type: str | None
    headers: dict[str, Any]
    token: object = None


@dataclass(frozen=True, slots=True)
class Delivery:
    """One message that the broker delivered, to be acked by its tag."""

    tag: int
    redelivered: bool
    routing_key: str
    message_id: str | None
    content_type: str | None
    headers: dict[str, Any]
    body: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class QueueState:
    """How many messages are ready in a queue, and how many consumers it has."""

    depth: int
    consumers: int


Settled = Callable[[object, Outcome], None]
Delivered = Callable[["Consumer", Delivery], None]


class Session:
    """One connection to RabbitMQ. `failure` is done when it is of no more use."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._connection: Any = None
        self._opened: asyncio.Future[None] = self._loop.create_future()
        self._gone: asyncio.Future[None] = self._loop.create_future()
        self.failure: asyncio.Future[BrokerError] = self._loop.create_future()
        self.is_blocked = False
        self.on_blocked: Callable[[bool], None] = _ignore

    @classmethod
    async def open(cls, url: str, *, name: str) -> Self:
        """Connect; `name` is what the broker's management shows.

        Raises BrokerUnavailableError; nothing stays open then.
        """
        session = cls()
        session._connection = AsyncioConnection(
            parameters=_build_parameters(url, name),
            on_open_callback=session._on_open,
            on_open_error_callback=session._on_closed,
            on_close_callback=session._on_closed,
            custom_ioloop=session._loop,
        )
        try:
            await asyncio.wait(
                (session._opened, session.failure),
                timeout=ANSWER_TIMEOUT_S,
                return_when=asyncio.FIRST_COMPLETED,
            )
            if session.failure.done():
                raise session.failure.result()
            if not session._opened.done():
                raise BrokerUnavailableError("RabbitMQ did not answer in time")
        except BaseException:
            session._abandon()
            raise
        return session

    async def declare(self, topology: Topology) -> None:
        """Declare exchanges, queues and bindings; what is there already stays.

        Raises TopologyRefusedError when something exists with other arguments.
        """
        channel = await self._open_channel()
        try:
            await _declare(channel, topology)
            channel.close()
        except ChannelRefusedError as exc:
            raise TopologyRefusedError(str(exc)) from exc

    async def inspect(self, queue: str) -> QueueState | None:
        """Read a queue's depth and consumers without making it; None if missing."""
        channel = await self._open_channel()
        try:
            frame = await channel.call("queue_declare", queue=queue, passive=True)
            channel.close()
        except ChannelRefusedError as exc:
            if exc.code == 404:
                return None
            raise
        return QueueState(frame.method.message_count, frame.method.consumer_count)

    async def open_publisher(self, settled: Settled) -> Publisher:
        """Open a channel with confirms; `settled(token, outcome)` once a message."""
        channel = await self._open_channel()
        publisher = Publisher(channel, settled)
        await publisher.start()
        channel.closed.add_done_callback(self._fail_with_publisher)
        return publisher

    async def consume(
        self, queue: str, *, prefetch: int, delivered: Delivered
    ) -> Consumer:
        """Consume with manual acks, at most `prefetch` unacked."""
        channel = await self._open_channel()
        consumer = Consumer(channel)
        await consumer.start(queue, prefetch, delivered)
        channel.closed.add_done_callback(self._fail_with_channel)
        return consumer

    def give_up(self, reason: str) -> None:
        """Count the session as failed, though the broker says nothing of the kind."""
        self._fail(BrokerUnavailableError(reason))

    async def close(self) -> None:
        """Close, waiting a few seconds for the broker's answer."""
        if not self._gone.done() and self._connection.is_open:
            self._connection.close()
            await asyncio.wait({self._gone}, timeout=3)
        self._abandon()

    def _abandon(self) -> None:
        self.on_blocked = _ignore
        if self._connection.is_closed or self._connection.is_closing:
            return
        try:
            self._connection.close()
        except pika.exceptions.AMQPError:
            return

    async def _open_channel(self) -> _Channel:
        if not self._connection.is_open:
            raise BrokerUnavailableError("the connection to RabbitMQ is closed")
        return await _Channel.open(self._connection)

    def _on_open(self, connection: Any) -> None:
        connection.add_on_connection_blocked_callback(
            lambda *_: self._set_blocked(blocked=True)
        )
        connection.add_on_connection_unblocked_callback(
            lambda *_: self._set_blocked(blocked=False)
        )
        if not self._opened.done():
            self._opened.set_result(None)

    def _on_closed(self, _: Any, reason: BaseException) -> None:
        if not self._gone.done():
            self._gone.set_result(None)
        self._fail(BrokerUnavailableError(f"no connection to RabbitMQ: {reason!r}"))

    def _set_blocked(self, *, blocked: bool) -> None:
        self.is_blocked = blocked
        self.on_blocked(blocked)

    def _fail_with_channel(self, closed: asyncio.Future[BrokerError]) -> None:
        self._fail(closed.result())

    def _fail_with_publisher(self, closed: asyncio.Future[BrokerError]) -> None:
        error = closed.result()
        if isinstance(error, ChannelRefusedError):
            error = PublishingRefusedError(error.code, error.text)
        self._fail(error)

    def _fail(self, error: BrokerError) -> None:
        if not self.failure.done():
            self.failure.set_result(error)


class _Channel:
    """One pika channel, with its callbacks turned into awaitables."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self.closed: asyncio.Future[BrokerError] = self._loop.create_future()
        self.pika: Any = None

    @classmethod
    async def open(cls, connection: Any) -> _Channel:
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

    def __init__(self, channel: _Channel, settled: Settled) -> None:
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
        self._settled = _ignore

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

    def __init__(self, channel: _Channel) -> None:
        self._channel = channel

    async def start(self, queue: str, prefetch: int, delivered: Delivered) -> None:
        def on_message(_: Any, method: Any, properties: Any, body: bytes) -> None:
            delivered(
                self,
                Delivery(
                    tag=method.delivery_tag,
                    redelivered=method.redelivered,
                    routing_key=method.routing_key,
                    message_id=properties.message_id,
                    content_type=properties.content_type,
                    headers=properties.headers or {},
                    body=body,
                ),
            )

        # The queue was deleted under the consumer: begin anew, with the topology.
        self._channel.pika.add_on_cancel_callback(lambda _: self._channel.close())
        await self._channel.call("basic_qos", prefetch_count=prefetch)
        await self._channel.call(
            "basic_consume", queue=queue, on_message_callback=on_message
        )

    def ack(self, tag: int) -> None:
        """Ack one delivery; without effect if the channel is closed."""
        if self._channel.pika.is_open:
            self._channel.pika.basic_ack(tag)


def _ignore(*_: object) -> None:
    """Take the place of a callback that nobody wants to hear any more."""


async def _declare(channel: _Channel, topology: Topology) -> None:
    for exchange in topology.exchanges:
        await channel.call(
            "exchange_declare",
            exchange=exchange.name,
            exchange_type=exchange.type,
            durable=True,
            arguments=dict(exchange.arguments),
        )
    for queue in topology.queues:
        await channel.call(
            "queue_declare",
            queue=queue.name,
            durable=True,
            arguments=dict(queue.arguments),
        )
    for binding in topology.bindings:
        to_exchange = binding.destination_type == "exchange"
        target = "destination" if to_exchange else "queue"
        source = "source" if to_exchange else "exchange"
        await channel.call(
            "exchange_bind" if to_exchange else "queue_bind",
            **{target: binding.destination, source: binding.source},
            routing_key=binding.routing_key,
        )


def _build_parameters(url: str, name: str) -> Any:
    try:
        parameters = pika.URLParameters(url)
    except (ValueError, TypeError) as exc:
        raise SettingError(f"AVISO_AMQP_URL can't be used: {exc}") from exc
    parameters.heartbeat = HEARTBEAT_S
    parameters.blocked_connection_timeout = BLOCKED_TIMEOUT_S
    parameters.connection_attempts = 1
    parameters.socket_timeout = 5
    parameters.stack_timeout = ANSWER_TIMEOUT_S
    parameters.client_properties = {"connection_name": name}
    parameters.tcp_options = {
        "TCP_KEEPIDLE": 5,
        "TCP_KEEPINTVL": 2,
        "TCP_KEEPCNT": 3,
        "TCP_USER_TIMEOUT": 10_000,
    }
    return parameters
