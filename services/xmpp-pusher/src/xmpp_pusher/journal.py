"""What a feed tells the world: log lines and counters, never a record's data."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import UTC, datetime

from .errors import PusherError
from .events import Event
from .ledger import Item
from .metrics import Metrics
from .positions import Gap, Position

log = logging.getLogger(__name__)


class Journal:
    def __init__(self, feed: str, metrics: Metrics) -> None:
        self._feed = feed
        self._metrics = metrics

    def note_archived(
        self, batch: Sequence[Item], first: Position, last: Position
    ) -> None:
        self._metrics.batches.inc()
        now = datetime.now(UTC)
        events = [i.content for i in batch if isinstance(i.content, Event)]
        self._metrics.relayed.inc(len(events))
        for event in events:
            lag = now - datetime.fromisoformat(event.time)
            self._metrics.lag_s.observe(lag.total_seconds())
        extra: dict[str, object] = {
            "feed": self._feed,
            "epoch": first.epoch,
            "first": first.sequence,
            "last": last.sequence,
            "outcome": "archived",
        }
        if len(batch) == 1:
            extra |= {"event_id": batch[0].content.id, "sequence": last.sequence}
        log.info("batch archived", extra=extra)

    def note_parked(self, item: Item) -> None:
        cause = item.poison.cause if item.poison else ""
        self._metrics.parked.labels(cause).inc()
        extra = _describe(item) | {"cause": cause, "outcome": "parked"}
        log.warning("event parked", extra=extra)

    def note_copy(self) -> None:
        self._metrics.copies.inc()

    def note_contradiction(self, item: Item) -> None:
        self._metrics.contradictions.inc()
        extra = _describe(item) | {"outcome": "contradiction"}
        log.error(
            "dropped as a copy, but the room has another event in its place: after"
            " an older backup was restored, begin a new epoch (manage.py new_epoch)",
            extra=extra,
        )

    def note_behind(self, head: Position | None, expected: Position | None) -> None:
        self._metrics.behind.inc()
        extra = {
            "feed": self._feed,
            "epoch": head.epoch if head else None,
            "last": head.sequence if head else None,
            "expected": expected.sequence if expected else None,
            "outcome": "behind",
        }
        log.warning("the archive's head is another: going on from there", extra=extra)

    def note_stale(self, item: Item) -> None:
        self._metrics.stale.inc()
        extra = _describe(item) | {"outcome": "stale"}
        log.warning("event of an ended epoch dropped", extra=extra)

    def note_start(self, after: Position) -> None:
        if after.sequence == 0:
            return  # nothing can be missing before the first
        self._metrics.guessed_starts.inc()
        extra = {
            "feed": self._feed,
            "epoch": after.epoch,
            "sequence": after.sequence + 1,
            "outcome": "started",
        }
        log.warning(
            "an epoch that nobody opened begins with its lowest event here", extra=extra
        )

    def note_hole(self, position: Position | None, held: int) -> None:
        extra = {
            "feed": self._feed,
            "epoch": position.epoch if position else None,
            "expected": position.sequence + 1 if position else None,
            "held": held,
            "outcome": "held",
        }
        log.warning("events wait for a missing one", extra=extra)

    def note_asked(self, gap: Gap) -> None:
        self._metrics.asked.inc()
        extra = {
            "feed": self._feed,
            "epoch": gap.epoch,
            "sequence": f"{gap.first}-{gap.last}",
            "outcome": "asked",
        }
        log.warning("asked the relay for events that did not come", extra=extra)

    def note_let_go(self, count: int, is_first: bool) -> None:
        self._metrics.let_go.inc(count)
        level = logging.WARNING if is_first else logging.DEBUG
        extra = {"feed": self._feed, "events": count, "outcome": "let-go"}
        log.log(level, "stuck events make way: the relay will be asked", extra=extra)

    def note_unopened(self) -> None:
        self._metrics.asked.inc()
        extra = {"feed": self._feed, "outcome": "closed"}
        log.warning(
            "who may read is unknown: asked the relay for an opening", extra=extra
        )

    def note_readers(self, changes: int) -> None:
        extra = {"feed": self._feed, "changes": changes, "outcome": "readers"}
        log.info("readers let in or put out", extra=extra)

    def note_interruption(self, error: PusherError, is_first: bool) -> None:
        self._metrics.retries.labels(type(error).__name__).inc()
        level = logging.WARNING if is_first else logging.DEBUG
        extra = {"feed": self._feed, "outcome": "retry"}
        log.log(level, "feed interrupted: %s", error, extra=extra)

    def note_failure(self) -> None:
        self._metrics.failures.inc()
        extra = {"feed": self._feed, "outcome": "failed"}
        log.exception("feed failed", extra=extra)


def _describe(item: Item) -> dict[str, object]:
    return {
        "feed": item.content.feed,
        "epoch": item.at.epoch,
        "sequence": item.at.sequence,
        "event_id": item.content.id,
    }
