"""Acks: few frames, and never one for a message that is not done."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from amqp_client.tags import Tags


def deliver(*tags: int) -> Tags:
    window = Tags()
    for tag in tags:
        window.deliver(tag)
    return window


def test_what_stands_at_the_front_together_is_one_frame() -> None:
    assert [(3, True)] == deliver(1, 2, 3, 4).settle([2, 1, 3])


def test_what_stands_behind_an_open_one_is_acked_by_itself() -> None:
    window = deliver(1, 2, 3, 4)

    assert [(2, False), (4, False)] == window.settle([4, 2])
    assert [(3, True)] == window.settle([1, 3])


def test_a_tag_that_is_not_open_is_passed_over() -> None:
    window = deliver(1)
    window.settle([1])

    assert [] == window.settle([1, 99])


@given(st.lists(st.lists(st.integers(1, 30), max_size=8), max_size=20))
def test_the_broker_learns_of_exactly_what_is_done(calls: list[list[int]]) -> None:
    window = deliver(*range(1, 31))
    unacked = set(range(1, 31))
    done: set[int] = set()

    for tags in calls:
        done |= set(tags)
        for tag, multiple in window.settle(tags):
            assert tag in unacked, "acking a tag twice closes the channel"
            unacked -= {n for n in unacked if n == tag or (multiple and n < tag)}
        assert set(range(1, 31)) - done == unacked
        assert len(unacked) == len(window)
