"""One channel of a connection, with pika's callbacks as awaits.

What pika raises or reports stops here and goes on as one of `errors`. A delivery tag
or a confirm of an older channel must never be taken for one of a newer (pika 1.4.4
does not tell them apart), so tags never leave the channel that they belong to.
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable
from typing import Any, Final

import pika.exceptions

from .errors import BrokerError, BrokerUnavailableError, ChannelRefusedError

ANSWER_TIMEOUT_S: Final = 10.0
_NUMBERS = itertools.count(1)


class Channel:
    """Done for once `closed` is, which holds the reason. `number`: no other has it.

    `on_failure` hears of an end that nobody here asked for.
    """

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._is_closing = False
        self.number = next(_NUMBERS)
        self.closed: asyncio.Future[BrokerError] = self._loop.create_future()
        self.on_failure: Callable[[BrokerError], None] = lambda _error: None
        self.pika: Any = None

    @classmethod
    async def open(cls, connection: Any) -> Channel:
        """Open a channel of a pika connection. Raises BrokerUnavailableError."""
        channel = cls()
        opened = channel._loop.create_future()
        try:
            channel.pika = connection.channel(
                on_open_callback=lambda _: _resolve(opened, None)
            )
        except pika.exceptions.AMQPError as error:
            raise BrokerUnavailableError(f"no channel: {error!r}") from error
        channel.pika.add_on_close_callback(channel._on_closed)
        # pika 1.4 cancels a channel's consumers before it closes the channel. RabbitMQ
        # then gives whoever is next all that its prefetch allows, and takes back what
        # was held here only after that: out of its order. Closed with its consumers, a
        # channel gives back first.
        channel.pika.basic_cancel = lambda consumer_tag: None  # noqa: ARG005
        await channel._wait(opened)
        return channel

    async def call(self, method: str, **arguments: Any) -> Any:
        """Call a pika method that takes a `callback`, and wait for its answer.

        Raises BrokerUnavailableError, after 10 s at the latest, or
        ChannelRefusedError; the channel is of no more use then.
        """
        answer = self._loop.create_future()
        try:
            getattr(self.pika, method)(
                **arguments, callback=lambda frame: _resolve(answer, frame)
            )
        except pika.exceptions.AMQPError as error:
            raise BrokerUnavailableError(f"{method}: {error!r}") from error
        return await self._wait(answer)

    async def close(self) -> None:
        """Close, and wait until the broker has taken back what was not acked."""
        self._is_closing = True
        if self.pika.is_open:
            self.pika.close()
        await asyncio.wait({self.closed}, timeout=ANSWER_TIMEOUT_S)

    def fail(self, reason: str) -> None:
        """Close, as if the broker had: it is of no more use."""
        self._end(BrokerUnavailableError(reason))
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

    def _on_closed(self, _: Any, reason: Exception) -> None:
        if isinstance(reason, pika.exceptions.ChannelClosed):
            self._end(ChannelRefusedError(reason.reply_code, reason.reply_text))
        else:
            self._end(BrokerUnavailableError(f"the channel is gone: {reason!r}"))

    def _end(self, error: BrokerError) -> None:
        if self.closed.done():
            return
        self.closed.set_result(error)
        if not self._is_closing:
            self.on_failure(error)


def _resolve(future: asyncio.Future[Any], value: object) -> None:
    if not future.done():
        future.set_result(value)
