"""Feeds, batches and time for tests of the lanes: no server, no clock."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

from aviso.events.batches import Batch
from aviso.outbox.states import FeedState, Opening
from aviso.relay.lane import Lane
from aviso.relay.lanes import Lanes
from aviso.relay.reports import Archived, Behind, Refused, Shut

EPOCH = "e1e1"
TIME = datetime(2026, 11, 24, 9, 30, tzinfo=UTC)


def make_state(feed: str = "orders", *, head: int = 0, published: int = 0) -> FeedState:
    return FeedState(
        feed=feed,
        opening=Opening(EPOCH, "public"),
        is_announced=True,
        published=published,
        head=head,
        pruned=0,
        begun=0,
    )


def make_batch(
    first: int,
    last: int,
    *,
    feed: str = "orders",
    epoch: str = EPOCH,
    is_full: bool = True,
    size_bytes: int = 1_000,
) -> Batch:
    return Batch(
        feed=feed,
        epoch=epoch,
        first=first,
        last=last,
        body=b"",
        is_deflated=False,
        text_bytes=size_bytes,
        encoded_bytes=size_bytes,
        is_full=is_full,
        time=TIME,
    )


class One:
    """A single feed's lane, driven by hand; `now` is the time."""

    def __init__(self, *, head: int = 0, published: int = 0) -> None:
        self.now = 100.0
        self._runs = 0
        self.lanes = Lanes(self._new_run)
        self.state = make_state(head=head, published=published)
        self.lanes.take_in(self.state)

    def _new_run(self) -> str:
        self._runs += 1
        return f"run-{self._runs}"

    @property
    def run(self) -> str:
        return self._lane.run

    @property
    def sent(self) -> int:
        return self._lane.sent

    @property
    def archived(self) -> int:
        return self._lane.archived

    @property
    def due(self) -> float:
        return self._lane.due

    @property
    def problem(self) -> str | None:
        return self._lane.problem

    @property
    def wants(self) -> int:
        lane = self.lanes.get("orders")
        return 0 if lane is None else lane.wants()

    @property
    def _lane(self) -> Lane:
        lane = self.lanes.get("orders")
        assert lane is not None
        return lane

    def number(self, head: int) -> None:
        self.state = replace(self.state, head=head)
        self.lanes.take_in(self.state)

    def change(self, **values: object) -> None:
        self.state = replace(self.state, **values)  # type: ignore[arg-type]
        self.lanes.take_in(self.state)

    def send(self, first: int, last: int, *, is_full: bool = True) -> bool:
        batch = make_batch(first, last, is_full=is_full, epoch=self.state.opening.epoch)
        if not self.lanes.accepts(batch):
            return False
        self.lanes.send(batch, self.now)
        return True

    def archive(self, last: int) -> None:
        report = Archived("orders", self.state.opening.epoch, last)
        self.lanes.report(report, self.now)

    def behind(self, last: int | None, *, run: str | None = None) -> bool:
        epoch = None if last is None else self.state.opening.epoch
        report = Behind("orders", run or self.run, epoch, last)
        return self.lanes.report(report, self.now)

    def shut(self) -> None:
        self.lanes.report(Shut("orders", self.run, "no entry"), self.now)

    def refuse(self, first: int, last: int) -> None:
        report = Refused("orders", self.run, EPOCH, first, last, "no")
        self.lanes.report(report, self.now)

    def wait(self, seconds: float) -> list[str]:
        self.now += seconds
        return self.lanes.pass_time(self.now)
