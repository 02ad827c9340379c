"""The rule: what follows goes, and whoever does not follow is told once a run."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xmpp_pusher.position import (
    MAX_UNDER_WAY,
    OpeningVerdict,
    Position,
    Span,
    Verdict,
    Window,
)


def begin(head: Position | None = None) -> Window:
    window = Window()
    window.begin(head)
    return window


def span(first: int, last: int, epoch: str = "e001") -> Span:
    return Span(epoch, first, last)


HEAD = Position("e001", 10)


@pytest.mark.parametrize(
    ("batch", "expected"),
    [
        (span(11, 20), Verdict.SEND),
        (span(3, 10), Verdict.COPY),
        (span(10, 11), Verdict.BEHIND),
        (span(12, 20), Verdict.BEHIND),
        (span(11, 20, "e002"), Verdict.BEHIND),
        (span(1, 1, "e002"), Verdict.BEHIND),
    ],
)
def test_a_batch_follows_the_head_or_does_not(batch: Span, expected: Verdict) -> None:
    assert expected is begin(HEAD).judge(batch, "r1")


def test_an_empty_archive_begins_with_the_first_event_and_nothing_else() -> None:
    assert Verdict.SEND is begin().judge(span(1, 9), "r1")
    assert Verdict.BEHIND is begin().judge(span(2, 9), "r1")


def test_it_is_told_once_a_run_and_what_follows_goes_all_the_same() -> None:
    window = begin(HEAD)

    assert Verdict.BEHIND is window.judge(span(12, 12), "r1")
    assert Verdict.PASSED_OVER is window.judge(span(13, 13), "r1")
    assert Verdict.SEND is window.judge(span(11, 11), "r1")
    assert Verdict.BEHIND is window.judge(span(13, 13), "r2")


def test_four_are_under_way_and_what_does_not_follow_waits_for_them() -> None:
    window = begin(HEAD)
    for n in range(11, 11 + MAX_UNDER_WAY):
        assert Verdict.SEND is window.judge(span(n, n), "r1")
        window.send(span(n, n))

    assert Verdict.WAIT is window.judge(span(15, 15), "r1")
    assert Verdict.WAIT is window.judge(span(17, 17), "r1")
    assert Verdict.COPY is window.judge(span(12, 13), "r1")
    assert not window.is_archived(span(12, 13))
    window.note_archived()
    assert Position("e001", 11) == window.head
    assert Verdict.SEND is window.judge(span(15, 15), "r1")


def test_of_a_run_that_was_refused_nothing_more_is_told() -> None:
    window = begin(HEAD)
    window.send(span(11, 11))
    window.send(span(12, 12))

    window.note_refused("r1")

    assert Verdict.PASSED_OVER is window.judge(span(12, 12), "r1")
    assert Verdict.SEND is window.judge(span(11, 11), "r2")


def test_after_another_head_all_is_judged_by_that() -> None:
    window = begin(HEAD)
    window.judge(span(13, 13), "r1")
    window.send(span(11, 11))

    window.fall_back(Position("e001", 8))

    assert Verdict.BEHIND is window.judge(span(11, 11), "r1")
    assert Verdict.SEND is window.judge(span(9, 11), "r1")


@pytest.mark.parametrize(
    ("at", "expected"),
    [
        (HEAD, OpeningVerdict.OPEN),
        (Position("e001", 12), OpeningVerdict.OPEN),
        (Position("e001", 9), OpeningVerdict.OUTDATED),
        (Position("e002", 5), OpeningVerdict.ANNOUNCE),
        (Position("e000", 5), OpeningVerdict.STALE),
    ],
)
def test_an_opening_by_the_head(at: Position, expected: OpeningVerdict) -> None:
    assert expected is begin(HEAD).judge_opening(at, "r1", {"e000", "e001"})


def test_an_opening_is_outdated_by_readers_since_and_not_by_records() -> None:
    window = begin(HEAD)
    window.send(span(11, 15))
    window.note_archived()
    assert OpeningVerdict.OPEN is window.judge_opening(HEAD, "r1", ())

    window.send(span(16, 20))
    window.note_reader(span(16, 20))
    window.note_archived()

    before, behind = Position("e001", 15), Position("e001", 16)
    assert OpeningVerdict.OUTDATED is window.judge_opening(before, "r1", ())
    assert OpeningVerdict.OPEN is window.judge_opening(behind, "r1", ())


def test_an_empty_archive_is_told_before_it_begins_in_the_middle() -> None:
    window, at = begin(), Position("e001", 7)

    assert OpeningVerdict.OPEN is window.judge_opening(Position("e001", 0), "r1", ())
    assert OpeningVerdict.BEHIND is window.judge_opening(at, "r1", ())
    assert OpeningVerdict.BEHIND is window.judge_opening(at, "r1", ())
    assert OpeningVerdict.ANNOUNCE is window.judge_opening(at, "r2", ())


def test_an_announcement_moves_the_position_into_its_epoch() -> None:
    window = begin(HEAD)
    window.send(Span("e002", 6, 5))

    assert Verdict.SEND is window.judge(span(6, 6, "e002"), "r1")
    window.note_archived()
    assert Position("e002", 5) == window.head
    assert OpeningVerdict.OPEN is window.judge_opening(Position("e002", 5), "r1", ())


_SPANS = st.tuples(st.integers(1, 12), st.integers(0, 3)).map(
    lambda pair: span(pair[0], pair[0] + pair[1])
)


@given(st.lists(st.tuples(_SPANS, st.booleans()), max_size=60))
def test_what_is_sent_is_always_the_next(steps: list[tuple[Span, bool]]) -> None:
    window, sent, archived = begin(), 0, 0
    for batch, is_answered in steps:
        verdict = window.judge(batch, "r1")
        if verdict is Verdict.SEND:
            assert batch.first == sent + 1
            sent = batch.last
            window.send(batch)
        elif verdict is Verdict.COPY:
            assert batch.last <= sent
        if is_answered and archived < sent:
            window.note_archived()
            assert window.head is not None
            archived = window.head.last
        assert archived <= sent
