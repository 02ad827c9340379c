"""One term of the active relay: from getting the lock to losing or giving it up.

The cycle below is the only one that uses the lock's connection, one step after the
other: number, take in what was parked, put substitutes in place, mark, load. While
the database works, confirms come in and publishing goes on.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Iterable, Sequence

from django.conf import settings

from events.rendering import Lists
from relay.backlog import Backlog
from relay.configuration import Configuration
from relay.database import LOOK_INTERVAL_S, Connection
from relay.housekeeping import Housekeeping
from relay.link import Link
from relay.listening import listen
from relay.messages import (
    build_event,
    build_opening,
    build_pruned,
    build_unavailable,
    build_unrendered,
)
from relay.outbox import PRUNED_PLACES, Loaded, LoadedRow, Outbox, Unannounced
from relay.outgoing import Outgoing
from relay.parking import Parking
from relay.publishing import MARK_FROM, Publishing, describe
from relay.requests import Republish, read_request
from relay.status import Status
from relay.window import Window

logger = logging.getLogger("relay.term")

NUMBER_BATCH = 2_000
LOAD_BATCH = 1_000
MARK_BATCH = 2_000
ENDED_BATCH = 1_000
# An opening holds up to 20,000 readers, a few bytes if it has none.
OPENING_BATCH = 100
# How often to look for events that a person had published again, while busy.
SCAN_INTERVAL_S = 60.0
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
        self._outbox = Outbox(connection)
        self._publishing = Publishing(self._window, status, self.wake)
        self._link = Link(configuration, self._publishing, status)
        self._publishing.link = self._link
        self._parking = Parking(connection, status)
        self._housekeeping = Housekeeping(
            connection, configuration.retention_days, status.metrics
        )
        self._scanned_at = float("-inf")
        self._measured_at = float("-inf")
        self._look_in_s = LOOK_INTERVAL_S
        self._sessions = 0

    def wake(self) -> None:
        self._woken.set()

    async def run(self, stopping: asyncio.Event) -> None:
        """Relay until `stopping` is set, then wait for what is in flight.

        Raises DatabaseLostError when the lock's connection is gone.
        """
        tasks = [
            asyncio.create_task(work)
            for work in (
                self._run_cycle(stopping),
                self._link.run(),
                listen(self.wake),
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
        while not stopping.is_set():
            self._woken.clear()
            has_more = await self._step()
            self._status.see_database()
            if not has_more:
                await self._wait_to_be_woken(self._look_in_s)
        await self._finish()

    async def _step(self) -> bool:
        """Do one round; tell whether another one makes sense at once."""
        ended = await self._end_grants()
        numbered = await self._number()
        await self._republish_newest()
        await self._handle_parked()
        await self._substitute()
        await self._mark()
        loaded = await self._load()
        self._publishing.give_up_on_silence()
        await self._measure()
        has_more = (
            ended >= ENDED_BATCH
            or numbered >= NUMBER_BATCH
            or loaded > 0
            or self._window.confirmed >= MARK_FROM
        )
        is_idle = not (numbered or has_more or self._window.held)
        has_old = await self._housekeeping.step(is_idle=is_idle)
        return has_more or has_old

    async def _finish(self) -> None:
        """Stop: send nothing more, wait for the confirms, mark them."""
        self._publishing.stop()
        deadline = time.monotonic() + STOP_TIMEOUT_S
        while self._window.in_flight and time.monotonic() < deadline:
            self._woken.clear()
            await self._wait_to_be_woken(0.1)
            await self._mark()
        await self._mark()
        left = self._window.in_flight
        if left:
            logger.warning(
                "%d messages were not confirmed in time; they go out again", left
            )

    async def _wait_to_be_woken(self, timeout_s: float) -> None:
        try:
            async with asyncio.timeout(timeout_s):
                await self._woken.wait()
        except TimeoutError:
            return

    async def _end_grants(self) -> int:
        """End grants whose time has come, and be back when the next one's does."""
        ended = await self._outbox.end_grants(ENDED_BATCH)
        next_in_s = LOOK_INTERVAL_S if ended.next_in_s is None else ended.next_in_s
        self._look_in_s = min(LOOK_INTERVAL_S, max(0.0, next_in_s))
        if ended.count:
            logger.info("%d grants are over", ended.count, extra={"outcome": "ended"})
        return ended.count

    async def _number(self) -> int:
        started = time.perf_counter()
        numbered = await self._outbox.number(NUMBER_BATCH)
        count = sum(batch.count for batch in numbered)
        if count:
            self._metrics.numbering_time.observe(time.perf_counter() - started)
            self._metrics.numbered.inc(count)
        for batch in numbered:
            self._backlog.numbered(batch.feed, batch.first)
            logger.info(
                "Numbered",
                extra={
                    "feed": batch.feed,
                    "sequence": format_range(batch.first, batch.last),
                    "outcome": "numbered",
                },
            )
        return count

    async def _mark(self) -> None:
        while messages := self._window.to_mark(MARK_BATCH):
            numbers = [m.number for m in messages if m.number is not None]
            if numbers:
                await self._outbox.mark(numbers)
            for message in messages:
                if message.opening is not None:
                    await self._outbox.mark_announced(message.feed, message.opening)
            self._window.release(messages)
            self._metrics.published.inc(len(messages))
            log_published(messages)

    async def _load(self) -> int:
        """Load what there is room for, openings before the events that follow them."""
        unannounced = [
            feed
            for feed in await self._outbox.unannounced()
            if feed.opening != self._window.last_opening(feed.feed)
        ]
        await self._scan(
            is_needed=any(not self._backlog.has_more(f.feed) for f in unannounced)
        )
        room, room_bytes = self._window.room()
        wanted = self._backlog.wanted(min(room, LOAD_BATCH)) if room_bytes else []
        loaded = Loaded([], is_cut=False)
        if wanted:
            loaded = await self._outbox.load(wanted, room_bytes)
        found = loaded.by_feed()
        self._backlog.take_in(wanted, found, is_cut=loaded.is_cut)
        self._window.add(await self._render(loaded.rows))
        quiet = [f for f in unannounced if f.feed not in found] if room_bytes else []
        openings = await self._open_quiet_feeds(quiet)
        self._window.add(openings)
        self._publishing.pump_soon()
        return len(loaded.rows) + len(openings)

    async def _scan(self, *, is_needed: bool) -> None:
        is_idle = not self._window.held and not self._backlog.is_waiting
        is_due = time.monotonic() - self._scanned_at > SCAN_INTERVAL_S
        if is_needed or is_idle or is_due:
            self._backlog.scanned(await self._outbox.scan(), self._window)
            self._backlog.forget_idle(self._window)
            self._scanned_at = time.monotonic()

    async def _open_quiet_feeds(
        self, unannounced: Iterable[Unannounced]
    ) -> list[Outgoing]:
        """Announce feeds that have no event to announce them before, some at a time."""
        feeds = [f for f in unannounced if not self._backlog.has_more(f.feed)]
        feeds = feeds[:OPENING_BATCH]
        lists = await self._lists(feed.feed for feed in feeds)
        return [
            build_opening(feed.feed, feed.opening, feed.head, lists[feed.feed])
            for feed in feeds
        ]

    async def _render(self, rows: Sequence[LoadedRow]) -> list[Outgoing]:
        first: dict[str, LoadedRow] = {}
        for row in rows:
            first.setdefault(row.event.feed, row)
        to_open = {
            feed
            for feed, row in first.items()
            if not row.is_announced and row.opening != self._window.last_opening(feed)
        }
        lists = await self._lists(to_open)
        messages = []
        for row in rows:
            feed = row.event.feed
            if feed in to_open and row is first[feed]:
                head = row.event.sequence - 1
                messages.append(build_opening(feed, row.opening, head, lists[feed]))
            messages.append(await self._render_one(row))
        return messages

    async def _lists(self, feeds: Iterable[str]) -> dict[str, Lists]:
        return await self._outbox.lists(list(feeds), settings.XMPP_TICKET_DOMAIN)

    async def _render_one(self, row: LoadedRow) -> Outgoing:
        try:
            return build_event(row)
        except Exception as exc:  # noqa: BLE001 (whatever it is: parked, never silent)
            message = build_unrendered(row)
            logger.error("Not rendered: %r", exc, extra=describe(message, "parked"))
            return await self._park(message, "invalid", f"not rendered: {exc!r}")

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
            await self._outbox.reannounce(message.feed, message.epoch)
        return build_unavailable(message, cause)

    async def _handle_parked(self) -> None:
        parked = []
        for consumer, delivery in self._publishing.take_deliveries():
            request = read_request(delivery)
            if request is None:
                parked.append((consumer, delivery))
                continue
            await self._republish(request)
            consumer.ack(delivery.tag)
        await self._parking.take_in(parked)
        await self._parking.settle(self._publishing.take_resent())
        if self._link.may_publish():
            await self._parking.send_foreign(self._publishing.resend)

    async def _republish(self, request: Republish) -> None:
        count = await self._outbox.republish(request)
        count += await self._keep_pruned_places(request)
        self._scanned_at = float("-inf")
        self._metrics.republished.inc(count)
        logger.warning(
            "The pusher lacks events, %d travel again",
            count,
            extra={
                "feed": request.feed,
                "sequence": format_range(request.first, request.last),
                "outcome": "republished",
            },
        )

    async def _keep_pruned_places(self, request: Republish) -> int:
        """Answer for what is no more, or the pusher would wait for it for ever.

        An empty room asks from 1 on. It begins with the oldest that comes, which beats
        a long way through places with nothing in them.
        """
        pruned = await self._outbox.pruned_from(request)
        if request.first == 1 and len(pruned) > PRUNED_PLACES:
            return 0
        pruned = pruned[: max(0, request.last + 1 - request.first)]
        room, _ = self._window.room()
        places = [
            build_pruned(request.feed, request.epoch, sequence)
            for sequence in pruned[: min(PRUNED_PLACES, room)]
            if not self._window.holds(request.feed, sequence)
        ]
        self._window.add(places)
        if places:
            # One may have been a grant or a revoke: the opening lists who may read.
            await self._outbox.reannounce(request.feed, request.epoch)
        return len(places)

    async def _republish_newest(self) -> None:
        """After each loss of the broker, show the pusher how far each feed goes."""
        sessions = self._link.sessions
        if sessions == self._sessions:
            return
        if self._sessions:
            self._metrics.republished.inc(await self._outbox.republish_newest())
            self._scanned_at = float("-inf")
        self._sessions = sessions

    async def _measure(self) -> None:
        self._metrics.in_flight.set(self._window.in_flight)
        self._metrics.held.set(self._window.held)
        self._metrics.held_bytes.set(self._window.held_bytes)
        if time.monotonic() - self._measured_at > MEASURE_INTERVAL_S:
            depth = await self._outbox.measure()
            self._metrics.depth.set(depth.unpublished)
            self._metrics.oldest_age.set(depth.oldest_age_s)
            self._measured_at = time.monotonic()


def format_range(first: int, last: int) -> str:
    return str(first) if first == last else f"{first}-{last}"


def log_published(messages: Sequence[Outgoing]) -> None:
    """Write one line a feed; with the event's id where it was a single one."""
    by_feed: dict[str, list[Outgoing]] = {}
    for message in messages:
        by_feed.setdefault(message.feed, []).append(message)
        logger.debug("Published", extra=describe(message, "published"))
    for feed, group in by_feed.items():
        sequences = [m.sequence for m in group if m.sequence is not None]
        line = describe(group[0], "published")
        if len(group) > 1:
            line = {"feed": feed, "count": len(group), "outcome": "published"}
        if sequences:
            line["sequence"] = format_range(min(sequences), max(sequences))
        logger.info("Published", extra=line)
