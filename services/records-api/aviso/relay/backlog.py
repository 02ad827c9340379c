"""Which feeds have numbered events that the window doesn't hold yet, from where on.

No I/O in here. It works because sequences have no hole: everything up to `after`
is in the window or marked in the database, what may be missing lies above. The
one exception is `republish`, which clears the mark of older events: a scan finds
them below `after`, the feed then loads nothing until the window has let go of it,
and starts over from there.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol


class Held(Protocol):
    """What the backlog has to know of the window."""

    def holds(self, feed: str, sequence: int) -> bool: ...

    def holds_any(self, feed: str) -> bool: ...


@dataclass(slots=True)
class _Place:
    after: int
    has_more: bool = True
    must_drain: bool = False


@dataclass(frozen=True, slots=True)
class Wanted:
    """Load up to `limit` unpublished events of a feed above sequence `after`."""

    feed: str
    after: int
    limit: int


@dataclass(frozen=True, slots=True)
class Found:
    """A load brought `count` events of a feed, up to sequence `last`."""

    count: int
    last: int


class Backlog:
    """Where to go on loading, by feed; the feed that loaded last comes last."""

    def __init__(self) -> None:
        self._places: OrderedDict[str, _Place] = OrderedDict()

    def numbered(self, feed: str, first: int) -> None:
        """The feed's events from sequence `first` on were just numbered."""
        place = self._places.setdefault(feed, _Place(after=first - 1))
        place.has_more = True

    def scanned(self, firsts: Mapping[str, int], held: Held) -> None:
        """Take in a scan: the first unpublished sequence of each feed that has one.

        The scan must have seen every mark made so far.
        """
        for feed, first in firsts.items():
            self._found(feed, first, held)
        settled = [
            feed
            for feed, place in self._places.items()
            if place.must_drain and feed not in firsts
        ]
        for feed in settled:
            del self._places[feed]

    def _found(self, feed: str, first: int, held: Held) -> None:
        place = self._places.get(feed)
        if place is None:
            self._places[feed] = _Place(after=first - 1)
        elif not held.holds_any(feed):
            if place.must_drain or first <= place.after:
                self._places[feed] = _Place(after=first - 1)
        elif first <= place.after and not held.holds(feed, first):
            # Unpublished, below what was loaded, and not held: a person had it
            # published again. What is held has to leave first, to keep the order.
            place.must_drain = True

    def wanted(self, room: int) -> list[Wanted]:
        """Share `room` messages among the feeds that have more to load."""
        feeds = [
            feed
            for feed, place in self._places.items()
            if place.has_more and not place.must_drain
        ][:room]
        if not feeds:
            return []
        share = room // len(feeds)
        return [Wanted(feed, self._places[feed].after, share) for feed in feeds]

    def take_in(
        self, wanted: Sequence[Wanted], found: Mapping[str, Found], *, is_cut: bool
    ) -> None:
        """Note what a load of `wanted` brought.

        `is_cut`: it was cut short, so the last feed that brought something and those
        wanted after it may have more.
        """
        brought = [place for place, w in enumerate(wanted) if w.feed in found]
        cut_from = brought[-1] if is_cut else len(wanted)
        for number, w in enumerate(wanted):
            place = self._places[w.feed]
            got = found.get(w.feed)
            if got is not None:
                place.after = got.last
            place.has_more = number >= cut_from or (
                got is not None and got.count == w.limit
            )
            self._places.move_to_end(w.feed)

    def has_more(self, feed: str) -> bool:
        place = self._places.get(feed)
        return place is not None and (place.has_more or place.must_drain)

    @property
    def is_waiting(self) -> bool:
        """Tell whether any feed has more to load as soon as there is room."""
        return any(p.has_more and not p.must_drain for p in self._places.values())

    def forget_idle(self, held: Held) -> None:
        """Drop feeds that have nothing to load and nothing in the window."""
        idle = [
            feed
            for feed, place in self._places.items()
            if not place.has_more and not place.must_drain and not held.holds_any(feed)
        ]
        for feed in idle:
            del self._places[feed]
