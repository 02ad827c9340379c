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


@dataclass(frozen=True, slots=True)
class Wanted:
    """Load a feed's events above `after`, up to `last` or the limits, one at least."""

    feed: str
    after: int
    last: int
    limit: int
    limit_bytes: int


@dataclass(frozen=True, slots=True)
class Progress:
    """A feed is archived up to `published`; `before` is what was written down."""

    feed: str
    before: int
    published: int


def format_range(first: int, last: int) -> str:
    return str(first) if first == last else f"{first}-{last}"
