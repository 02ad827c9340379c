"""The order of publishing, one rule a test; any interleaving is tried next door."""

from __future__ import annotations

from aviso.relay.outgoing import Outgoing
from aviso.relay.window import Limits, Window
from tests.relay.messages import make_event, make_opening


def take_all(window: Window) -> list[Outgoing]:
    taken = []
    while (message := window.take()) is not None:
        taken.append(message)
    return taken


def sequences(messages: list[Outgoing]) -> list[int | None]:
    return [m.first for m in messages]


def test_a_feed_goes_out_in_order() -> None:
    window = Window()
    window.add(make_event("a", n) for n in (1, 2, 3))

    assert [1, 2, 3] == sequences(take_all(window))


def test_feeds_take_turns() -> None:
    window = Window()
    window.add([*(make_event("a", n) for n in (1, 2)), make_event("b", 1)])

    assert ["a", "b", "a"] == [m.feed for m in take_all(window)]


def test_no_more_is_in_flight_than_allowed() -> None:
    window = Window(Limits(in_flight=2))
    window.add(make_event("a", n) for n in (1, 2, 3))

    assert [1, 2] == sequences(take_all(window))


def test_no_more_bytes_are_in_flight_than_allowed_but_one_message_always_goes() -> None:
    window = Window(Limits(in_flight_bytes=100))
    window.add(make_event("a", n, size_bytes=150) for n in (1, 2))

    assert [1] == sequences(take_all(window))


def test_after_a_nack_a_feed_sends_nothing_until_it_has_drained() -> None:
    window = Window(Limits(in_flight=3))
    window.add(make_event("a", n) for n in (1, 2, 3, 4))
    one, _, _ = take_all(window)

    window.fail(one)

    assert [] == take_all(window)
    assert not window.is_stalled("a")


def test_a_stalled_feed_sends_what_is_unconfirmed_again_from_the_first() -> None:
    window = Window()
    window.add(make_event("a", n) for n in (1, 2, 3, 4))
    one, two, three, four = take_all(window)
    window.fail(three)
    window.confirm(two)
    window.fail(one)
    window.confirm(four)

    assert window.is_stalled("a")
    assert [1, 3] == sequences(window.failed("a"))
    window.resume("a")

    assert [1, 3] == sequences(take_all(window))


def test_a_stalled_feed_does_not_keep_others_waiting() -> None:
    window = Window()
    window.add([make_event("a", 1)])
    (one,) = take_all(window)
    window.fail(one)
    window.add([make_event("a", 2), make_event("b", 1)])

    assert ["b"] == [m.feed for m in take_all(window)]


def test_a_lost_connection_sends_everything_unconfirmed_again_in_order() -> None:
    window = Window()
    window.add(make_event("a", n) for n in (1, 2, 3, 4))
    _, two, three, _ = take_all(window)
    window.fail(two)
    window.confirm(three)

    window.lose()

    assert [1, 2, 4] == sequences(take_all(window))


def progress(window: Window) -> dict[str, int | None]:
    progress = window.take_progress()
    return {feed: None if m is None else m.last for feed, m in progress.items()}


def test_a_feed_is_published_up_to_what_has_nothing_unconfirmed_before_it() -> None:
    window = Window()
    window.add(make_event("a", n) for n in (1, 2, 3))
    one, two, _ = take_all(window)
    window.confirm(two)
    assert {} == progress(window)

    window.confirm(one)

    assert {"a": 2} == progress(window)
    assert {} == progress(window)


def test_what_travels_again_moves_no_progress() -> None:
    window = Window()
    window.add([make_event("a", 8), make_event("a", 3, again=True)])
    new, again = take_all(window)
    window.confirm(new)
    assert {"a": 8} == progress(window)

    window.confirm(again)

    assert {"a": None} == progress(window)


def test_progress_that_could_not_be_written_is_given_again() -> None:
    window = Window()
    window.add(make_event("a", n) for n in (1, 2))
    one, two = take_all(window)
    window.confirm(one)
    taken = window.take_progress()

    window.give_back(taken)
    assert {"a": 1} == progress(window)
    window.confirm(two)
    window.give_back(taken)
    assert {"a": 2} == progress(window)


def test_room_comes_back_when_nothing_unconfirmed_is_before_a_message() -> None:
    window = Window(Limits(held=2, held_bytes=100))
    window.add(make_event("a", n) for n in (1, 2))
    one, two = take_all(window)
    window.confirm(two)
    assert (0, 80) == window.room()

    window.confirm(one)

    assert (2, 100) == window.room()


def test_it_knows_what_it_holds_of_a_feed() -> None:
    window = Window()
    window.add([make_event("a", 1), make_event("a", 2)])
    one, _ = take_all(window)
    assert (2, 20) == window.held_of("a")
    assert window.holds("a", 1)

    window.confirm(one)

    assert (1, 10) == window.held_of("a")
    assert (0, 0) == window.held_of("b")
    assert not window.holds("a", 1)


def test_an_opening_waits_for_what_is_in_flight_and_lets_nothing_pass() -> None:
    window = Window()
    opening = make_opening("a")
    window.add([make_event("a", 1), opening, make_event("a", 2)])

    (one,) = take_all(window)
    window.confirm(one)
    assert [opening] == take_all(window)
    window.confirm(opening)

    assert [2] == sequences(take_all(window))


def test_an_opening_that_was_confirmed_is_told_once() -> None:
    window = Window()
    opening = make_opening("a")
    window.add([opening])
    window.confirm(take_all(window)[0])

    assert window.has_progress
    assert [opening] == window.take_opened()
    assert [] == window.take_opened()


def test_a_message_that_was_alone_in_flight_is_the_culprit() -> None:
    window = Window()
    window.add([make_event("a", 1)])
    (one,) = take_all(window)

    assert window.lose(over_a_message=True) is one


def test_with_several_in_flight_it_sends_singly_until_they_are_settled() -> None:
    window = Window()
    window.add(make_event("a", n) for n in (1, 2, 3))
    one, two, _ = take_all(window)

    assert window.lose(over_a_message=True) is None
    assert [one] == take_all(window)
    window.confirm(one)
    assert [two] == take_all(window)
    assert window.lose(over_a_message=True) is two
    window.replace(two, make_event("a", 2))
    assert [2] == sequences(take_all(window))


def test_caution_ends_with_the_last_suspect() -> None:
    window = Window()
    window.add(make_event("a", n) for n in (1, 2, 3))
    take_all(window)
    window.lose(over_a_message=True)
    for _ in range(3):
        (message,) = take_all(window)
        window.confirm(message)

    assert not window.is_cautious
    window.add(make_event("a", n) for n in (4, 5))
    assert [4, 5] == sequences(take_all(window))


def test_a_substitute_stands_exactly_where_the_other_stood() -> None:
    window = Window()
    window.add(make_event("a", n) for n in (1, 2, 3))
    one, two, three = take_all(window)
    window.fail(two)
    window.fail(three)
    window.confirm(one)
    substitute = make_event("a", 2, size_bytes=1)

    window.replace(two, substitute)
    window.resume("a")

    assert [substitute, three] == take_all(window)
    assert 1 + 10 == window.held_bytes
