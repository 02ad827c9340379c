"""What the checker needs of a system: a page of code for each."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from typing import Protocol

from playwright.sync_api import Page

Break = Callable[[], AbstractContextManager[None]]
"""Breaks one thing; at the end of the block it is there again."""


class System(Protocol):
    name: str

    def start(self) -> None:
        """Start every server, and return when they serve."""

    def stop(self) -> None: ...

    def begin(self) -> None:
        """Begin with nothing written: a new feed, topic, channel."""

    def write(self, record: str) -> bool:
        """Write the record with this id (a UUID) once; True when it was accepted.

        False is no answer, or an error of the server: the caller tries again, with
        the same id, as a careful program does.
        """

    def subscribe(self, tab: Page) -> None:
        """Open the system's own page, and return when it is live."""

    def shown(self, tab: Page) -> list[str]:
        """The ids that the page has shown, the oldest first, each time it did."""

    @property
    def breaks(self) -> Mapping[str, Break]:
        """`broker`, `push` (what serves subscribers), `web` (what serves writers)."""
