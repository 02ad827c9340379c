"""Waiting with a deadline: what a test does instead of sleeping."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from itertools import repeat
from typing import TypeVar

T = TypeVar("T")
# Nothing is promised by it: it ends the wait for what will not come any more.
ALIVE_S = 120.0
# Each question goes to a server or into a page: soon at first, then less often.
_FIRST_PAUSE_S, _LONGEST_PAUSE_S, _GROWTH = 0.01, 0.2, 1.3


def until(
    question: Callable[[], T],
    what: str,
    timeout_s: float = ALIVE_S,
    every_s: float | None = None,
) -> T:
    """Ask until the answer is true, and return it.

    `what` completes the sentence "waited … s for". Raises AssertionError with the
    last answer when the time is over.
    """
    deadline = time.monotonic() + timeout_s
    pauses_s = _growing() if every_s is None else repeat(every_s)
    while True:
        answer = question()
        if answer:
            return answer
        if time.monotonic() > deadline:
            raise AssertionError(f"waited {timeout_s:g} s for {what}; last: {answer!r}")
        time.sleep(next(pauses_s))


def until_equal(
    expected: T, question: Callable[[], T], what: str, timeout_s: float = ALIVE_S
) -> None:
    """Ask until the answer is `expected`; the failure shows the two side by side."""
    deadline = time.monotonic() + timeout_s
    pauses_s = _growing()
    while (answer := question()) != expected:
        if time.monotonic() > deadline:
            raise AssertionError(
                f"waited {timeout_s:g} s for {what}: "
                f"expected {expected!r}, last: {answer!r}"
            )
        time.sleep(next(pauses_s))


def _growing() -> Iterator[float]:
    pause_s = _FIRST_PAUSE_S
    while True:
        yield pause_s
        pause_s = min(_LONGEST_PAUSE_S, _GROWTH * pause_s)
