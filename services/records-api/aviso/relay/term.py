"""One term of the active relay: from getting the lock to losing or giving it up.

The cycle below is the only one that uses the lock's connection, one step after the
other. A lone event takes one statement before it is sent, which numbers it and brings
it, and one after it is archived.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import secrets
import time
from collections.abc import Iterator, Sequence

from aviso.outbox.connection import (
    LOOK_INTERVAL_S,
    PARKED_NOTICE,
    Connection,
    Notices,
)
from aviso.outbox.feeds import Outbox
from aviso.outbox.pruning import Pruning
from aviso.outbox.queue import Numbered, Queue
from aviso.outbox.sleep import Sleep
from aviso.outbox.source import read_source
from aviso.outbox.states import format_range
from aviso.outbox.tables import look_after_tables
from aviso.parked.storing import Parking
from aviso.relay.configuration import Configuration
from aviso.relay.hearing import Hearing
from aviso.relay.lane import NEVER
from aviso.relay.lanes import Lanes
from aviso.relay.link import Link
from aviso.relay.publishing import Publishing
from aviso.relay.sending import Sending
from aviso.relay.status import Status

logger = logging.getLogger("aviso.relay.term")

# So many events are worth bringing along with their numbers.
INLINE = 100
ENDED_BATCH = 1_000
MEASURE_INTERVAL_S = 15.0
STOP_TIMEOUT_S = 10.0


class Term:
    """What the active relay knows; all of it is worth nothing once the lock is lost."""

    def __init__(
        self, connection: Connection, configuration: Configuration, status: Status
    ) -> None:
        self._connection = connection
        self._woken = asyncio.Event()
        self._notices = Notices(connection, self.on_notice)
        self._status = status
        self._metrics = status.metrics
        runs = _name_runs()
        self._lanes = Lanes(lambda: next(runs))
        self._queue = Queue(connection)
        self._outbox = Outbox(connection)
        self._sleep = Sleep(connection)
        self._publishing = Publishing(self._lanes, status, self.wake)
        self._link = Link(configuration, self._publishing, status)
        self._publishing.link = self._link
        self._parking = Parking(connection, status.metrics)
        self._sending = Sending(
            self._lanes, self._outbox, self._publishing, self._parking
        )
        self._hearing = Hearing(self._lanes, self._outbox, status)
        self._pruning = Pruning(connection, configuration.retention_days, self._metrics)
        self._asking: asyncio.Task[bool] | None = None
        self._look_at = self._look_at_parked = self._end_grants_at = 0.0
        self._measured_at = float("-inf")

    def wake(self) -> None:
        self._woken.set()

    def on_notice(self, payload: str) -> None:
        if payload == PARKED_NOTICE:
            self._look_at_parked = 0.0
        self._look_at = 0.0
        self.wake()

    async def run(self, stopping: asyncio.Event) -> None:
        """Relay until `stopping` is set, then wait for what the broker owes.

        Raises DatabaseLostError when the lock's connection is gone, and
        StatementRefusedError when it lives and a statement did not do.
        """
        source = await read_source(self._connection)
        tasks = [
            asyncio.create_task(work)
            for work in (
                self._run_cycle(stopping),
                self._link.run(source),
                look_after_tables(self._status.note_tables, self._status.tell),
            )
        ]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            # Whatever ended it: nothing of this term is sent any more.
            self._publishing.cancel()
            if self._asking is not None:
                tasks.append(self._asking)  # type: ignore[arg-type]
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _run_cycle(self, stopping: asyncio.Event) -> None:
        await self._notices.begin()
        await self._queue.adopt()
        await self._outbox.make_feeds()
        for state in await self._outbox.look_at_all():
            self._lanes.take_in(state)
        while not stopping.is_set():
            self._woken.clear()
            has_more = await self._step()
            self._status.see_database()
            if not has_more:
                await self._wait_to_be_woken(self._next_due() - time.monotonic())
        await self._finish()

    async def _step(self) -> bool:
        """Do one round; tell whether another one makes sense at once."""
        await self._hearing.take_in(self._publishing.take_reports())
        self._publishing.shut_failed(time.monotonic())
        has_more = await self._look()
        await self._end_grants()
        await self._handle_parked()
        has_more = await self._sending.send_waiting() or has_more
        await self._hearing.write_progress()
        self._pass_time()
        self._measure()
        has_old = not self._lanes.is_lowering and await self._pruning.step(
            is_idle=not self._lanes.out_bytes
        )
        return has_more or has_old

    async def _finish(self) -> None:
        """Stop: send nothing more, wait for the confirms, write progress down."""
        self._publishing.stop()
        deadline = time.monotonic() + STOP_TIMEOUT_S
        while self._publishing.unconfirmed and time.monotonic() < deadline:
            self._woken.clear()
            await self._wait_to_be_woken(0.1)
        await self._hearing.take_in(self._publishing.take_reports())
        await self._hearing.write_progress(is_last=True)

    def _next_due(self) -> float:
        """Tell when the cycle has something to do, if nobody wakes it before."""
        lanes_due = NEVER if self._asking is not None else self._lanes.due
        return min(
            self._look_at,
            self._end_grants_at,
            self._look_at_parked,
            self._hearing.due,
            lanes_due,
        )

    async def _wait_to_be_woken(self, timeout_s: float) -> None:
        with self._notices.heard(), contextlib.suppress(TimeoutError):
            async with asyncio.timeout(max(0.0, timeout_s)):
                await self._woken.wait()

    async def _look(self) -> bool:
        """Look into the queue if it is time to; tell whether there is another page."""
        started = time.monotonic()
        if started < self._look_at:
            return False
        # A notice that comes from here on is worth another look.
        self._look_at = float("inf")
        inline = INLINE if self._publishing.may_publish() else 0
        taken = await self._queue.take(inline, self._lanes.busy)
        if taken.numbered:
            self._metrics.numbering_time.observe(time.monotonic() - started)
        for numbered in taken.numbered:
            await self._sending.send_new(numbered.state, numbered.events)
        if taken.numbered:
            await _turn_loop()
        for numbered in taken.numbered:
            self._note_numbered(numbered)
        if taken.unmade:
            await self._outbox.make_feeds()
            # This session is not told of what it wrote: it may hold the lock itself.
            self._look_at = 0.0
        if taken.to_look_at or taken.unmade:
            await self._look_at_feeds([*taken.to_look_at, *taken.unmade])
        if not taken.is_all:
            self._look_at = 0.0
            return True
        next_s = await self._sleep.next_look_s(found=taken.changesets)
        self._look_at = min(self._look_at, time.monotonic() + next_s)
        return False

    async def _look_at_feeds(self, feeds: Sequence[str]) -> None:
        self._end_grants_at = 0.0
        for state in await self._outbox.look_at(feeds):
            lane = self._lanes.take_in(state)
            self._status.note_problem(state.feed, lane.problem)

    def _note_numbered(self, numbered: Numbered) -> None:
        feed, first, last = numbered.feed, numbered.first, numbered.last
        self._metrics.numbered.inc(last - first + 1)
        logger.info(
            "Numbered",
            extra={
                "feed": feed,
                "sequence": format_range(first, last),
                "outcome": "numbered",
            },
        )

    async def _end_grants(self) -> None:
        """End grants whose time has come, and be back when the next one's does."""
        now = time.monotonic()
        if now < self._end_grants_at:
            return
        ended = await self._outbox.end_grants(ENDED_BATCH)
        next_in_s = LOOK_INTERVAL_S if ended.next_in_s is None else ended.next_in_s
        self._end_grants_at = now + min(LOOK_INTERVAL_S, max(0.0, next_in_s))
        if ended.count:
            # This session is not told of what it wrote: it may hold the lock itself.
            self._look_at = self._end_grants_at = 0.0
            logger.info("%d grants are over", ended.count, extra={"outcome": "ended"})

    async def _handle_parked(self) -> None:
        await self._parking.take_in(self._publishing.take_deliveries())
        await self._parking.settle(self._publishing.take_resent())
        now = time.monotonic()
        if now >= self._look_at_parked:
            self._look_at_parked = now + LOOK_INTERVAL_S
            if self._publishing.may_publish():
                await self._parking.send_foreign(self._publishing.resend)

    def _pass_time(self) -> None:
        """Go on with feeds whose pause is over, and send again what nobody heard of.

        Not while the pusher is away or a queue has no consumer: nothing can have moved.
        """
        now = time.monotonic()
        if self._asking is not None:
            if not self._asking.done():
                return
            is_consumed, self._asking = self._asking.result(), None
            if not is_consumed:
                self._lanes.put_off(now)
        elif self._lanes.is_anything_overdue(now):
            if now < self._hearing.away_until:
                self._lanes.put_off(self._hearing.away_until)
            else:
                self._asking = asyncio.create_task(self._link.is_consumed())
                self._asking.add_done_callback(lambda _: self.wake())
                return
        for feed in self._lanes.pass_time(now):
            logger.warning(
                "Nothing was heard of what was sent; it goes out again",
                extra={"feed": feed, "outcome": "silent"},
            )

    def _measure(self) -> None:
        self._metrics.unconfirmed.set(self._publishing.unconfirmed)
        self._metrics.out_bytes.set(self._lanes.out_bytes)
        if time.monotonic() - self._measured_at > MEASURE_INTERVAL_S:
            self._metrics.depth.set(self._lanes.depth)
            oldest = self._lanes.oldest
            self._metrics.oldest_age.set(time.time() - oldest if oldest else 0.0)
            self._measured_at = time.monotonic()


async def _turn_loop() -> None:
    """Let what was handed to the broker go out, before anything else is done.

    It is written to the socket when the loop finds that writable: behind this task's
    first return, before its second.
    """
    for _ in range(2):
        await asyncio.sleep(0)


def _name_runs() -> Iterator[str]:
    """Name stretches of sending: no two alike, in this term or another."""
    term = secrets.token_hex(6)
    number = 0
    while True:
        number += 1
        yield f"{term}-{number}"
