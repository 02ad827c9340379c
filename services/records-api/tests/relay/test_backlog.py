"""What to load next, from what was numbered, loaded and scanned."""

from __future__ import annotations

from aviso.relay.backlog import Backlog, Found, Wanted


class Holding:
    """What the window holds, said by a test."""

    def __init__(self, *places: tuple[str, int]) -> None:
        self.places = set(places)

    def holds(self, feed: str, sequence: int) -> bool:
        return (feed, sequence) in self.places

    def holds_any(self, feed: str) -> bool:
        return any(feed == held for held, _ in self.places)


NOTHING = Holding()


def test_nothing_is_wanted_at_first() -> None:
    assert [] == Backlog().wanted(10)


def test_a_feed_that_was_numbered_is_wanted_from_its_first_new_sequence() -> None:
    backlog = Backlog()
    backlog.numbered("a", 41)

    assert [Wanted("a", after=40, limit=10)] == backlog.wanted(10)


def test_feeds_share_the_room() -> None:
    backlog = Backlog()
    backlog.numbered("a", 1)
    backlog.numbered("b", 1)

    assert [Wanted("a", 0, 5), Wanted("b", 0, 5)] == backlog.wanted(10)


def test_with_more_feeds_than_room_those_left_out_come_next() -> None:
    backlog = Backlog()
    for feed in ("a", "b", "c"):
        backlog.numbered(feed, 1)
    wanted = backlog.wanted(2)
    found = {w.feed: Found(1, 1) for w in wanted}

    backlog.take_in(wanted, found, is_cut=False)

    assert ["c", "a"] == [w.feed for w in backlog.wanted(2)]


def test_a_load_that_brought_less_than_wanted_ends_the_feed() -> None:
    backlog = Backlog()
    backlog.numbered("a", 1)
    wanted = backlog.wanted(10)

    backlog.take_in(wanted, {"a": Found(3, 3)}, is_cut=False)

    assert [] == backlog.wanted(10)
    backlog.numbered("a", 4)
    assert [Wanted("a", 3, 10)] == backlog.wanted(10)


def test_a_load_cut_short_leaves_more_of_the_last_feed_and_of_those_after_it() -> None:
    backlog = Backlog()
    for feed in ("a", "b", "c"):
        backlog.numbered(feed, 1)
    wanted = backlog.wanted(30)

    backlog.take_in(wanted, {"a": Found(3, 3), "b": Found(2, 2)}, is_cut=True)

    assert {"b": 2, "c": 0} == {w.feed: w.after for w in backlog.wanted(30)}


def test_a_scan_after_a_start_finds_what_an_earlier_term_left() -> None:
    backlog = Backlog()
    backlog.scanned({"a": 7}, NOTHING)

    assert [Wanted("a", 6, 10)] == backlog.wanted(10)


def test_a_scan_changes_nothing_about_what_is_held() -> None:
    backlog = loaded_up_to("a", 9)

    backlog.scanned({"a": 8}, Holding(("a", 8), ("a", 9)))

    assert [] == backlog.wanted(10)
    assert not backlog.has_more("a")


def test_events_to_travel_again_wait_until_the_feed_has_left_the_window() -> None:
    backlog = loaded_up_to("a", 9)

    backlog.scanned({"a": 3}, Holding(("a", 8), ("a", 9)))
    backlog.numbered("a", 10)
    assert [] == backlog.wanted(10)
    backlog.scanned({"a": 3}, NOTHING)

    assert [Wanted("a", 2, 10)] == backlog.wanted(10)


def test_a_feed_that_waited_in_vain_goes_on() -> None:
    backlog = loaded_up_to("a", 9)
    backlog.scanned({"a": 3}, Holding(("a", 9)))

    backlog.scanned({}, NOTHING)
    backlog.numbered("a", 10)

    assert [Wanted("a", 9, 10)] == backlog.wanted(10)


def test_idle_feeds_are_forgotten_and_busy_ones_are_not() -> None:
    backlog = loaded_up_to("a", 9)

    backlog.forget_idle(Holding(("a", 9)))
    backlog.scanned({"a": 3}, Holding(("a", 9)))
    assert backlog.has_more("a")
    backlog.scanned({}, NOTHING)
    backlog.forget_idle(NOTHING)

    assert not backlog.has_more("a")


def loaded_up_to(feed: str, last: int) -> Backlog:
    backlog = Backlog()
    backlog.numbered(feed, 1)
    backlog.take_in(backlog.wanted(1_000), {feed: Found(last, last)}, is_cut=False)
    return backlog
