"""The middle of the pusher between a broker and rooms in memory."""

from __future__ import annotations

import asyncio

from amqp_client.messages import Delivery

from fakes import FakeArchive, FakeBroker, FakeRooms, until
from xmpp_pusher.feeds import Feeds
from xmpp_pusher.metrics import Metrics, make_metrics
from xmpp_pusher.parking import Parking
from xmpp_pusher.ports import Publisher
from xmpp_pusher.reporter import Reporter
from xmpp_pusher.reports import Report


class RememberingReporter(Reporter):
    def __init__(self, publisher: Publisher, metrics: Metrics) -> None:
        super().__init__(publisher, metrics)
        self.reported: list[Report] = []

    def report(self, report: Report) -> None:
        self.reported.append(report)
        super().report(report)


class Bench:
    def __init__(self, *, lease_s: float = 600, max_rooms: int = 5_000) -> None:
        self.broker = FakeBroker()
        self.rooms = FakeRooms()
        self.metrics = make_metrics()
        self.reporter = RememberingReporter(self.broker, self.metrics)
        parking = Parking(self.broker, self.broker, self.reporter, self.metrics)
        self.feeds = Feeds(
            self.rooms,
            self.broker,
            self.reporter,
            parking,
            self.metrics,
            lease_s=lease_s,
            max_rooms=max_rooms,
        )
        self.tasks = [
            asyncio.create_task(self.reporter.run()),
            asyncio.create_task(self.feeds.watch()),
        ]

    @property
    def reported(self) -> list[Report]:
        """All that was told, published or not."""
        return self.reporter.reported

    @property
    def archive(self) -> FakeArchive:
        return self.rooms.archive()

    async def close(self) -> None:
        for archive in self.rooms.archives.values():
            if archive.gate is not None:
                archive.gate.set()
        self.rooms.connect()
        await self.feeds.stop()
        for task in self.tasks:
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)

    async def take(self, *deliveries: Delivery) -> None:
        """Deliver, and wait until all of it is acked and what there was is told."""
        for delivery in deliveries:
            self.feeds.receive(delivery)
        await self.until_acked(*deliveries)

    async def until_acked(self, *deliveries: Delivery) -> None:
        await until(lambda: {*deliveries} <= {*self.broker.acked})
        for _ in range(20):
            await asyncio.sleep(0)
