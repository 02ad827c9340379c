"""Connections to RabbitMQ, with pika's callbacks as awaits.

Its exceptions become BrokerGone and NotConfirmed. A link is thrown away whole when
anything on it breaks, and made anew.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

import pika
from pika.adapters.asyncio_connection import AsyncioConnection
from pika.channel import Channel
from pika.exceptions import AMQPError

from ..backoff import Backoff
from ..errors import BrokerGone, NotConfirmed

__all__ = ["Channel", "Connection", "Link", "Outlet"]

log = logging.getLogger(__name__)

_HEARTBEAT_S: Final = 20
_BLOCKED_TIMEOUT_S: Final = 300
_SETUP_TIMEOUT_S: Final = 30
_CLOSE_TIMEOUT_S: Final = 2
# RabbitMQ 3.10.8 was seen to forget one, on a connection that was well otherwise. One
# that says that it is blocked is waited for, up to the bound for that.
CONFIRM_TIMEOUT_S: Final = 60.0


class Connection:
    """Keeps one link to the broker; ``connections`` counts those that there have been.

    ``set_up`` opens on each new link what is needed; ``on_gone`` hears of its end,
    before it is closed. ``purpose`` is for the log and for RabbitMQ's management.
    """

    def __init__(
        self,
        url: str,
        purpose: str,
        set_up: Callable[[Link], Awaitable[None]],
        on_gone: Callable[[], None],
    ) -> None:
        self._url = url
        self._purpose = purpose
        self._set_up = set_up
        self._on_gone = on_gone
        self.is_connected = False
        self.connections = 0

    async def run(self) -> None:
        """Stay connected until cancelled."""
        backoff = Backoff()
        is_first_failure = True
        while True:
            link = Link(_read_parameters(self._url, self._purpose))
            try:
                async with asyncio.timeout(_SETUP_TIMEOUT_S):
                    await link.open()
                    await self._set_up(link)
                self.is_connected = True
                self.connections += 1
                log.info(
                    "broker connected, %s",
                    self._purpose,
                    extra={"outcome": "connected"},
                )
                backoff.reset()
                is_first_failure = True
                reason = await link.wait_closed()
            except (BrokerGone, TimeoutError) as error:
                reason = str(error) or "no answer in time"
            finally:
                self.is_connected = False
                self._on_gone()
                await link.close()
            if is_first_failure:
                log.warning(
                    "broker gone, %s: %s",
                    self._purpose,
                    reason,
                    extra={"outcome": "disconnected"},
                )
                is_first_failure = False
            await asyncio.sleep(backoff.next_s())


class Link:
    """One connection, with pika's callbacks as awaits.

    Whoever waits here is told BrokerGone as soon as the connection is.
    """

    def __init__(self, parameters: pika.URLParameters) -> None:
        self._parameters = parameters
        self._gone: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._connection: AsyncioConnection | None = None
        self.is_blocked = False
        """Whether the broker says that it takes nothing for now."""

    async def open(self) -> None:
        opened = asyncio.get_running_loop().create_future()
        self._connection = AsyncioConnection(
            self._parameters,
            on_open_callback=lambda _connection: _resolve(opened, None),
            on_open_error_callback=lambda _connection, error: self._end(error),
            on_close_callback=lambda _connection, error: self._end(error),
            custom_ioloop=asyncio.get_running_loop(),
        )
        self._connection.add_on_connection_blocked_callback(
            lambda _connection, _frame: self._set_blocked(True)
        )
        self._connection.add_on_connection_unblocked_callback(
            lambda _connection, _frame: self._set_blocked(False)
        )
        await self.wait(opened)

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
        await self.wait(opened)
        # pika 1.4 cancels a channel's consumers before it closes the channel. RabbitMQ
        # then gives the standby all that its prefetch allows, and takes back what we
        # hold only after that: the standby is full of events whose turn is not yet.
        # Closed with its consumers, a channel gives back first, in order.
        channel.basic_cancel = lambda consumer_tag: None  # noqa: ARG005
        return channel

    async def call(self, method: Callable[..., Any], **arguments: Any) -> None:
        """Call one of a channel's methods and wait for the broker's answer."""
        answered = asyncio.get_running_loop().create_future()
        try:
            method(callback=lambda frame: _resolve(answered, frame), **arguments)
        except AMQPError as error:
            raise BrokerGone(repr(error)) from error
        await self.wait(answered)

    async def wait(self, future: asyncio.Future[Any]) -> Any:
        await asyncio.wait((future, self._gone), return_when=asyncio.FIRST_COMPLETED)
        if not future.done():
            future.cancel()
            raise BrokerGone(self._gone.result())
        return future.result()

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

    def _set_blocked(self, is_blocked: bool) -> None:
        self.is_blocked = is_blocked

    def give_up(self, reason: str) -> None:
        """Count as gone; whoever keeps the link closes it and makes another."""
        _resolve(self._gone, reason)

    def _end(self, reason: BaseException) -> None:
        _resolve(self._gone, repr(reason))


class Outlet:
    """A channel of a link that publishes with confirms."""

    def __init__(self, link: Link, channel: Channel) -> None:
        self._link = link
        self._channel = channel
        self._publishing = asyncio.Lock()
        self._confirm: asyncio.Future[bool] | None = None
        self._was_returned = False
        self._published = 0

    async def start(self) -> None:
        self._channel.add_on_return_callback(lambda *_returned: self._on_return())
        await self._link.call(
            self._channel.confirm_delivery, ack_nack_callback=self._on_confirm
        )

    async def publish(
        self,
        exchange: str,
        key: str,
        body: bytes,
        *,
        content_type: str | None,
        message_id: str | None = None,
        headers: Mapping[str, object],
        is_persistent: bool = True,
        **more: str | None,
    ) -> None:
        """Publish one message and wait until the broker has it in a queue.

        Raises NotConfirmed; it may or may not be there then. Without a confirm in time
        the link is given up: what is behind it on the connection would wait too. One
        at a time: a returned message does not say which publish it was. ``more`` are
        other properties of AMQP.
        """
        properties = pika.BasicProperties(
            content_type=content_type,
            message_id=message_id,
            delivery_mode=2 if is_persistent else 1,
            headers=dict(headers),
            **more,
        )
        async with self._publishing:
            self._was_returned = False
            self._confirm = asyncio.get_running_loop().create_future()
            self._published += 1
            try:
                self._channel.basic_publish(
                    exchange, key, body, properties, mandatory=True
                )
                is_taken = await self._wait_confirmed(self._confirm)
            except (AMQPError, BrokerGone) as error:
                raise NotConfirmed(f"no confirm: {error!r}") from error
            if not is_taken or self._was_returned:
                where = exchange or f"queue {key}"
                raise NotConfirmed(f"the broker did not take a message to {where}")

    async def _wait_confirmed(self, confirm: asyncio.Future[bool]) -> bool:
        waiting = asyncio.ensure_future(self._link.wait(confirm))
        try:
            while not waiting.done():
                await asyncio.wait((waiting,), timeout=CONFIRM_TIMEOUT_S)
                if not waiting.done() and not self._link.is_blocked:
                    self._link.give_up(f"no confirm within {CONFIRM_TIMEOUT_S:.0f} s")
                    break
            is_taken: bool = await waiting
            return is_taken
        finally:
            waiting.cancel()

    def _on_confirm(self, frame: Any) -> None:
        # A lower tag belongs to a publish whose caller was cancelled.
        is_current = frame.method.delivery_tag >= self._published
        if self._confirm is not None and is_current:
            _resolve(self._confirm, isinstance(frame.method, pika.spec.Basic.Ack))

    def _on_return(self) -> None:
        self._was_returned = True


def _resolve(future: asyncio.Future[Any], value: object) -> None:
    if not future.done():
        future.set_result(value)


def _read_parameters(url: str, purpose: str) -> pika.URLParameters:
    parameters = pika.URLParameters(url)
    parameters.client_properties = {"connection_name": f"aviso pusher, {purpose}"}
    if "heartbeat=" not in url:
        parameters.heartbeat = _HEARTBEAT_S
    if "blocked_connection_timeout=" not in url:
        parameters.blocked_connection_timeout = _BLOCKED_TIMEOUT_S
    return parameters
