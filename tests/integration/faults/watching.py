"""Waiting for a page that goes on."""

from __future__ import annotations

from ..page import FeedPage
from ..waiting import until


def reach(page: FeedPage, sequence: int, timeout_s: float = 60) -> None:
    """Wait until the page shows this sequence or a later one."""
    until(lambda: page.position >= sequence, f"the page to show {sequence}", timeout_s)
