"""Hands messages to the broker, and notes what it says. It never touches the database.

Outcomes come in by callbacks on the loop. A confirm proves nothing but that the broker
took a message: how far a feed is, the pusher reports. What was not taken goes out
again.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from collections.abc import Callable
from uuid import UUID

from amqp_client.consumer import Consumer
from amqp_client.errors import (
    BrokerError,
    BrokerUnavailableError,
    PublishingRefusedError,
)
from amqp_client.messages import Delivery, Outcome, Publication

from aviso.relay.lanes import Lanes
from aviso.relay.link import Link
from aviso.relay.messages import Sent
from aviso.relay.reports import Refused, Report, read_reports
from aviso.relay.status import Status

logger = logging.getLogger("aviso.relay.publishing")

# A report that is lost is told again.
MOST_REPORTS_HELD = 10_000
# How the words of a refusal begin that is the broker's own.
BROKER = "the broker"


class Publishing:
    """What is under way to the broker, and what has come from it for the cycle.

    When the broker closed the channel over a message that it can't name, `is_cautious`
    lets one message at a time go: the one that is alone when it happens again is it.
    """

    def __init__(self, lanes: Lanes, status: Status, wake: Callable[[], None]) -> None:
        self.link: Link | None = None
        self._lanes = lanes
        self._status = status
        self._wake = wake
        self._unconfirmed: dict[Sent, None] = {}
        self._suspects = 0
        self._failed: dict[str, None] = {}
        self._returned = False
        self._looking: asyncio.Task[None] | None = None
        self._reports: deque[Report] = deque(maxlen=MOST_REPORTS_HELD)
        self._deliveries: list[tuple[Consumer, Delivery]] = []
        self._resending: set[UUID] = set()
        self._resent: list[tuple[UUID, Outcome]] = []
        self._is_stopped = False

    @property
    def unconfirmed(self) -> int:
        return len(self._unconfirmed)

    def may_publish(self) -> bool:
        if self._is_stopped or self.link is None or not self.link.may_publish():
            return False
        return not (self._suspects and self._unconfirmed)

    def publish(self, publication: Publication) -> bool:
        """Hand a batch or an opening to the broker; tell whether it went."""
        if self.link is None or self.link.publisher is None:
            return False
        try:
            self.link.publisher.publish(publication)
        except BrokerUnavailableError:
            # The link hears of it too and calls on_lost.
            return False
        if isinstance(publication.token, Sent):
            self._unconfirmed[publication.token] = None
        return True

    def resend(self, publication: Publication) -> None:
        """Publish a parked event of others; its token is the parked event's id."""
        token = publication.token
        if not isinstance(token, UUID) or token in self._resending:
            return
        if not self._is_stopped and self.publish(publication):
            self._resending.add(token)

    def stop(self) -> None:
        """Send nothing more; what is under way may still be confirmed."""
        self._is_stopped = True

    def cancel(self) -> None:
        self._is_stopped = True
        if self._looking is not None:
            self._looking.cancel()

    def shut_failed(self, now: float) -> None:
        """Have the feeds pause of which the broker did not take something."""
        failed, self._failed = self._failed, {}
        for feed in failed:
            logger.warning(
                "The broker did not take a message; its feed waits",
                extra={"feed": feed, "outcome": "stalled"},
            )
            self._lanes.shut(feed, now)
        if self._returned and self._looking is None:
            self._returned = False
            looking = self._look_for_missing()
            self._looking = asyncio.get_running_loop().create_task(looking)

    def take_reports(self) -> list[Report]:
        """Give what the pusher has reported."""
        reports = list(self._reports)
        self._reports.clear()
        return reports

    def take_deliveries(self) -> list[tuple[Consumer, Delivery]]:
        """Give the parked messages that the broker delivered."""
        deliveries, self._deliveries = self._deliveries, []
        return deliveries

    def take_resent(self) -> list[tuple[UUID, Outcome]]:
        """Give the parked events of others that were sent again, with the outcome."""
        resent, self._resent = self._resent, []
        return resent

    def on_ready(self) -> None:
        self._wake()

    def on_lost(self, error: BrokerError) -> None:
        unconfirmed, self._unconfirmed = list(self._unconfirmed), {}
        if isinstance(error, PublishingRefusedError) and error.is_over_a_message:
            self._suspects = len(unconfirmed)
            if len(unconfirmed) == 1:
                self._suspects = 0
                self._refuse(unconfirmed[0], f"{BROKER}: {error}")
        self._lanes.lose()
        self._deliveries.clear()
        self._resending.clear()
        self._wake()

    def on_parked(self, consumer: Consumer, delivery: Delivery) -> None:
        self._deliveries.append((consumer, delivery))
        self._wake()

    def on_reports(self, _: Consumer, delivery: Delivery) -> None:
        self._reports.extend(read_reports(delivery.body))
        self._wake()

    def on_settled(self, token: object, outcome: Outcome) -> None:
        if isinstance(token, UUID):
            self._resending.discard(token)
            self._resent.append((token, outcome))
            self._wake()
        if not isinstance(token, Sent):
            return
        self._unconfirmed.pop(token, None)
        metrics = self._status.metrics
        if outcome is Outcome.CONFIRMED:
            metrics.confirms.inc()
            if self._suspects:
                self._suspects -= 1
                self._wake()
            return
        if outcome is Outcome.RETURNED:
            metrics.returns.inc()
            self._returned = True
        else:
            metrics.nacks.inc()
        lane = self._lanes.get(token.feed)
        if lane is not None and lane.run == token.run:
            self._failed[token.feed] = None
        self._wake()

    def _refuse(self, sent: Sent, words: str) -> None:
        lane = self._lanes.get(sent.feed)
        if lane is None or not sent.first:
            self._failed[sent.feed] = None
            return
        epoch = lane.opening.epoch
        refused = Refused(sent.feed, sent.run, epoch, sent.first, sent.last, words)
        self._lanes.report(refused, time.monotonic())

    async def _look_for_missing(self) -> None:
        try:
            if self.link is not None:
                await self.link.look_for_missing()
        finally:
            self._looking = None
