"""A connection to RabbitMQ, on the caller's asyncio loop.

It is used until its first failure and then thrown away whole.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final, Self

import pika
import pika.exceptions
from pika.adapters.asyncio_connection import AsyncioConnection

from .channel import ANSWER_TIMEOUT_S, Channel
from .consumer import Consumer, Delivered
from .errors import (
    BrokerError,
    BrokerUnavailableError,
    ChannelRefusedError,
    PublishingRefusedError,
    TopologyMissingError,
)
from .messages import QueueState
from .publisher import Publisher, Settled, ignore

_HEARTBEAT_S: Final = 20
_BLOCKED_TIMEOUT_S: Final = 300
_CLOSE_TIMEOUT_S: Final = 3.0
_NOT_FOUND: Final = 404
_NOTHING: Final[Mapping[str, object]] = {}


class _Pika(AsyncioConnection):  # type: ignore[misc]
    """Writes a message at once: by itself pika writes each of its three frames alone.

    Each of them would wake the broker.
    """

    def _output_marshaled_frames(self, marshaled_frames: Sequence[bytes]) -> None:
        super()._output_marshaled_frames([b"".join(marshaled_frames)])


class Connection:
    """One connection to RabbitMQ. `failure` is done when it is of no more use.

    `is_blocked`: the broker says that it takes nothing for now, being short of memory
    or disk; after 300 s of that the connection has failed. `on_blocked` hears of each
    change. `unblocked_at`: when it last ended, in the loop's time.
    """

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._pika: Any = None
        self._opened: asyncio.Future[None] = self._loop.create_future()
        self._gone: asyncio.Future[None] = self._loop.create_future()
        self.failure: asyncio.Future[BrokerError] = self._loop.create_future()
        self.is_blocked = False
        self.unblocked_at = 0.0
        self.on_blocked: Callable[[bool], None] = ignore

    @classmethod
    async def open(cls, url: str, *, name: str) -> Self:
        """Connect; `name` is what the broker's management shows.

        Raises BrokerUnavailableError after 10 s at the latest; nothing stays open then.
        """
        connection = cls()
        connection._pika = _Pika(
            parameters=read_parameters(url, name),
            on_open_callback=connection._on_open,
            on_open_error_callback=connection._on_closed,
            on_close_callback=connection._on_closed,
            custom_ioloop=connection._loop,
        )
        try:
            await asyncio.wait(
                (connection._opened, connection.failure),
                timeout=ANSWER_TIMEOUT_S,
                return_when=asyncio.FIRST_COMPLETED,
            )
            if connection.failure.done():
                raise connection.failure.result()
            if not connection._opened.done():
                raise BrokerUnavailableError("RabbitMQ did not answer in time")
        except BaseException:
            connection._abandon()
            raise
        return connection

    async def check(self, *, exchanges: Iterable[str], queues: Iterable[str]) -> None:
        """See whether what is named is there; nothing is made.

        Raises TopologyMissingError for the first that is not. What is bound to what,
        and with which arguments, the broker tells nobody.
        """
        channel = await self._open_channel()
        try:
            for name in exchanges:
                await _look(channel, "exchange", name)
            for name in queues:
                await _look(channel, "queue", name)
        finally:
            await channel.close()

    async def inspect(self, *queues: str) -> dict[str, QueueState | None]:
        """Read the depth and the consumers of queues; None of one that is not there."""
        states: dict[str, QueueState | None] = {}
        channel = await self._open_channel()
        for name in queues:
            try:
                frame = await _look(channel, "queue", name)
            except TopologyMissingError:
                states[name] = None
                channel = await self._open_channel()
            else:
                told = frame.method
                states[name] = QueueState(told.message_count, told.consumer_count)
        await channel.close()
        return states

    async def open_publisher(self, settled: Settled = ignore) -> Publisher:
        """Open a channel with confirms; `settled(token, outcome)` once a message."""
        channel = await self._open_channel()
        publisher = Publisher(channel, self, settled)
        await publisher.start()
        _attach(channel, self._fail_with_publisher)
        return publisher

    async def consume(
        self,
        queue: str,
        delivered: Delivered,
        *,
        prefetch: int = 0,
        is_exclusive: bool = False,
        arguments: Mapping[str, object] = _NOTHING,
    ) -> Consumer:
        """Consume with acks, at most `prefetch` messages unacked; 0: with none, each
        counts as acked when it is sent here.

        Raises ChannelRefusedError with code 403 where another consumer `is_exclusive`;
        the connection goes on then.
        """
        channel = await self._open_channel()
        consumer = Consumer(channel)
        try:
            await consumer.start(
                queue,
                delivered,
                prefetch=prefetch,
                is_exclusive=is_exclusive,
                arguments=arguments,
            )
        except ChannelRefusedError as error:
            if error.code == _NOT_FOUND:
                raise TopologyMissingError("queue", queue) from error
            raise
        _attach(channel, self._fail)
        return consumer

    def give_up(self, reason: str) -> None:
        """Count as failed, though the broker says nothing of the kind."""
        self._fail(BrokerUnavailableError(reason))

    async def close(self) -> None:
        """Close in order, so that the last acks still reach the broker; 3 s at most."""
        if not self._gone.done() and self._pika.is_open:
            self._pika.close()
            await asyncio.wait({self._gone}, timeout=_CLOSE_TIMEOUT_S)
        self._abandon()

    def _abandon(self) -> None:
        self.on_blocked = ignore
        if self._pika.is_closed or self._pika.is_closing:
            return
        try:
            self._pika.close()
        except pika.exceptions.AMQPError:
            return  # closing one that is still opening is an error, and ends it too

    async def _open_channel(self) -> Channel:
        if not self._pika.is_open:
            raise BrokerUnavailableError("the connection to RabbitMQ is closed")
        return await Channel.open(self._pika)

    def _on_open(self, connection: Any) -> None:
        connection.add_on_connection_blocked_callback(
            lambda *_: self._set_blocked(is_blocked=True)
        )
        connection.add_on_connection_unblocked_callback(
            lambda *_: self._set_blocked(is_blocked=False)
        )
        if not self._opened.done():
            self._opened.set_result(None)

    def _on_closed(self, _: Any, reason: BaseException) -> None:
        if not self._gone.done():
            self._gone.set_result(None)
        self._fail(BrokerUnavailableError(f"no connection to RabbitMQ: {reason!r}"))

    def _set_blocked(self, *, is_blocked: bool) -> None:
        self.is_blocked = is_blocked
        self.unblocked_at = self._loop.time()
        self.on_blocked(is_blocked)

    def _fail_with_publisher(self, error: BrokerError) -> None:
        if isinstance(error, ChannelRefusedError):
            error = PublishingRefusedError(error.code, error.text)
        self._fail(error)

    def _fail(self, error: BrokerError) -> None:
        if not self.failure.done():
            self.failure.set_result(error)


def _attach(channel: Channel, fail: Callable[[BrokerError], None]) -> None:
    channel.on_failure = fail
    if channel.closed.done():
        fail(channel.closed.result())


async def _look(channel: Channel, kind: str, name: str) -> Any:
    names = {kind: name}
    try:
        return await channel.call(f"{kind}_declare", **names, passive=True)
    except ChannelRefusedError as error:
        if error.code == _NOT_FOUND:
            raise TopologyMissingError(kind, name) from error
        raise


def read_parameters(url: str, name: str) -> Any:
    """Read `amqp://user:password@host:port/vhost`; `?heartbeat=` in seconds, else 20.

    Raises ValueError if it can't be used.
    """
    try:
        parameters = pika.URLParameters(url)
    except (ValueError, TypeError) as error:
        raise ValueError(f"no AMQP URL that can be used: {error}") from error
    if "heartbeat=" not in url:
        parameters.heartbeat = _HEARTBEAT_S
    parameters.blocked_connection_timeout = _BLOCKED_TIMEOUT_S
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
