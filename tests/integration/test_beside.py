"""What runs beside a test cannot fail or hang without a word."""

from __future__ import annotations

import threading

import pytest

from .beside import beside


def test_work_beside_a_block_is_told_when_the_block_ends() -> None:
    done = []

    def work(ended: threading.Event) -> None:
        ended.wait(30)
        done.append(ended.is_set())

    with beside(work):
        assert done == []

    assert done == [True]


def test_what_the_work_raises_is_raised_where_the_block_ends() -> None:
    def work(ended: threading.Event) -> None:
        raise OSError("the line is cut")

    with pytest.raises(OSError, match="the line is cut"), beside(work):
        pass


def test_work_that_does_not_end_fails_the_block() -> None:
    over = threading.Event()

    def work(ended: threading.Event) -> None:
        over.wait(30)

    with pytest.raises(AssertionError, match="work runs"), beside(work, end_s=0.05):
        pass
    over.set()


def test_a_block_that_fails_is_named_with_the_work_that_failed_it() -> None:
    def work(ended: threading.Event) -> None:
        raise OSError("the line is cut")

    with pytest.raises(OSError, match="the line is cut") as raised, beside(work):
        raise AssertionError("nothing arrived")

    assert str(raised.value.__context__) == "nothing arrived"
