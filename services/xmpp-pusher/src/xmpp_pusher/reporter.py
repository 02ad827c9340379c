"""Tells the relay what there is to tell: one message under way, the rest waits."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Final

from . import reports
from .backoff import Backoff
from .errors import NotConfirmed
from .metrics import Metrics
from .ports import Publisher, Rooms
from .reports import Report, WaitingReports

log = logging.getLogger(__name__)

_AWAY_EVERY_S: Final = 5.0
_LOOK_EVERY_S: Final = 0.2


class Reporter:
    def __init__(self, publisher: Publisher, metrics: Metrics) -> None:
        self._publisher = publisher
        self._metrics = metrics
        self._waiting = WaitingReports()
        self._awake = asyncio.Event()

    def report(self, report: Report) -> None:
        self._waiting.add(report)
        self._awake.set()

    async def run(self) -> None:
        """Publish until cancelled."""
        while True:
            await self._awake.wait()
            self._awake.clear()
            await self._publish_all()

    async def flush(self) -> None:
        """Publish what is waiting, once; what the broker does not take is dropped."""
        while taken := self._waiting.take():
            try:
                await self._publisher.report(taken)
            except NotConfirmed:
                return

    async def tell_away(self, rooms: Rooms, is_holding: Callable[[], bool]) -> None:
        """Say that nothing can move, while something would; until cancelled."""
        while True:
            if rooms.is_connected or not is_holding():
                await asyncio.sleep(_LOOK_EVERY_S)
                continue
            self.report(reports.away())
            await asyncio.sleep(_AWAY_EVERY_S)

    async def _publish_all(self) -> None:
        backoff = Backoff()
        while taken := self._waiting.take():
            try:
                await self._publisher.report(taken)
            except NotConfirmed as error:
                self._waiting.put_back(taken)
                log.debug("a report was not taken: %s", error)
                await asyncio.sleep(backoff.next_s())
            except BaseException:
                self._waiting.put_back(taken)
                raise
            else:
                backoff.reset()
                self._metrics.reports.inc(len(taken))
