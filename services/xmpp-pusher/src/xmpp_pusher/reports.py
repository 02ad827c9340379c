"""What the relay is told (``contracts/topology.json``, "reports"): pure.

Of each feed and kind only the newest is kept until it is published, so what waits is
bounded, however long the broker is away. A report that gets lost is harmless.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable
from typing import Final

from .contract import MAX_REPORTS
from .position import Position, Span

Report = dict[str, str | None]

MAX_FEEDS: Final = 10_000
_MAX_DETAIL: Final = 500


def archived(feed: str, at: Position) -> Report:
    return _report("archived", feed, epoch=at.epoch, last=str(at.last))


def opened(feed: str, epoch: str, opening_id: str) -> Report:
    return _report("opened", feed, epoch=epoch, id=opening_id)


def behind(feed: str, run: str, head: Position | None) -> Report:
    epoch, last = (head.epoch, str(head.last)) if head else (None, None)
    return _report("behind", feed, run=run, epoch=epoch, last=last)


def shut(feed: str, run: str, detail: str) -> Report:
    return _report("shut", feed, run=run, detail=detail[:_MAX_DETAIL])


def refused(feed: str, run: str, span: Span, detail: str) -> Report:
    return _report(
        "refused",
        feed,
        run=run,
        epoch=span.epoch,
        first=str(span.first),
        last=str(span.last),
        detail=detail[:_MAX_DETAIL],
    )


def unopened(feed: str) -> Report:
    return _report("unopened", feed)


def away() -> Report:
    return {"kind": "away"}


def _report(kind: str, feed: str, **members: str | None) -> Report:
    return {"kind": kind, "feed": feed, **members}


class WaitingReports:
    """What is still to be published, oldest feed first."""

    def __init__(self) -> None:
        self._feeds: OrderedDict[str | None, dict[str | None, Report]] = OrderedDict()

    def __bool__(self) -> bool:
        return bool(self._feeds)

    def add(self, report: Report) -> None:
        """Keep a report instead of the feed's last one of its kind."""
        self._feeds.setdefault(report.get("feed"), {})[report["kind"]] = report
        if len(self._feeds) > MAX_FEEDS:
            self._feeds.popitem(last=False)

    def take(self, count: int = MAX_REPORTS) -> list[Report]:
        """Take the oldest ones, for one message."""
        taken: list[Report] = []
        while self._feeds and len(taken) < count:
            feed, kinds = self._feeds.popitem(last=False)
            # Whoever hears the others does better to know how far the archive goes.
            order = sorted(kinds, key=lambda kind: kind != "archived")
            for kind in order[: count - len(taken)]:
                taken.append(kinds.pop(kind))
            if kinds:
                self._feeds[feed] = kinds
                self._feeds.move_to_end(feed, last=False)
        return taken

    def put_back(self, reports: Iterable[Report]) -> None:
        """Keep those that were taken, where nothing newer has come meanwhile."""
        for report in reports:
            kinds = self._feeds.setdefault(report.get("feed"), {})
            kinds.setdefault(report["kind"], report)
        while len(self._feeds) > MAX_FEEDS:
            self._feeds.popitem(last=False)
