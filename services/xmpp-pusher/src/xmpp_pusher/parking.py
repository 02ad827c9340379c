"""Parks what can't be read: published, confirmed, then acked."""

from __future__ import annotations

import asyncio
import logging

from amqp_client.messages import Delivery

from . import reports
from .backoff import Backoff
from .errors import NotConfirmed
from .messages import Poison
from .metrics import Metrics
from .ports import Consumer, Publisher
from .reporter import Reporter

log = logging.getLogger(__name__)


class Parking:
    """A task for each message; there are no more of them than unacked deliveries."""

    def __init__(
        self,
        consumer: Consumer,
        publisher: Publisher,
        reporter: Reporter,
        metrics: Metrics,
    ) -> None:
        self._consumer = consumer
        self._publisher = publisher
        self._reporter = reporter
        self._metrics = metrics
        self._tasks: dict[asyncio.Task[None], int] = {}

    def park(self, delivery: Delivery, poison: Poison) -> None:
        task = asyncio.create_task(self._park(delivery, poison))
        self._tasks[task] = delivery.channel
        task.add_done_callback(self._tasks.pop)

    def forget(self) -> None:
        """Leave alone what is not parked yet: the broker will hand it out again."""
        for task in list(self._tasks):
            task.cancel()

    def let_go(self, channel: int) -> None:
        """Leave alone what came over this channel and is not parked yet."""
        for task, number in list(self._tasks.items()):
            if number == channel:
                task.cancel()

    async def _park(self, delivery: Delivery, poison: Poison) -> None:
        backoff = Backoff()
        while True:
            try:
                await self._publisher.park(delivery, poison.cause, poison.detail)
                break
            except NotConfirmed:
                await asyncio.sleep(backoff.next_s())
        self._consumer.ack([delivery])
        self._metrics.parked.labels(poison.cause).inc()
        log.warning(
            "message parked: %s",
            poison.detail,
            extra={"feed": poison.feed, "cause": poison.cause, "outcome": "parked"},
        )
        self._tell(poison)

    def _tell(self, poison: Poison) -> None:
        """Have the relay find the event that is to blame, and fill its place."""
        feed, span, run = poison.feed, poison.span, poison.run
        if feed is None or span is None or run is None:
            return
        self._reporter.report(reports.refused(feed, run, span, poison.detail))
