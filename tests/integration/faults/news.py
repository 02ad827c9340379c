"""Waiting for a position to move, wherever it is read: a page, a pusher."""

from __future__ import annotations

from collections.abc import Callable

from ..page import FeedPage
from ..waiting import until


def wait_for_news(position: Callable[[], int], timeout_s: float = 60) -> None:
    """Wait until it has moved twice: once may be what was under way before."""
    for _ in range(2):
        before = position()
        _wait_beyond(before, position, timeout_s)


def _wait_beyond(before: int, position: Callable[[], int], timeout_s: float) -> None:
    until(
        lambda: position() > before, f"a position to move on from {before}", timeout_s
    )


def reach(page: FeedPage, sequence: int, timeout_s: float = 60) -> None:
    """Wait until the page shows this sequence or a later one: it goes on meanwhile."""
    until(lambda: page.position >= sequence, f"the page to show {sequence}", timeout_s)
