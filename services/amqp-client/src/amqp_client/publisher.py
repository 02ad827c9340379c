"""A channel that publishes with confirms. The broker owes an answer to each message.

RabbitMQ 3.10.8 was seen to forget one, on a connection that was well otherwise, and a
queue that lost its data gives none: another connection is what helps at least once
that is mended. While the broker says that it is blocked it is waited for.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, Protocol

import pika
import pika.exceptions

from .channel import Channel
from .errors import BrokerUnavailableError, NotConfirmedError
from .messages import Outcome, Publication

CONFIRM_TIMEOUT_S: Final = 60.0

Settled = Callable[[object, Outcome], None]


class Keeper(Protocol):
    """The connection, as far as a publisher needs it; times are the loop's."""

    @property
    def is_blocked(self) -> bool: ...

    @property
    def unblocked_at(self) -> float: ...

    def give_up(self, reason: str) -> None: ...


@dataclass(slots=True)
class _Unsettled:
    publication: Publication
    sent_at: float
    waiter: asyncio.Future[Outcome] | None = None
    is_returned: bool = False


class Publisher:
    """Each message's outcome goes to whoever awaits it, else to `settled`."""

    def __init__(self, channel: Channel, keeper: Keeper, settled: Settled) -> None:
        self._loop = asyncio.get_running_loop()
        self._channel = channel
        self._keeper = keeper
        self._settled = settled
        self._unsettled: OrderedDict[int, _Unsettled] = OrderedDict()
        self._last_tag = 0
        self._watch: asyncio.TimerHandle | None = None

    async def start(self) -> None:
        self._channel.closed.add_done_callback(lambda _: self._stop_watching())
        self._channel.pika.add_on_return_callback(self._on_return)
        await self._channel.call("confirm_delivery", ack_nack_callback=self._on_answer)

    def publish(self, publication: Publication) -> None:
        """Hand a message to the broker, mandatory; `settled` hears what it says.

        Without an answer in 60 s the connection is given up.
        Raises BrokerUnavailableError if the channel is closed: nothing was sent then.
        """
        self._publish(publication, None)

    async def publish_confirmed(self, publication: Publication) -> None:
        """Publish one message, mandatory, and wait until the broker has it in a queue.

        Raises NotConfirmedError; it may or may not be there then.
        """
        waiter: asyncio.Future[Outcome] = self._loop.create_future()
        try:
            self._publish(publication, waiter)
        except BrokerUnavailableError as error:
            raise NotConfirmedError(f"not sent: {error}") from error
        ends: set[asyncio.Future[Any]] = {waiter, self._channel.closed}
        await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
        if not waiter.done():
            waiter.cancel()
            raise NotConfirmedError(f"no confirm: {self._channel.closed.result()}")
        if (outcome := waiter.result()) is not Outcome.CONFIRMED:
            where = publication.exchange or f"the queue {publication.routing_key}"
            raise NotConfirmedError(f"a message to {where} was {outcome.value}")

    def mute(self) -> None:
        """Report no more outcomes: whoever waited for them has given up on them."""
        self._settled = ignore

    def _publish(
        self, publication: Publication, waiter: asyncio.Future[Outcome] | None
    ) -> None:
        try:
            self._channel.pika.basic_publish(
                exchange=publication.exchange,
                routing_key=publication.routing_key,
                body=publication.body,
                properties=pika.BasicProperties(
                    content_type=publication.content_type,
                    content_encoding=publication.content_encoding,
                    type=publication.type,
                    delivery_mode=2 if publication.is_persistent else 1,
                    message_id=publication.message_id,
                    headers=dict(publication.headers),
                ),
                mandatory=True,
            )
        except pika.exceptions.AMQPError as error:
            raise BrokerUnavailableError(f"publishing failed: {error!r}") from error
        self._last_tag += 1
        now = self._loop.time()
        self._unsettled[self._last_tag] = _Unsettled(publication, now, waiter)
        if self._watch is None:
            self._watch = self._loop.call_later(CONFIRM_TIMEOUT_S, self._look)

    def _look(self) -> None:
        """Give the connection up if the oldest message is overdue, else look again."""
        self._watch = None
        if not self._unsettled:
            return
        oldest = next(iter(self._unsettled.values()))
        now = self._loop.time()
        since = now if self._keeper.is_blocked else self._keeper.unblocked_at
        due_s = max(oldest.sent_at, since) + CONFIRM_TIMEOUT_S - now
        if due_s > 0:
            self._watch = self._loop.call_later(due_s, self._look)
            return
        self._keeper.give_up(
            f"{len(self._unsettled)} messages, and no confirm of the oldest"
            f" within {CONFIRM_TIMEOUT_S:g} s"
        )

    def _stop_watching(self) -> None:
        if self._watch is not None:
            self._watch.cancel()

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
        settled = self._unsettled.pop(tag)
        outcome = Outcome.CONFIRMED if is_ack else Outcome.NACKED
        if settled.is_returned:
            outcome = Outcome.RETURNED
        if settled.waiter is None:
            self._settled(settled.publication.token, outcome)
        elif not settled.waiter.done():
            settled.waiter.set_result(outcome)

    def _on_return(self, _: Any, method: Any, properties: Any, body: bytes) -> None:
        # basic.return carries no tag. It comes before the message's ack, so the
        # first equal message that is not known as returned yet is the one.
        for unsettled in self._unsettled.values():
            publication = unsettled.publication
            if (
                not unsettled.is_returned
                and publication.message_id == properties.message_id
                and publication.exchange == method.exchange
                and publication.routing_key == method.routing_key
                and publication.body == body
            ):
                unsettled.is_returned = True
                return


def ignore(*_: object) -> None:
    """Take the place of a callback that nobody wants to hear any more."""
