"""What to load next, from what was numbered, loaded, asked for and lowered."""

from __future__ import annotations

from dataclasses import replace

from aviso.relay.backlog import (
    FEED_BYTES,
    FEED_MESSAGES,
    MOST_SPANS,
    Backlog,
    Progress,
    Span,
    Wanted,
)

ROOM = (4_000, 32 * 1024 * 1024)


class Holding:
    """What the window holds, said by a test."""

    def __init__(self, **messages: int) -> None:
        self.messages = messages
        self.forgotten: list[str] = []

    def held_of(self, feed: str) -> tuple[int, int]:
        return self.messages.get(feed, 0), 10 * self.messages.get(feed, 0)

    def forget_progress(self, feed: str) -> None:
        self.forgotten.append(feed)

    def room(self) -> tuple[int, int]:
        held = sum(self.messages.values())
        return ROOM[0] - held, ROOM[1] - 10 * held


NOTHING = Holding()


def want(backlog: Backlog, held: Holding = NOTHING, limit: int = 1_000) -> list[Wanted]:
    """Ask what is wanted, without the bytes."""
    return [replace(w, limit_bytes=0) for w in backlog.wanted(held, limit)]


def test_nothing_is_wanted_at_first() -> None:
    assert [] == want(Backlog())


def test_a_feed_that_was_numbered_is_wanted_from_its_first_new_sequence() -> None:
    backlog = Backlog()
    backlog.numbered("a", 41, 43)

    assert [Wanted("a", 40, 43, FEED_MESSAGES, 0)] == want(backlog)


def test_no_feed_has_more_than_its_budget_in_the_window() -> None:
    backlog = Backlog()
    backlog.numbered("a", 1, 1_000_000)

    assert [FEED_MESSAGES - 300] == [w.limit for w in want(backlog, Holding(a=300))]
    assert [] == want(backlog, Holding(a=FEED_MESSAGES - 3))
    assert [FEED_BYTES] == [w.limit_bytes for w in backlog.wanted(NOTHING, 1_000)]


def test_feeds_share_the_room_and_take_turns() -> None:
    backlog = Backlog()
    for feed in ("a", "b", "c"):
        backlog.numbered(feed, 1, 1_000_000)

    wanted = want(backlog, limit=300)
    backlog.take_in(wanted[:1], {0: 100})

    assert [("a", 100), ("b", 100), ("c", 100)] == [(w.feed, w.limit) for w in wanted]
    assert ["b", "c", "a"] == [w.feed for w in want(backlog, limit=300)]


def test_a_feed_that_is_loaded_to_its_head_is_wanted_no_more() -> None:
    backlog = Backlog()
    backlog.numbered("a", 1, 3)

    backlog.take_in(want(backlog), {0: 3})

    assert [] == want(backlog)
    backlog.numbered("a", 4, 9)
    assert [Wanted("a", 3, 9, FEED_MESSAGES, 0)] == want(backlog)


def test_a_load_that_was_cut_short_goes_on_where_it_ended() -> None:
    backlog = Backlog()
    backlog.numbered("a", 1, 9)

    backlog.take_in(want(backlog), {0: 4})

    assert [4] == [w.after for w in want(backlog)]


def test_what_is_not_there_any_more_is_not_asked_for_for_ever() -> None:
    backlog = Backlog()
    backlog.numbered("a", 1, 9)

    backlog.take_in(want(backlog), {})

    assert [] == want(backlog)


def test_only_the_next_of_a_feed_is_added_without_a_load() -> None:
    backlog = Backlog()
    backlog.numbered("a", 1, 9)
    assert backlog.is_next("a", 1)
    backlog.added("a", 9)
    backlog.numbered("a", 10, 12)

    backlog.numbered("a", 13, 13)

    assert backlog.is_next("a", 10)
    assert not backlog.is_next("a", 13)


def test_what_an_earlier_term_left_is_found() -> None:
    backlog = Backlog()
    backlog.found("a", published=6, head=9)
    backlog.found("b", published=9, head=9)

    assert [Wanted("a", 6, 9, FEED_MESSAGES, 0)] == want(backlog)


def test_a_lowered_feed_starts_over_when_the_window_has_let_go_of_it() -> None:
    backlog = Backlog()
    backlog.numbered("a", 1, 9)
    backlog.take_in(want(backlog), {0: 9})
    backlog.wrote("a", 7)

    backlog.found("a", published=2, head=9)
    backlog.numbered("a", 10, 10)
    assert [] == want(backlog, Holding(a=2))
    assert [] == backlog.progressed({"a": 9})
    held = Holding()

    assert [Wanted("a", 2, 10, FEED_MESSAGES, 0)] == want(backlog, held)
    assert ["a"] == held.forgotten
    assert [Progress("a", 2, 4)] == backlog.progressed({"a": 4})


def test_a_million_asked_for_again_is_one_span_beside_what_is_new() -> None:
    backlog = Backlog()
    backlog.ask_again("a", Span(1, 1_000_000), head=1_000_000)
    backlog.numbered("a", 1_000_001, 1_000_400)

    new, again = want(backlog)

    half = FEED_MESSAGES // 2
    assert Wanted("a", 1_000_000, 1_000_400, half, 0) == new
    assert Wanted("a", 0, 1_000_000, half, 0, again=True) == again
    backlog.take_in([new, again], {0: 1_000_250, 1: 250})
    assert [1_000_250, 250] == [w.after for w in want(backlog)]


def test_with_its_opening_a_span_goes_before_what_is_new() -> None:
    backlog = Backlog()
    backlog.ask_again("a", Span(1, 3, opens=True), head=3)
    backlog.numbered("a", 4, 4)

    (first,) = want(backlog)
    backlog.take_in([first], {0: 2})

    assert Wanted("a", 0, 3, 3, 0, again=True, opens=True) == first
    assert [(3, False), (2, False)] == [(w.after, w.opens) for w in want(backlog)]


def test_spans_of_a_feed_are_joined_and_stay_few() -> None:
    backlog = Backlog()
    for first in range(1, 1_000, 10):
        backlog.ask_again("a", Span(first, first + 1), head=1_000)
    backlog.ask_again("a", Span(3, 10), head=1_000)
    found = []

    while wanted := want(backlog):
        found.append(wanted[0].after + 1)
        backlog.take_in(wanted, {0: wanted[0].last})

    assert 1 == found[0]
    assert found == sorted(found)
    assert len(found) <= MOST_SPANS


def test_a_feed_that_is_done_is_forgotten() -> None:
    backlog = Backlog()
    backlog.numbered("a", 1, 3)
    backlog.added("a", 3)
    backlog.forget_idle(["a"], Holding())
    assert backlog.loaded_of("a") == 3
    backlog.wrote("a", 3)

    backlog.forget_idle(["a"], Holding())

    assert backlog.loaded_of("a") is None
    assert 0 == backlog.depth


def test_what_is_known_of_many_feeds_is_the_sum_of_what_is_not_confirmed() -> None:
    backlog = Backlog()
    backlog.numbered("a", 1, 300)
    backlog.found("b", 5, 12)

    assert 307 == backlog.depth
