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
    ("at", "archived", "expected"),
    [
        (Position("e001", 0), 10, OpeningVerdict.OPEN),
        (Position("e001", 0), 12, OpeningVerdict.OPEN),
        (Position("e001", 0), 9, OpeningVerdict.OUTDATED),
        (Position("e002", 5), 9, OpeningVerdict.ANNOUNCE),
        (Position("e000", 5), 9, OpeningVerdict.STALE),
    ],
)
def test_an_opening_by_the_head(
    at: Position, archived: int, expected: OpeningVerdict
) -> None:
    assert expected is begin(HEAD).judge_opening(at, archived, {"e000", "e001"})


def test_an_opening_is_outdated_by_readers_since_and_not_by_records() -> None:
    window = begin(HEAD)
    window.send(span(11, 15))
    window.note_archived()
    at = Position("e001", 0)
    assert OpeningVerdict.OPEN is window.judge_opening(at, 10, ())

    window.send(span(16, 20))
    window.note_reader(span(16, 20))
    window.note_archived()

    assert OpeningVerdict.OUTDATED is window.judge_opening(at, 15, ())
    assert OpeningVerdict.OPEN is window.judge_opening(at, 16, ())


def test_an_empty_archive_begins_where_the_epoch_does_whatever_it_had() -> None:
    for archived in (0, 7, 5000):
        first, later = Position("e001", 0), Position("e001", 7)
        assert OpeningVerdict.OPEN is begin().judge_opening(first, archived, ())
        assert OpeningVerdict.ANNOUNCE is begin().judge_opening(later, archived, ())


def test_an_announcement_moves_the_position_into_its_epoch() -> None:
    window = begin(HEAD)
    window.send(Span("e002", 6, 5))

    assert Verdict.SEND is window.judge(span(6, 6, "e002"), "r1")
    window.note_archived()
    assert Position("e002", 5) == window.head
    assert OpeningVerdict.OPEN is window.judge_opening(Position("e002", 5), 5, ())


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
