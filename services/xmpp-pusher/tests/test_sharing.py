"""Pushers share the queues: of each there is one at a time, and none is left alone."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
from amqp_client.errors import ChannelRefusedError
from amqp_client.messages import QueueState

from fakes import until
from xmpp_pusher.amqp import consumer as module
from xmpp_pusher.amqp.consumer import Consumer


@dataclass(eq=False)
class Consuming:
    """One consumer of a queue, as the broker has it."""

    queue: str
    broker: Broker
    number: int = 0

    def __len__(self) -> int:
        return 0

    async def close(self) -> None:
        await asyncio.sleep(0)
        self.end()

    def end(self) -> None:
        if self in self.broker.consuming:
            self.broker.consuming.remove(self)


@dataclass
class Broker:
    consuming: list[Consuming] = field(default_factory=list)
    most_at_once: Counter[str] = field(default_factory=Counter)

    def count(self, queue: str) -> int:
        return sum(each.queue == queue for each in self.consuming)


@dataclass
class Connection:
    broker: Broker
    opened: list[Consuming] = field(default_factory=list)

    async def check(self, **_names: Any) -> None:
        """All is there."""

    async def inspect(self, *queues: str) -> dict[str, QueueState]:
        await asyncio.sleep(0)
        return {each: QueueState(0, self.broker.count(each)) for each in queues}

    async def consume(
        self,
        queue: str,
        _delivered: Callable[..., None],
        *,
        prefetch: int = 0,  # noqa: ARG002
        is_exclusive: bool = False,
    ) -> Consuming:
        await asyncio.sleep(0)
        if is_exclusive and self.broker.count(queue):
            raise ChannelRefusedError(403, "in exclusive use")
        consuming = Consuming(queue, self.broker, number=len(self.broker.consuming))
        self.broker.consuming.append(consuming)
        self.opened.append(consuming)
        most = self.broker.most_at_once
        most[queue] = max(most[queue], self.broker.count(queue))
        return consuming


class Pusher:
    """A consumer on a connection of its own; ``let_go`` is what it was asked to."""

    def __init__(self, broker: Broker, queues: int) -> None:
        self.let_go: list[int] = []
        self.connection = Connection(broker)
        self.consumer = Consumer(
            "", queues, 10, lambda _delivery: None, lambda: None, self._let_go
        )
        self._task = asyncio.create_task(self._run())

    def __len__(self) -> int:
        return len(self.consumer.queues)

    async def _run(self) -> None:
        await self.consumer._set_up(self.connection)  # type: ignore[arg-type]
        await self.consumer._share(self.connection)  # type: ignore[arg-type]

    async def _let_go(self, channel: int) -> None:
        await asyncio.sleep(0)
        self.let_go.append(channel)

    async def die(self) -> None:
        """As when the broker finds its connection closed."""
        self._task.cancel()
        await asyncio.wait((self._task,))
        for each in self.connection.opened:
            each.end()
        self.consumer._end()


class Bench:
    def __init__(self) -> None:
        self.broker = Broker()
        self.pushers: list[Pusher] = []

    def start(self, queues: int) -> Pusher:
        self.pushers.append(Pusher(self.broker, queues))
        return self.pushers[-1]


@pytest.fixture
async def bench(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Bench]:
    monkeypatch.setattr(module, "_LOOK_EVERY_S", 0.001)
    bench = Bench()
    yield bench
    for pusher in bench.pushers:
        await pusher.die()


async def until_shared(queues: int, *pushers: Pusher) -> None:
    """Wait until they have all of the queues, and nobody more than his share."""
    share = -(-queues // len(pushers))

    def is_shared() -> bool:
        names = [name for pusher in pushers for name in pusher.consumer.queues]
        most = max(len(pusher) for pusher in pushers)
        return len(names) == len(set(names)) == queues and most <= share

    await until(is_shared)


@pytest.mark.parametrize("queues", [1, 2, 3, 8])
async def test_a_pusher_that_is_alone_has_all(bench: Bench, queues: int) -> None:
    alone = bench.start(queues)

    await until_shared(queues, alone)
    assert [] == alone.let_go


@pytest.mark.parametrize("queues", [2, 3, 8])
async def test_two_have_half_each_also_after_one_was_killed_and_came_back(
    bench: Bench, queues: int
) -> None:
    first = bench.start(queues)
    await until_shared(queues, first)
    second = bench.start(queues)
    await until_shared(queues, first, second)

    await first.die()
    await until_shared(queues, second)
    third = bench.start(queues)
    await until_shared(queues, second, third)

    # What was given back was let go of before, and nothing was given back in vain.
    assert queues // 2 == len(second.let_go)
    for number in range(queues):
        assert 1 == bench.broker.most_at_once[f"xmpp-pusher.{number}"]


@pytest.mark.parametrize(("queues", "pushers"), [(2, 2), (8, 3), (3, 4)])
async def test_those_that_start_at_once_do_not_take_the_same(
    bench: Bench, queues: int, pushers: int
) -> None:
    started = [bench.start(queues) for _ in range(pushers)]

    await until_shared(queues, *started)
    for number in range(queues):
        assert 1 == bench.broker.most_at_once[f"xmpp-pusher.{number}"]
