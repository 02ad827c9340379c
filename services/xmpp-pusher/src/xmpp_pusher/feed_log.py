"""What a feed tells the world: log lines and counters, never a record's data."""

from __future__ import annotations

import logging
from datetime import UTC, datetime

from .errors import PusherError
from .messages import Batch, Opening
from .metrics import Metrics
from .position import Position

log = logging.getLogger(__name__)


class FeedLog:
    def __init__(self, feed: str, metrics: Metrics) -> None:
        self._feed = feed
        self._metrics = metrics

    def note_archived(self, batch: Batch) -> None:
        self._metrics.batches.inc()
        self._metrics.relayed.inc(batch.span.last - batch.span.first + 1)
        lag = datetime.now(UTC) - datetime.fromisoformat(batch.time)
        self._metrics.lag_s.observe(lag.total_seconds())
        log.info("batch archived", extra=self._of(batch, "archived"))

    def note_copy(self) -> None:
        self._metrics.copies.inc()

    def note_contradiction(self, batch: Batch) -> None:
        self._metrics.contradictions.inc()
        log.error(
            "dropped as a copy, but the room has another event in its place: after"
            " an older backup was restored, begin a new epoch (manage.py new_epoch)",
            extra=self._of(batch, "contradiction"),
        )

    def note_behind(self, head: Position | None) -> None:
        self._metrics.behind.inc()
        log.warning(
            "does not follow what the archive has: told the relay",
            extra={
                "feed": self._feed,
                "epoch": head.epoch if head else None,
                "last": head.last if head else None,
                "outcome": "behind",
            },
        )

    def note_conflict(self, head: Position | None) -> None:
        log.warning(
            "the archive's head is another than it was: going on from there",
            extra={
                "feed": self._feed,
                "epoch": head.epoch if head else None,
                "last": head.last if head else None,
                "outcome": "conflict",
            },
        )

    def note_passed_over(self) -> None:
        self._metrics.passed_over.inc()

    def note_refused(self, batch: Batch, error: PusherError) -> None:
        self._metrics.refused.inc()
        extra = self._of(batch, "refused")
        log.warning("the room refuses a batch: %s", error, extra=extra)

    def note_opening(self, opening: Opening, outcome: str) -> None:
        extra = {"feed": self._feed, "epoch": opening.at.epoch, "outcome": outcome}
        log.info("opening: %s", outcome, extra=extra)

    def note_unopened(self) -> None:
        self._metrics.unopened.inc()
        extra = {"feed": self._feed, "outcome": "closed"}
        log.warning("who may read is unknown: told the relay", extra=extra)

    def note_reader(self) -> None:
        extra = {"feed": self._feed, "outcome": "readers"}
        log.info("a reader let in or put out", extra=extra)

    def note_interruption(self, error: PusherError, is_first: bool) -> None:
        self._metrics.retries.labels(type(error).__name__).inc()
        level = logging.WARNING if is_first else logging.DEBUG
        extra = {"feed": self._feed, "outcome": "retry"}
        log.log(level, "feed interrupted: %s", error, extra=extra)

    def note_shut(self, detail: str, dropped: int) -> None:
        self._metrics.shut.inc()
        extra = {"feed": self._feed, "dropped": dropped, "outcome": "shut"}
        log.warning("the room can not be used: %s", detail, extra=extra)

    def note_failure(self) -> None:
        self._metrics.failures.inc()
        extra = {"feed": self._feed, "outcome": "failed"}
        log.exception("feed failed", extra=extra)

    def _of(self, batch: Batch, outcome: str) -> dict[str, object]:
        return {
            "feed": self._feed,
            "epoch": batch.span.epoch,
            "first": batch.span.first,
            "last": batch.span.last,
            "outcome": outcome,
        }
