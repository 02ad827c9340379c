"""When to ask the relay for events that did not come: pure, no I/O, no clock.

A hole is mostly the broker's reordering and closes by itself. One that stays means
that the broker has lost what it confirmed; the events are in the database still.
"""

from __future__ import annotations

from typing import Final

from .positions import Gap

ASK_AFTER_S: Final = 1.0
_LONGEST_PAUSE_S: Final = 60.0


class Asking:
    """One feed's questions, with a growing pause between two about the same hole."""

    def __init__(self) -> None:
        self._first: tuple[str, int] | None = None
        self._next: tuple[str, int] | None = None
        self._due_s = 0.0
        self._pause_s = 0.0
        self._is_under_way = False

    def due_s(self, gap: Gap | None, now_s: float) -> float | None:
        """When to ask for the gap as it is now; None without one, or while asking."""
        if gap is None:
            self._first = None
            return None
        if self._first != (gap.epoch, gap.first):
            self._first = (gap.epoch, gap.first)
            # The rest of a hole whose last piece has come is no reordering.
            is_next = self._first == self._next
            self._due_s = now_s if is_next else now_s + ASK_AFTER_S
            self._pause_s = ASK_AFTER_S
        return None if self._is_under_way else self._due_s

    def begin(self, piece: Gap, now_s: float) -> None:
        """Note that a question is on its way; ``end`` says that it is no more."""
        self._is_under_way = True
        self._next = (piece.epoch, piece.last + 1)
        self._pause_s = min(2 * self._pause_s, _LONGEST_PAUSE_S)
        self._due_s = now_s + self._pause_s

    def end(self) -> None:
        self._is_under_way = False
