"""How much goes into one message: dense when busy, at once when quiet, no timer.

What became ready while a batch was under way is the next batch, up to a bound.
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


def take_batch(ready: deque[S], max_events: int = MAX_EVENTS) -> list[S]:
    """Take the next batch from the left of ``ready``; empty if nothing is ready.

    One that is bigger than the bound by itself still goes, alone.
    """
    batch: list[S] = []
    size_bytes = 0
    while ready and len(batch) < max_events:
        size_bytes += ready[0].size_bytes
        if batch and (size_bytes > MAX_BYTES or _begins_another(batch[-1], ready[0])):
            break
        batch.append(ready.popleft())
        if batch[-1].is_alone:
            break
    return batch


def _begins_another(before: Sized, item: Sized) -> bool:
    return item.is_alone or (item.goes_first and not before.goes_first)
