"""One term of the active relay: from getting the lock to losing or giving it up.

The cycle below is the only one that uses the lock's connection, one step after the
other. While the database works, confirms come in and publishing goes on. A lone event
takes one statement before it is published, which numbers it and brings it, and one
after its confirm.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Iterable, Sequence

from django.conf import settings

from aviso.events.rendering import EventRow, Lists
from aviso.relay.backlog import Backlog, Progress
from aviso.relay.configuration import Configuration
from aviso.relay.database import LOOK_INTERVAL_S, PARKED_NOTICE, Connection, listen
from aviso.relay.errors import StatementRefusedError
from aviso.relay.link import Link
from aviso.relay.messages import (
    build_event,
    build_opening,
    build_unavailable,
    build_unrendered,
)
from aviso.relay.outbox import FeedState, Outbox
from aviso.relay.outgoing import Opening, Outgoing, describe, format_range
from aviso.relay.parking import Parking
from aviso.relay.pruning import Pruning
from aviso.relay.publishing import Publishing
from aviso.relay.queue import FeedRun, Numbered, Queue
from aviso.relay.repeating import Repeating
from aviso.relay.requests import read_request
from aviso.relay.sleep import Sleep
from aviso.relay.status import Status
from aviso.relay.window import Window

logger = logging.getLogger("aviso.relay.term")

# So many events are worth bringing along with their numbers.
INLINE = 100
LOAD_BATCH = 1_000
ENDED_BATCH = 1_000
# An opening holds up to 20,000 readers, a few bytes if it has none.
OPENING_BATCH = 100
# Progress is written down no more often: each time leaves a dead row, which the next
# one has to step over for as long as somebody has an older snapshot.
PROGRESS_INTERVAL_S = 0.2
MEASURE_INTERVAL_S = 15.0
STOP_TIMEOUT_S = 10.0


class Term:
    """What the active relay knows; all of it is worth nothing once the lock is lost."""

    def __init__(
        self, connection: Connection, configuration: Configuration, status: Status
    ) -> None:
        self._woken = asyncio.Event()
        self._status = status
        self._metrics = status.metrics
        self._window = Window()
        self._backlog = Backlog()
        self._queue = Queue(connection)
        self._outbox = Outbox(connection)
        self._sleep = Sleep(connection)
        self._publishing = Publishing(self._window, status, self.wake)
        self._link = Link(configuration, self._publishing, status)
        self._publishing.link = self._link
        self._parking = Parking(connection, status)
        self._repeating = Repeating(
            self._outbox, self._backlog, self._window, self._metrics
        )
        self._pruning = Pruning(connection, configuration.retention_days, self._metrics)
        # What has to be opened, and what was in this term and is not written down yet.
        self._to_open: dict[str, None] = {}
        self._opened: dict[str, Outgoing] = {}
        self._look_at = self._look_at_parked = self._end_grants_at = 0.0
        self._progress_at = 0.0
        self._measured_at = float("-inf")

    def wake(self) -> None:
        self._woken.set()

    def on_notice(self, payload: str | None) -> None:
        if payload is None:
            self._sleep.is_listening = True
        if payload == PARKED_NOTICE:
            self._look_at_parked = 0.0
        self._look_at = 0.0
        self.wake()

    async def run(self, stopping: asyncio.Event) -> None:
        """Relay until `stopping` is set, then wait for what is in flight.

        Raises DatabaseLostError when the lock's connection is gone, and
        StatementRefusedError when it lives and a statement did not do.
        """
        tasks = [
            asyncio.create_task(work)
            for work in (
                self._run_cycle(stopping),
                self._link.run(),
                listen(self.on_notice),
            )
        ]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            # Whatever ended it: nothing of this term is published any more.
            self._publishing.cancel()
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _run_cycle(self, stopping: asyncio.Event) -> None:
        await self._begin()
        while not stopping.is_set():
            self._woken.clear()
            has_more = await self._step()
            self._status.see_database()
            if not has_more:
                await self._wait_to_be_woken(self._next_due() - time.monotonic())
        await self._finish()

    async def _begin(self) -> None:
        """Look at everything, once: what an earlier term has left, and what is new."""
        await self._queue.adopt()
        for state in await self._outbox.look_at_all():
            self._take_in(state)
            if state.is_lively:
                self._repeating.note_lively(state.feed, state.head)

    async def _step(self) -> bool:
        """Do one round; tell whether another one makes sense at once."""
        has_more = await self._look()
        await self._end_grants()
        self._repeating.show_newest(self._link.sessions)
        await self._handle_parked()
        await self._substitute()
        has_more = await self._load() or has_more
        await self._write_progress()
        self._publishing.give_up_on_silence()
        self._measure()
        has_old = await self._pruning.step(is_idle=not self._window.held)
        return has_more or has_old

    async def _finish(self) -> None:
        """Stop: send nothing more, wait for the confirms, write progress down."""
        self._publishing.stop()
        deadline = time.monotonic() + STOP_TIMEOUT_S
        while self._window.in_flight and time.monotonic() < deadline:
            self._woken.clear()
            await self._wait_to_be_woken(0.1)
        self._progress_at = 0.0
        await self._write_progress()
        left = self._window.in_flight
        if left:
            logger.warning(
                "%d messages were not confirmed in time; they go out again", left
            )

    def _next_due(self) -> float:
        """Tell when the cycle has something to do, if nobody wakes it before."""
        due = min(self._look_at, self._end_grants_at, self._look_at_parked)
        return min(due, self._progress_at) if self._window.has_progress else due

    async def _wait_to_be_woken(self, timeout_s: float) -> None:
        try:
            async with asyncio.timeout(max(0.0, timeout_s)):
                await self._woken.wait()
        except TimeoutError:
            return

    async def _look(self) -> bool:
        """Look into the queue if it is time to; tell whether there is another page."""
        started = time.monotonic()
        if started < self._look_at:
            return False
        # A notice that comes from here on is worth another look.
        self._look_at = float("inf")
        room, room_bytes = self._window.room()
        taken = await self._queue.take(INLINE if room > INLINE and room_bytes else 0)
        if taken.numbered:
            self._metrics.numbering_time.observe(time.monotonic() - started)
        if taken.to_look_at:
            await self._look_at_feeds(taken.to_look_at)
        for numbered in taken.numbered:
            await self._take_in_numbered(numbered)
        self._publishing.pump_soon()
        if not taken.is_all:
            self._look_at = 0.0
            return True
        next_s = await self._sleep.next_look_s(found=not taken.is_empty)
        self._look_at = min(self._look_at, time.monotonic() + next_s)
        return False

    async def _look_at_feeds(self, feeds: Sequence[str]) -> None:
        self._end_grants_at = 0.0
        for state in await self._outbox.look_at(feeds):
            self._take_in(state)

    def _take_in(self, state: FeedState) -> None:
        self._backlog.found(state.feed, state.published, state.head)
        opened = self._opened.get(state.feed)
        if not state.is_announced and (
            opened is None or opened.opening != state.opening
        ):
            self._to_open[state.feed] = None

    async def _take_in_numbered(self, numbered: Numbered) -> None:
        feed, first, last = numbered.feed, numbered.first, numbered.last
        self._metrics.numbered.inc(last - first + 1)
        self._backlog.numbered(feed, first, last)
        logger.info(
            "Numbered",
            extra={
                "feed": feed,
                "sequence": format_range(first, last),
                "outcome": "numbered",
            },
        )
        if numbered.run is not None and self._backlog.is_next(feed, first):
            await self._add(numbered.run)
            self._backlog.added(feed, last)

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

    async def _load(self) -> bool:
        """Load what there is room for, openings before the events that follow them."""
        wanted = self._backlog.wanted(self._window, LOAD_BATCH)
        if wanted:
            runs = await self._outbox.load(wanted)
            for turn, run in sorted(runs.items()):
                each = wanted[turn]
                await self._add(run, again=each.again, opens=each.opens)
            lasts = {turn: run.events[-1].sequence for turn, run in runs.items()}
            self._backlog.take_in(wanted, lasts)
        opened = await self._open_quiet_feeds()
        self._publishing.pump_soon()
        return bool(wanted or opened)

    async def _add(
        self, run: FeedRun, *, again: bool = False, opens: bool = False
    ) -> None:
        """Put a run of a feed's events into the window, its opening before it."""
        messages = []
        opened = self._opened.get(run.feed)
        is_due = not run.is_announced and (
            run.feed in self._to_open or opened is None or opened.opening != run.opening
        )
        if opens or is_due:
            lists = await self._lists([run.feed])
            head = run.events[0].sequence - 1
            messages.append(self._open(run.feed, run.opening, head, lists[run.feed]))
        for event in run.events:
            messages.append(await self._render(run, event, again=again))
        self._window.add(messages)

    async def _open_quiet_feeds(self) -> bool:
        """Announce feeds that have no event to announce them before, some at a time."""
        if not self._to_open:
            return False
        quiet = [
            feed
            for feed in self._to_open
            if not self._backlog.has_more(feed)
            and not self._backlog.is_opened_again(feed)
        ][:OPENING_BATCH]
        if not quiet or not self._window.room()[0]:
            return False
        states = await self._outbox.look_at(quiet)
        lists = await self._lists(quiet)
        for feed in quiet:
            self._to_open.pop(feed, None)
        self._window.add(
            self._open(state.feed, state.opening, state.head, lists[state.feed])
            for state in states
            if not state.is_announced
        )
        return True

    def _open(self, feed: str, opening: Opening, head: int, lists: Lists) -> Outgoing:
        self._to_open.pop(feed, None)
        message = build_opening(feed, opening, head, lists)
        self._opened[feed] = message
        return message

    async def _lists(self, feeds: Iterable[str]) -> dict[str, Lists]:
        return await self._outbox.lists(list(feeds), settings.XMPP_TICKET_DOMAIN)

    async def _render(self, run: FeedRun, event: EventRow, *, again: bool) -> Outgoing:
        try:
            return build_event(run.opening, event, again=again)
        except Exception as exc:  # noqa: BLE001 (whatever it is: parked, never silent)
            message = build_unrendered(run.opening, event, again=again)
            logger.error("Not rendered: %r", exc, extra=describe(message, "parked"))
            return await self._park(message, "invalid", f"not rendered: {exc!r}")

    async def _write_progress(self) -> None:
        """Write down what the broker has confirmed: of all feeds at once."""
        now = time.monotonic()
        if now < self._progress_at or not self._window.has_progress:
            return
        self._progress_at = now + PROGRESS_INTERVAL_S
        await self._mark_opened()
        released = self._window.take_progress()
        progress = self._backlog.progressed(
            {f: m.last for f, m in released.items() if m and m.last is not None}
        )
        if progress:
            try:
                written = await self._outbox.write_progress(progress)
            except StatementRefusedError as exc:
                if not exc.is_over_a_lock:
                    raise
                self._window.give_back(released)
                return
            for each in progress:
                if each.feed in written:
                    self._note_published(each, released[each.feed])
            lowered = [p.feed for p in progress if p.feed not in written]
            if lowered:
                await self._look_at_feeds(lowered)
        self._backlog.forget_idle(released, self._window)

    def _note_published(self, progress: Progress, newest: Outgoing | None) -> None:
        feed, first, last = progress.feed, progress.before + 1, progress.published
        self._backlog.wrote(feed, last)
        self._repeating.note_lively(feed, last)
        self._metrics.published.inc(last - first + 1)
        line: dict[str, object] = {"feed": feed, "sequence": format_range(first, last)}
        if first == last and newest is not None:
            line["event_id"] = newest.event_id
        logger.info("Published", extra={**line, "outcome": "published"})

    async def _mark_opened(self) -> None:
        for message in self._window.take_opened():
            feed, opening = message.feed, message.opening
            if opening is not None and feed not in self._to_open:
                await self._outbox.mark_announced(feed, opening)
            if self._opened.get(feed) is message:
                del self._opened[feed]
            self._metrics.published.inc()
            logger.info("Published", extra=describe(message, "published"))

    async def _substitute(self) -> None:
        """Park what the broker will never take, and let its feed go on without it."""
        for message, words in list(self._publishing.culprits.items()):
            cause = "too-large" if "size" in words else "refused"
            substitute = await self._park(message, cause, f"the broker: {words}")
            self._window.replace(message, substitute)
            del self._publishing.culprits[message]
        for feed in self._publishing.take_mended():
            for message in self._window.failed(feed):
                if self._publishing.is_unroutable(message):
                    substitute = await self._park(
                        message, "unroutable", "no queue took it, topology or not"
                    )
                    self._window.replace(message, substitute)
            self._window.resume(feed)
        self._publishing.pump_soon()

    async def _park(self, message: Outgoing, cause: str, detail: str) -> Outgoing:
        await self._parking.park_own(message, cause, detail)
        logger.error("Parked: %s", detail, extra=describe(message, "parked"))
        if message.reader is not None:
            # The room is to know who may read, if not by this event.
            await self._reannounce(message.feed, message.epoch)
        return build_unavailable(message, cause)

    async def _reannounce(self, feed: str, epoch: str) -> None:
        await self._outbox.reannounce(feed, epoch)
        self._to_open[feed] = None

    async def _handle_parked(self) -> None:
        parked = []
        for consumer, delivery in self._publishing.take_deliveries():
            request = read_request(delivery)
            if request is None:
                parked.append((consumer, delivery))
                continue
            if await self._repeating.take_in(request):
                await self._reannounce(request.feed, request.epoch)
            consumer.ack(delivery.tag)
        await self._parking.take_in(parked)
        await self._parking.settle(self._publishing.take_resent())
        now = time.monotonic()
        if now >= self._look_at_parked:
            self._look_at_parked = now + LOOK_INTERVAL_S
            if self._link.may_publish():
                await self._parking.send_foreign(self._publishing.resend)

    def _measure(self) -> None:
        self._metrics.in_flight.set(self._window.in_flight)
        self._metrics.held.set(self._window.held)
        self._metrics.held_bytes.set(self._window.held_bytes)
        if time.monotonic() - self._measured_at > MEASURE_INTERVAL_S:
            oldest = self._window.oldest()
            self._metrics.depth.set(self._backlog.depth)
            self._metrics.oldest_age.set(
                time.time() - oldest.timestamp() if oldest else 0.0
            )
            self._measured_at = time.monotonic()
