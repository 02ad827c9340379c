"""Ten thousand feeds at once: no more is out than the pusher takes."""

from __future__ import annotations

from dataclasses import replace

import pytest

from aviso.relay.lanes import (
    BATCHES_IN_TURN,
    MOST_BATCHES_OUT,
    MOST_OPENINGS_OUT,
    SILENT_BATCHES_OUT,
    Lanes,
)
from aviso.relay.reports import Archived, Opened
from tests.relay.lanes import EPOCH, make_batch, make_state

FEEDS = [f"many-{number:05}" for number in range(10_000)]
A_TURN = 100


class Many:
    """The lanes of `FEEDS`, each of which has so many events, or is to be opened."""

    def __init__(self, *, head: int = 0, is_announced: bool = True) -> None:
        self.now = 100.0
        self._runs = 0
        self.lanes = Lanes(self._new_run)
        for feed in FEEDS:
            state = replace(make_state(feed, head=head), is_announced=is_announced)
            self.lanes.take_in(state)

    def _new_run(self) -> str:
        self._runs += 1
        return f"run-{self._runs}"

    def open_all(self) -> list[str]:
        """Send every opening that may go; list whose."""
        opened: list[str] = []
        while feeds := self.lanes.openings(A_TURN):
            for feed in feeds:
                self.lanes.open(feed, f"opening-{feed}", self.now)
            opened += feeds
        return opened

    def send_all(self) -> list[str]:
        """Send every batch whose turn it is; list whose."""
        sent: list[str] = []
        while wanted := self.lanes.wanted():
            for each in wanted:
                batch = make_batch(each.after + 1, each.after + 1, feed=each.feed)
                assert self.lanes.accepts(batch)
                self.lanes.send(batch, self.now)
                sent.append(each.feed)
            self.lanes.loaded(wanted)
        return sent

    def fall_silent(self) -> None:
        self.now = self.lanes.due
        self.lanes.pass_time(self.now)


def test_no_more_openings_are_out_than_the_pusher_takes_at_once() -> None:
    many = Many(is_announced=False)

    first = many.open_all()

    assert FEEDS[:MOST_OPENINGS_OUT] == first


def test_all_feeds_are_opened_as_the_pusher_gets_on() -> None:
    many = Many(is_announced=False)
    opened: list[str] = []

    while feeds := many.open_all():
        opened += feeds
        for feed in feeds:
            many.lanes.opened(Opened(feed, EPOCH, f"opening-{feed}"))

    assert FEEDS == opened


def test_a_feed_with_an_event_is_opened_before_those_that_have_none() -> None:
    many = Many(is_announced=False)
    state = replace(make_state("one-more", head=1), is_announced=False)
    many.lanes.take_in(state)

    assert "one-more" == many.open_all()[0]


def test_no_more_batches_are_out_than_the_pusher_takes_at_once() -> None:
    many = Many(head=1)

    assert FEEDS[:BATCHES_IN_TURN] == many.send_all()


def test_what_was_written_just_now_does_not_wait_for_the_turns_of_the_others() -> None:
    many = Many(head=1)
    many.send_all()

    for number in range(MOST_BATCHES_OUT - BATCHES_IN_TURN):
        feed = f"quiet-{number}"
        many.lanes.take_in(make_state(feed, head=1))
        batch = make_batch(1, 1, feed=feed, is_full=False)
        assert many.lanes.accepts(batch)
        many.lanes.send(batch, many.now)

    many.lanes.take_in(make_state("late", head=1))
    assert not many.lanes.accepts(make_batch(1, 1, feed="late", is_full=False))


def test_what_is_archived_makes_room_for_the_next() -> None:
    many = Many(head=1)
    first = many.send_all()

    for feed in first:
        many.lanes.report(Archived(feed=feed, epoch=EPOCH, last=1), many.now)

    assert FEEDS[BATCHES_IN_TURN : 2 * BATCHES_IN_TURN] == many.send_all()


@pytest.mark.parametrize("kind", ["batches", "openings"])
def test_feeds_of_which_nothing_was_heard_leave_room_to_the_others(kind: str) -> None:
    many = Many(head=1, is_announced=kind == "batches")
    send = many.send_all if kind == "batches" else many.open_all
    silent = set(send())
    many.fall_silent()

    again = send()

    most = SILENT_BATCHES_OUT if kind == "batches" else 0
    assert len(silent & set(again)) <= most
    least = 50 if kind == "batches" else MOST_OPENINGS_OUT
    assert len(set(again) - silent) >= least
