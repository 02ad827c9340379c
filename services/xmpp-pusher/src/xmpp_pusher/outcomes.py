"""What one feed tells: the relay in reports, people in log lines and counters."""

from __future__ import annotations

import time
from typing import Final

from . import reports
from .errors import PusherError
from .feed_log import FeedLog
from .messages import Batch, Opening
from .position import Position
from .reporter import Reporter

_UNOPENED_EVERY_S: Final = 20.0


class Outcomes:
    def __init__(self, feed: str, reporter: Reporter, feed_log: FeedLog) -> None:
        self.feed_log = feed_log
        self._feed = feed
        self._reporter = reporter
        self._told_unopened_s: float | None = None

    def archived(self, head: Position | None) -> None:
        if head is not None:
            self._reporter.report(reports.archived(self._feed, head))

    def opened(self, opening: Opening) -> None:
        report = reports.opened(self._feed, opening.at.epoch, opening.id)
        self._reporter.report(report)

    def behind(self, run: str, head: Position | None) -> None:
        self.feed_log.note_behind(head)
        self._reporter.report(reports.behind(self._feed, run, head))

    def refused(self, batch: Batch, run: str, error: PusherError) -> None:
        self.feed_log.note_refused(batch, error)
        report = reports.refused(self._feed, run, batch.span, str(error))
        self._reporter.report(report)

    def shut(self, run: str, detail: str, dropped: int) -> None:
        self.feed_log.note_shut(detail, dropped)
        self._reporter.report(reports.shut(self._feed, run, detail))

    def outdated(self, head: Position | None) -> None:
        """Have the relay write the opening anew, behind what is archived now."""
        self.archived(head)
        self._reporter.report(reports.unopened(self._feed))

    def whether_opened(self, is_opened: bool) -> None:
        """Say of a room that is not opened that it is not, and now and then again."""
        if is_opened:
            self._told_unopened_s = None
            return
        now_s, told_s = time.monotonic(), self._told_unopened_s
        if told_s is None or now_s - told_s >= _UNOPENED_EVERY_S:
            self._told_unopened_s = now_s
            self.feed_log.note_unopened()
            self._reporter.report(reports.unopened(self._feed))
