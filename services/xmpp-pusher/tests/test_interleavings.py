"""Whatever is lost, and whenever: once, in order, without hole, and never a silent ack.

A small relay (go-back-N over what is reported) and a broker that hands out again run
against the pusher, in an order that a seed decides.
"""

from __future__ import annotations

import asyncio
import random
from collections import deque
from collections.abc import Mapping

import pytest
from amqp_client.messages import Delivery

from bench import Bench
from examples import make_batch, make_opening
from xmpp_pusher.backoff import Backoff
from xmpp_pusher.position import Span

LAST = 40
PREFETCH = 6


class Broker:
    """One queue: hands out in order, and all that is not acked again."""

    def __init__(self, bench: Bench) -> None:
        self.queue: deque[Delivery] = deque()
        self.unacked: list[Delivery] = []
        self._bench = bench
        bench.broker.on_ack = self._ack

    def publish(self, delivery: Delivery) -> None:
        self.queue.append(delivery)

    def deliver(self) -> None:
        while self.queue and len(self.unacked) < PREFETCH:
            delivery = self.queue.popleft()
            self.unacked.append(delivery)
            self._bench.feeds.receive(delivery)

    def break_down(self) -> None:
        """Lose the connection; what was not acked comes again, as before."""
        self._bench.feeds.forget()
        again = [_copy(delivery) for delivery in self.unacked]
        self.unacked.clear()
        self.queue.extendleft(reversed(again))

    def _ack(self, delivery: Delivery) -> None:
        if delivery not in self.unacked:
            return  # void
        self.unacked.remove(delivery)
        headers = delivery.headers
        if "first" in headers:
            check_acked(self._bench, headers)


def _copy(delivery: Delivery) -> Delivery:
    return Delivery(
        delivery.channel,
        delivery.tag,
        delivery.body,
        delivery.type,
        headers=delivery.headers,
    )


def check_acked(bench: Bench, headers: Mapping[str, object]) -> None:
    """What is acked was archived, or is under way as a copy, or its run was told.

    Or a later run was: its relay has gone back since.
    """
    places = {(headers["epoch"], n) for n in _numbers(headers)}
    spans = [each for each in bench.archive.story if isinstance(each, Span)]
    for feed, _ in bench.feeds._feeds.values():
        spans += feed._window._under_way
    taken = {(s.epoch, n) for s in spans for n in range(s.first, s.last + 1)}
    is_told = any(
        _number(report["run"]) >= _number(headers["run"])
        for report in bench.reported
        if "run" in report
    )
    assert places <= taken or is_told, headers


def _numbers(headers: Mapping[str, object]) -> range:
    return range(int(str(headers["first"])), int(str(headers["last"])) + 1)


def _number(run: object) -> int:
    return int(str(run).removeprefix("run-"))


class Relay:
    def __init__(self, broker: Broker, bench: Bench, rng: random.Random) -> None:
        self.published = 0
        self.numbered = LAST
        self._broker = broker
        self._bench = bench
        self._rng = rng
        self._runs = 0
        self._seen = 0
        self.go_back(0)
        broker.publish(make_opening(run=self.run))

    def go_back(self, to: int) -> None:
        self._runs += 1
        self.run = f"run-{self._runs}"
        self._sent = to

    def send(self) -> None:
        while self._sent < min(self.numbered, self.published + 12):
            first = self._sent + 1
            self._sent = min(first + self._rng.randrange(4), self.numbered)
            self._broker.publish(make_batch(first, self._sent, self.run))

    def listen(self, loss: float) -> None:
        reports = self._bench.broker.reports
        for report in reports[self._seen :]:
            if self._rng.random() < loss:
                continue
            if report["kind"] == "archived":
                self.published = max(self.published, int(report["last"] or 0))
            elif report.get("run") == self.run:
                if report["kind"] == "behind":
                    self.published = int(report["last"] or 0)
                self.go_back(self.published)
        self._seen = len(reports)


def hurt(bench: Bench, broker: Broker, rng: random.Random) -> None:
    """Break one thing, or nothing."""
    archive, rooms = bench.archive, bench.rooms
    choice = rng.randrange(12)
    if choice == 0:
        broker.break_down()
    elif choice == 1:
        rooms.disconnect()
    elif choice == 2 and rooms.rooms:
        rooms.rooms[-1].lose()
    elif choice == 3:
        archive.outcomes.append(rng.choice(["late", "lost"]))
    elif choice == 4 and archive.spans and not archive.under_way:
        del archive.spans[-rng.randrange(1, 4) :]
    elif choice == 5:
        bench.broker.is_up = not bench.broker.is_up
    elif choice == 6 and broker.queue:
        broker.queue.clear()
    if not rooms.is_connected and rng.random() < 0.4:
        rooms.connect()


@pytest.mark.parametrize("seed", range(60))
async def test_the_archive_ends_up_whole(
    seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Backoff, "next_s", lambda _self: 0)
    rng, bench = random.Random(seed), Bench()
    broker = Broker(bench)
    relay = Relay(broker, bench, rng)
    for _ in range(60):
        relay.send()
        broker.deliver()
        for _ in range(rng.randrange(12)):
            await asyncio.sleep(0)
        hurt(bench, broker, rng)
        relay.listen(loss=0.2)
        if rng.random() < 0.1:
            relay.go_back(relay.published)

    await mend(bench, broker, relay)

    places = [place for place in bench.archive.places() if place[0] == "e001"]
    assert [("e001", n) for n in range(1, LAST + 2)] == places
    assert [] == broker.unacked
    assert 0 == bench.metrics.failures._value.get()
    await bench.close()


async def mend(bench: Bench, broker: Broker, relay: Relay) -> None:
    # The next event shows what an archive has lost.
    relay.numbered += 1
    bench.broker.is_up = True
    bench.archive.outcomes.clear()
    if not bench.rooms.is_connected:
        bench.rooms.connect()
    for round_ in range(4_000):
        relay.send()
        broker.deliver()
        await asyncio.sleep(0)
        relay.listen(loss=0)
        if (
            relay.published == relay.numbered
            and not broker.queue
            and not broker.unacked
        ):
            return
        if round_ % 200 == 199:
            relay.go_back(relay.published)
    raise AssertionError(
        f"published {relay.published}, {len(broker.unacked)} not acked,"
        f" {len(broker.queue)} not delivered"
    )
