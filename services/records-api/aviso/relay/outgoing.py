"""What the relay's modules say of feeds and messages to one another."""

from __future__ import annotations

from dataclasses import dataclass

from aviso.events.rendering import EventRow


@dataclass(frozen=True, slots=True)
class Opening:
    """What an `aviso.feed.opened.v1` announces; compared to know it again."""

    epoch: str
    visibility: str


@dataclass(frozen=True, slots=True)
class FeedState:
    """A feed as it stands in the database.

    Published, numbered and pruned up to; the epoch begins after `begun`.
    """

    feed: str
    opening: Opening
    is_announced: bool
    published: int
    head: int
    pruned: int
    begun: int

    @property
    def floor(self) -> int:
        """Where an archive begins that has nothing of this epoch."""
        return max(self.pruned, self.begun)


@dataclass(frozen=True, slots=True)
class FeedRun:
    """Events of a feed, in their order, and how the feed stands now."""

    state: FeedState
    events: list[EventRow]


def format_range(first: int, last: int) -> str:
    return str(first) if first == last else f"{first}-{last}"
