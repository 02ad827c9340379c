"""The delivery tags of one channel that are still to be acked: pure."""

from __future__ import annotations

from collections.abc import Iterable


class Tags:
    """The tags of one channel that were delivered and not acked, in order."""

    def __init__(self) -> None:
        self._open: dict[int, None] = {}

    def __len__(self) -> int:
        return len(self._open)

    def deliver(self, tag: int) -> None:
        self._open[tag] = None

    def settle(self, tags: Iterable[int]) -> list[tuple[int, bool]]:
        """Return the acks to send, as (tag, multiple).

        One frame does for all that stand at the front together; "multiple" never
        covers a tag that is not settled. Tags that are not open are passed over.
        """
        done = {tag for tag in tags if tag in self._open}
        front = 0
        for tag in list(self._open):
            if tag not in done:
                break
            front = tag
            del self._open[tag]
        rest = sorted(tag for tag in done if tag > front)
        for tag in rest:
            del self._open[tag]
        return [(front, True)] * (front > 0) + [(tag, False) for tag in rest]
