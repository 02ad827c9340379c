"""Queues in, acks out; and which of the queues are this pusher's.

On one connection a channel for each queue, so that each has its own prefetch. When
anything on it breaks, all of it is closed and made anew: every delivery so far is void
then, and the broker hands it out again.

Pushers know of each other by what they consume (``contracts/topology.json``,
"sharing"): the broker ends a dead one's consumers, and with them its membership and
its leases. Whoever has more than its share lets go, one queue at a time: 1. nothing
more of it is taken, 2. what is under way in its feeds' rooms is finished and the rooms
are left, 3. the queue gets back what was not acked, 4. the lease. So nobody is in a
room of the queue when the next pusher takes it; and where two were, for once, the
archive's rule would keep the order.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from typing import Final

from amqp_client import consumer
from amqp_client.connection import Connection
from amqp_client.errors import ChannelRefusedError
from amqp_client.messages import Delivery

from . import topology
from .link import Link

log = logging.getLogger(__name__)

_LOOK_EVERY_S: Final = 1.0
_LET_GO_TIMEOUT_S: Final = 15.0
_ACCESS_REFUSED: Final = 403


@dataclass(frozen=True, slots=True)
class _Held:
    lease: consumer.Consumer
    queue: consumer.Consumer


class Consumer:
    """A ``ports.Consumer``, while its ``link`` runs.

    ``let_go`` ends all work on what came over a channel, given by its number.
    """

    def __init__(
        self,
        url: str,
        queues: int,
        prefetch: int,
        on_delivery: Callable[[Delivery], None],
        on_gone: Callable[[], None],
        let_go: Callable[[int], Awaitable[None]],
    ) -> None:
        self.link = Link(url, "consuming", self._set_up, self._end, self._share)
        self._queues = queues
        self._prefetch = prefetch
        self._on_delivery = on_delivery
        self._on_gone = on_gone
        self._let_go = let_go
        self._held: dict[int, _Held] = {}
        # By their numbers; a first delivery may come before what has asked for it.
        self._channels: dict[int, consumer.Consumer] = {}
        self._leaving: int | None = None

    @property
    def queues(self) -> list[str]:
        """The queues that this pusher has."""
        return [topology.pusher_queue(number) for number in sorted(self._held)]

    @property
    def waiting(self) -> int:
        """How many messages are taken and not acked."""
        return sum(map(len, self._channels.values()))

    def ack(self, deliveries: Iterable[Delivery]) -> None:
        by_channel: dict[int, list[int]] = {}
        for delivery in deliveries:
            by_channel.setdefault(delivery.channel, []).append(delivery.tag)
        for number, tags in by_channel.items():
            if number in self._channels:
                self._channels[number].ack(tags)

    async def _set_up(self, connection: Connection) -> None:
        queues = topology.list_queues(self._queues)
        await connection.check(exchanges=(), queues=queues)
        await connection.consume(topology.MEMBERS, _ignore)

    def _end(self) -> None:
        self._held.clear()
        self._channels.clear()
        self._leaving = None
        self._on_gone()

    async def _share(self, connection: Connection) -> None:
        """Have N / M of the N queues, rounded up, with M members; until cancelled."""
        while True:
            [members] = (await connection.inspect(topology.MEMBERS)).values()
            count = max(1, members.consumers if members else 0)
            share = -(-self._queues // count)
            while len(self._held) > share:
                await self._give_back()
            if len(self._held) < share:
                await self._take(connection, share)
            await asyncio.sleep(_LOOK_EVERY_S * random.uniform(0.5, 1.0))

    async def _take(self, connection: Connection, share: int) -> None:
        others = [n for n in range(self._queues) if n not in self._held]
        leases = await connection.inspect(*map(topology.lease, others))
        free = [
            number
            for number, state in zip(others, leases.values(), strict=True)
            if state is not None and state.consumers == 0
        ]
        random.shuffle(free)
        for number in free[: share - len(self._held)]:
            try:
                lease = await connection.consume(
                    topology.lease(number), _ignore, is_exclusive=True
                )
            except ChannelRefusedError as error:
                if error.code != _ACCESS_REFUSED:
                    raise
                continue  # another pusher was quicker
            await self._start(connection, number, lease)

    async def _start(
        self, connection: Connection, number: int, lease: consumer.Consumer
    ) -> None:
        name = topology.pusher_queue(number)
        queue = await connection.consume(name, self._receive, prefetch=self._prefetch)
        self._held[number] = _Held(lease, queue)
        log.info("has %s", name, extra={"outcome": "queue-taken"})

    async def _give_back(self) -> None:
        number, held = self._held.popitem()
        name = topology.pusher_queue(number)
        self._leaving = held.queue.number
        try:
            async with asyncio.timeout(_LET_GO_TIMEOUT_S):
                await self._let_go(held.queue.number)
        except TimeoutError:
            log.warning("%s: not all under way was finished in time", name)
        await held.queue.close()
        self._channels.pop(held.queue.number, None)
        await held.lease.close()
        log.info("let go of %s", name, extra={"outcome": "queue-let-go"})

    def _receive(self, queue: consumer.Consumer, delivery: Delivery) -> None:
        if queue.number != self._leaving:
            self._channels[queue.number] = queue
            self._on_delivery(delivery)


def _ignore(_consumer: consumer.Consumer, _delivery: Delivery) -> None:
    """Nothing is ever in these queues."""
