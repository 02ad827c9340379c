"""A connection to RabbitMQ, on the caller's asyncio loop.

A session is used until its first failure and then thrown away whole.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Self

import pika  # type: ignore[import-untyped]  # pika 1.4.4 has types but no py.typed
import pika.exceptions  # type: ignore[import-untyped]
from pika.adapters.asyncio_connection import (  # type: ignore[import-untyped]
    AsyncioConnection,
)

from aviso.broker.channels import (
    ANSWER_TIMEOUT_S,
    Channel,
    Consumer,
    Delivered,
    Publisher,
    Settled,
    ignore,
)
from aviso.broker.errors import (
    BrokerError,
    BrokerUnavailableError,
    ChannelRefusedError,
    PublishingRefusedError,
    TopologyRefusedError,
)
from aviso.broker.topology import Topology, declare
from aviso.environment import SettingError

HEARTBEAT_S = 15
BLOCKED_TIMEOUT_S = 120


@dataclass(frozen=True, slots=True)
class QueueState:
    """How many messages are ready in a queue, and how many consumers it has."""

    depth: int
    consumers: int


class Session:
    """One connection to RabbitMQ. `failure` is done when it is of no more use."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._connection: Any = None
        self._opened: asyncio.Future[None] = self._loop.create_future()
        self._gone: asyncio.Future[None] = self._loop.create_future()
        self.failure: asyncio.Future[BrokerError] = self._loop.create_future()
        self.is_blocked = False
        self.on_blocked: Callable[[bool], None] = ignore

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
            await declare(channel, topology)
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
        self, queue: str, delivered: Delivered, *, prefetch: int = 0
    ) -> Consumer:
        """Consume with manual acks, at most `prefetch` unacked; 0: with none."""
        channel = await self._open_channel()
        consumer = Consumer(channel)
        await consumer.start(queue, delivered, prefetch)
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
        self.on_blocked = ignore
        if self._connection.is_closed or self._connection.is_closing:
            return
        try:
            self._connection.close()
        except pika.exceptions.AMQPError:
            return

    async def _open_channel(self) -> Channel:
        if not self._connection.is_open:
            raise BrokerUnavailableError("the connection to RabbitMQ is closed")
        return await Channel.open(self._connection)

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
