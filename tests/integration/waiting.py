"""Waiting with a deadline: what a test does instead of sleeping."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")
# Nothing is promised by it: it ends the wait for what will not come any more.
ALIVE_S = 60.0


def until(
    question: Callable[[], T],
    what: str,
    timeout_s: float = ALIVE_S,
    every_s: float = 0.05,
) -> T:
    """Ask until the answer is true, and return it.

    `what` completes the sentence "waited … s for". Raises AssertionError with the
    last answer when the time is over.
    """
    deadline = time.monotonic() + timeout_s
    while True:
        answer = question()
        if answer:
            return answer
        if time.monotonic() > deadline:
            raise AssertionError(f"waited {timeout_s:g} s for {what}; last: {answer!r}")
        time.sleep(every_s)


def until_equal(
    expected: T, question: Callable[[], T], what: str, timeout_s: float = ALIVE_S
) -> None:
    """Ask until the answer is `expected`; the failure shows the two side by side."""
    deadline = time.monotonic() + timeout_s
    while (answer := question()) != expected:
        if time.monotonic() > deadline:
            raise AssertionError(
                f"waited {timeout_s:g} s for {what}: "
                f"expected {expected!r}, last: {answer!r}"
            )
        time.sleep(0.05)
