"""Moves messages between the window and the broker. It never touches the database.

Outcomes come in by callbacks on the loop. What needs the database (progress, parking)
is only noted here, and the term's cycle is woken to do it.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from uuid import UUID

from aviso.relay.broker import Consumer, Delivery, Outcome, Publication
from aviso.relay.delays import Backoff
from aviso.relay.errors import (
    BrokerError,
    BrokerUnavailableError,
    PublishingRefusedError,
)
from aviso.relay.link import Link
from aviso.relay.messages import build_publication
from aviso.relay.outgoing import Outgoing, describe
from aviso.relay.status import Status
from aviso.relay.window import Window

logger = logging.getLogger("aviso.relay.publishing")

# Messages handed to pika at a stretch, before the loop may turn and send them.
BURST = 100
# A message that comes back although the topology was declared anew is unroutable.
MOST_RETURNS = 2
# The broker owes an answer to each message. A queue that lost its data gives none, and
# asks for another connection at least once it is mended.
ANSWER_TIMEOUT_S = 60.0


class Publishing:
    """The publishing half of a term.

    `culprits` closed the channel (with the broker's words): nothing is published until
    the cycle has put something in their place. What the `take_…` methods give away is
    the cycle's to do.
    """

    def __init__(
        self, window: Window, status: Status, wake: Callable[[], None]
    ) -> None:
        self.window = window
        self.link: Link | None = None
        self.culprits: dict[Outgoing, str] = {}
        self._status = status
        self._wake = wake
        self._heard_at = time.monotonic()
        self._mended: list[str] = []
        self._deliveries: list[tuple[Consumer, Delivery]] = []
        self._resending: set[UUID] = set()
        self._resent: list[tuple[UUID, Outcome]] = []
        self._is_stopped = False
        self._is_scheduled = False
        self._returns: dict[Outgoing, int] = {}
        self._patience: dict[str, Backoff] = {}
        self._mending: dict[str, asyncio.Task[None]] = {}

    def pump_soon(self) -> None:
        """Publish what may go, when the loop turns."""
        if not self._is_scheduled:
            self._is_scheduled = True
            asyncio.get_running_loop().call_soon(self._pump)

    def stop(self) -> None:
        """Send nothing more; what is in flight may still be confirmed."""
        self._is_stopped = True

    def give_up_on_silence(self) -> None:
        """Begin anew with the broker when it has answered nothing for too long."""
        silence_s = time.monotonic() - self._heard_at
        is_waiting = self.window.in_flight and self.link and self.link.may_publish()
        if self.link and is_waiting and silence_s > ANSWER_TIMEOUT_S:
            self._heard_at = time.monotonic()
            self.link.give_up(
                f"{self.window.in_flight} messages without an answer"
                f" for {silence_s:.0f} s"
            )

    def cancel(self) -> None:
        self._is_stopped = True
        for task in self._mending.values():
            task.cancel()

    def is_unroutable(self, message: Outgoing) -> bool:
        """Tell whether it came back too often; what takes its place never gives up."""
        returns = self._returns.get(message, 0)
        return returns >= MOST_RETURNS and may_be_replaced(message)

    def take_mended(self) -> list[str]:
        """Give the stalled feeds that may go on."""
        mended, self._mended = self._mended, []
        return mended

    def take_deliveries(self) -> list[tuple[Consumer, Delivery]]:
        """Give the parked messages that the broker delivered."""
        deliveries, self._deliveries = self._deliveries, []
        return deliveries

    def take_resent(self) -> list[tuple[UUID, Outcome]]:
        """Give the parked events of others that were sent again, with the outcome."""
        resent, self._resent = self._resent, []
        return resent

    def resend(self, publication: Publication) -> None:
        """Publish a parked event of others; its token is the parked event's id."""
        token = publication.token
        if not isinstance(token, UUID) or token in self._resending:
            return
        if self.link is None or self.link.publisher is None or self._is_stopped:
            return
        try:
            self.link.publisher.publish(publication)
        except BrokerUnavailableError:
            return
        self._resending.add(token)

    def on_ready(self) -> None:
        self._heard_at = time.monotonic()
        self.pump_soon()

    def on_lost(self, error: BrokerError) -> None:
        is_over_a_message = (
            isinstance(error, PublishingRefusedError) and error.is_over_a_message
        )
        culprit = self.window.lose(over_a_message=is_over_a_message)
        if culprit is not None and may_be_replaced(culprit):
            self.culprits[culprit] = str(error)
        self._deliveries.clear()
        self._resending.clear()
        self._wake()

    def on_parked(self, consumer: Consumer, delivery: Delivery) -> None:
        self._deliveries.append((consumer, delivery))
        self._wake()

    def on_settled(self, token: object, outcome: Outcome) -> None:
        self._heard_at = time.monotonic()
        if isinstance(token, UUID):
            self._resending.discard(token)
            self._resent.append((token, outcome))
            self._wake()
        if not isinstance(token, Outgoing):
            return
        if outcome is Outcome.CONFIRMED:
            self._confirm(token)
        else:
            self._fail(token, outcome)
        if self.window.is_stalled(token.feed):
            self._mend_later(token.feed)
        if self.window.has_room_again():
            self._wake()
        self.pump_soon()

    def _confirm(self, message: Outgoing) -> None:
        self.window.confirm(message)
        logger.debug("Published", extra=describe(message, "published"))
        self._status.metrics.confirms.inc()
        if self._returns or self._patience:
            self._returns.pop(message, None)
            self._patience.pop(message.feed, None)

    def _fail(self, message: Outgoing, outcome: Outcome) -> None:
        self.window.fail(message)
        if outcome is Outcome.RETURNED:
            self._returns[message] = self._returns.get(message, 0) + 1
            self._status.metrics.returns.inc()
        else:
            self._status.metrics.nacks.inc()
        logger.debug("Not taken", extra=describe(message, outcome.value))

    def _pump(self) -> None:
        self._is_scheduled = False
        if self.link is None or self.link.publisher is None:
            return
        for _ in range(BURST):
            if self._is_stopped or self.culprits or not self.link.may_publish():
                return
            if not self.window.in_flight:
                self._heard_at = time.monotonic()
            message = self.window.take()
            if message is None:
                return
            try:
                self.link.publisher.publish(build_publication(message))
            except BrokerUnavailableError:
                # The link hears of it too and calls on_lost, which takes it back.
                return
        self.pump_soon()

    def _mend_later(self, feed: str) -> None:
        if feed not in self._mending:
            task = asyncio.get_running_loop().create_task(self._mend(feed))
            self._mending[feed] = task

    async def _mend(self, feed: str) -> None:
        """Let a feed go on, after a delay, and after mending the broker's topology."""
        patience = self._patience.setdefault(feed, Backoff())
        if patience.failures == 0:
            logger.warning(
                "The broker did not take an event; its feed waits",
                extra={"feed": feed, "outcome": "stalled"},
            )
        try:
            if self.link and any(m in self._returns for m in self.window.failed(feed)):
                await self.link.redeclare()
        except BrokerError as exc:
            logger.warning("Topology: %s", exc, extra={"feed": feed})
        await asyncio.sleep(patience.next_s())
        del self._mending[feed]
        self._mended.append(feed)
        self._wake()


def may_be_replaced(message: Outgoing) -> bool:
    return message.opening is None and not message.substitute
