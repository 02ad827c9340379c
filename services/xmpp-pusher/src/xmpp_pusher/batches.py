"""How much goes into one message: dense when busy, at once when quiet, no timer.

What became ready while a batch was under way is the next batch, up to a bound. Only
what nothing could join any more goes out beside another.
"""

from __future__ import annotations

from collections import deque
from typing import Final, Protocol, TypeVar

MAX_EVENTS: Final = 100
MAX_BYTES: Final = 128 * 1024


class Sized(Protocol):
    @property
    def size_bytes(self) -> int: ...

    @property
    def is_alone(self) -> bool:
        """Whether it makes a message of its own."""

    @property
    def goes_first(self) -> bool:
        """Whether nothing but its like may stand before it in its message."""


S = TypeVar("S", bound=Sized)


def take_batch(
    ready: deque[S], max_events: int = MAX_EVENTS, *, must_be_full: bool = False
) -> list[S]:
    """Take the next batch from the left of ``ready``; empty if nothing is ready.

    One that is bigger than the bound by itself still goes, alone. ``must_be_full``:
    nothing is taken either if what comes next could still join.
    """
    count, is_full = _measure(ready, max_events)
    if must_be_full and not is_full:
        return []
    return [ready.popleft() for _ in range(count)]


def _measure(ready: deque[S], max_events: int) -> tuple[int, bool]:
    """How many of the left make the next batch, and whether it can't grow."""
    size_bytes = 0
    for count, item in enumerate(ready):
        size_bytes += item.size_bytes
        before = ready[count - 1] if count else None
        if before is not None and (
            size_bytes > MAX_BYTES or _begins_another(before, item)
        ):
            return count, True
        if item.is_alone or count + 1 == max_events:
            return count + 1, True
    return len(ready), False


def _begins_another(before: Sized, item: Sized) -> bool:
    return item.is_alone or (item.goes_first and not before.goes_first)
