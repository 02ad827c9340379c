"""Takes in what the pusher reports, and writes down how far the feeds are.

A feed's progress is what its room's archive has. It is written down some tenths of a
second later: a crash in between sends events again, which the archive does not take.
"""

from __future__ import annotations

import logging
import time

from aviso.outbox.errors import StatementRefusedError
from aviso.outbox.feeds import Outbox
from aviso.outbox.states import Opening, Progress, format_range
from aviso.relay.lane import NEVER
from aviso.relay.lanes import Lanes
from aviso.relay.reports import (
    Archived,
    Away,
    Behind,
    Heard,
    Opened,
    Refused,
    Report,
    Shut,
    Unopened,
)
from aviso.relay.status import Status

logger = logging.getLogger("aviso.relay.hearing")

# Progress is written down no more often: each time leaves a dead row, which the next
# one has to step over for as long as somebody has an older snapshot.
PROGRESS_INTERVAL_S = 0.2
# A pusher that is away says so every 5 s.
AWAY_S = 15.0


class Hearing:
    """What the reports say, in the lanes and in the database."""

    def __init__(self, lanes: Lanes, outbox: Outbox, status: Status) -> None:
        self._lanes = lanes
        self._outbox = outbox
        self._status = status
        self._metrics = status.metrics
        self._write_at = self._mark_at = 0.0
        # What is open and not marked as announced.
        self._opened: dict[str, Opening] = {}
        self.away_until = 0.0

    async def take_in(self, reports: list[Report]) -> None:
        """Take reports in, in their order."""
        for report in reports:
            now = time.monotonic()
            match report:
                case Away():
                    self._note_away(now)
                case Opened():
                    self._note_opened(report)
                case Archived():
                    self._lanes.report(report, now)
                    self._check(report.feed)
                case _:
                    await self._mark_announced()
                    await self._note_trouble(report, now)
        if time.monotonic() >= self._mark_at:
            await self._mark_announced()

    async def write_progress(self, *, is_last: bool = False) -> None:
        """Write down how far the feeds are, all at once, if it is time to."""
        now = time.monotonic()
        is_due = is_last or now >= self._write_at or self._lanes.is_lowering
        if not is_due or not self._lanes.has_progress:
            return
        self._write_at = now + PROGRESS_INTERVAL_S
        progress = self._lanes.progress()
        try:
            written = await self._outbox.write_progress(progress)
        except StatementRefusedError as exc:
            if not exc.is_over_a_lock:
                raise
            return
        for each in progress:
            if each.feed in written:
                self._lanes.wrote(each)
                self._say(each)
        lowered = [each.feed for each in progress if each.feed not in written]
        if lowered:
            for state in await self._outbox.look_at(lowered):
                self._lanes.take_in(state)

    @property
    def due(self) -> float:
        """When progress is to be written down, or what is announced."""
        write_at = self._write_at if self._lanes.has_progress else NEVER
        return min(write_at, self._mark_at if self._opened else NEVER)

    def _note_away(self, now: float) -> None:
        if now >= self.away_until:
            logger.warning(
                "The pusher has no stream to ejabberd", extra={"outcome": "away"}
            )
        self.away_until = now + AWAY_S
        self._metrics.reports.labels("away").inc()

    def _note_opened(self, report: Opened) -> None:
        opening = self._lanes.opened(report)
        if opening is None:
            return
        self._opened[report.feed] = opening
        self._mark_at = 0.0
        logger.info(
            "Opened",
            extra={
                "event_id": report.id,
                "feed": report.feed,
                "outcome": "published",
            },
        )

    async def _mark_announced(self) -> None:
        if not self._opened:
            return
        left = await self._outbox.mark_announced(self._opened)
        self._opened = {feed: self._opened[feed] for feed in left}
        self._mark_at = time.monotonic() + PROGRESS_INTERVAL_S

    async def _note_trouble(self, report: Heard, now: float) -> None:
        if isinstance(report, Unopened):
            self._opened.pop(report.feed, None)
            await self._outbox.reannounce(report.feed)
        if isinstance(report, Behind):
            # What an empty archive begins with may have moved on.
            for state in await self._outbox.look_at([report.feed]):
                if self._lanes.get(state.feed) is not None:
                    self._lanes.take_in(state)
        if self._lanes.report(report, now):
            self._metrics.reports.labels(type(report).__name__.lower()).inc()
            logger.warning(*_describe(report), extra=_facts(report))
        elif isinstance(report, Unopened):
            for state in await self._outbox.look_at([report.feed]):
                self._lanes.take_in(state)
        self._check(report.feed)

    def _check(self, feed: str) -> None:
        lane = self._lanes.get(feed)
        problem = None if lane is None else lane.problem
        if self._status.note_problem(feed, problem) and problem is not None:
            logger.error(
                "Nothing more of the feed is sent: %s",
                problem,
                extra={"feed": feed, "outcome": "contradiction"},
            )

    def _say(self, progress: Progress) -> None:
        first, last = progress.before + 1, progress.published
        if last < first:
            return
        self._metrics.published.inc(last - first + 1)
        logger.info(
            "Published",
            extra={
                "feed": progress.feed,
                "sequence": format_range(first, last),
                "outcome": "published",
            },
        )


def _describe(report: Heard) -> tuple[str, ...]:
    match report:
        case Behind(epoch=None) | Behind(last=None):
            return ("The room's archive is empty, its events travel again",)
        case Behind(last=last):
            return ("The room's archive ends at %s, and goes on there", str(last))
        case Shut(detail=detail):
            return ("The room is shut: %s", detail)
        case Refused(first=first, last=last, detail=detail):
            return ("The room refused %s: %s", format_range(first, last), detail)
        case _:
            return ("The room was made anew and is opened again",)


def _facts(report: Heard) -> dict[str, object]:
    return {"feed": report.feed, "outcome": type(report).__name__.lower()}
