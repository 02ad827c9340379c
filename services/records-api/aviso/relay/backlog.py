"""What each feed still has to be loaded: new events, and those asked for again.

No I/O, no clock in here. It works because sequences have no hole: everything up to
`loaded` is in the window or confirmed, everything up to `head` has a sequence.

- Feeds take turns, each with a budget in messages and bytes: a feed with a million
  events to publish is as far from the next turn as one with three.
- Events asked for again are a few spans a feed, loaded beside the new ones, by turns.
- A feed whose progress somebody has lowered loads nothing until the window has let go
  of it, and starts over from there: that is what keeps its events in order.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Protocol

FEED_MESSAGES = 500
FEED_BYTES = 4 * 1024 * 1024
FEEDS_A_TURN = 100
MOST_SPANS = 16
# A feed with less room than this waits for more: a load is worth some events.
LOAD_FROM = 100
LOAD_FROM_BYTES = 1024 * 1024


class Held(Protocol):
    """What the backlog has to know of the window."""

    def held_of(self, feed: str) -> tuple[int, int]: ...

    def forget_progress(self, feed: str) -> None: ...

    def room(self) -> tuple[int, int]: ...


@dataclass(slots=True)
class Span:
    """Sequences that were asked for again; `opens`: with the feed's opening first."""

    first: int
    last: int
    opens: bool = False


@dataclass(slots=True)
class _Feed:
    loaded: int
    head: int
    written: int
    spans: list[Span] = field(default_factory=list)
    restarts_after: int | None = None

    def has_work(self) -> bool:
        if self.restarts_after is not None:
            return False
        return self.loaded < self.head or bool(self.spans)


@dataclass(frozen=True, slots=True)
class Wanted:
    """Load a feed's events above `after`, up to `last` or the limits, one at least.

    `again`: they were published before. `opens`: an opening comes before them.
    """

    feed: str
    after: int
    last: int
    limit: int
    limit_bytes: int
    again: bool = False
    opens: bool = False


@dataclass(frozen=True, slots=True)
class Progress:
    """A feed is published up to `published`; `before` is what was written down."""

    feed: str
    before: int
    published: int


class Backlog:
    """Where to go on loading, by feed; the feed that loaded last comes last."""

    def __init__(self) -> None:
        self._feeds: dict[str, _Feed] = {}
        self._ready: OrderedDict[str, None] = OrderedDict()
        self._restarting: set[str] = set()

    def numbered(self, feed: str, first: int, last: int) -> None:
        """The feed's sequences `first` to `last` were just given."""
        place = self._feeds.get(feed)
        if place is None:
            place = self._feeds[feed] = _Feed(first - 1, last, first - 1)
        place.head = last
        self._refresh(feed, place)

    def is_next(self, feed: str, first: int) -> bool:
        """Tell whether `first` may be added now, without a load of its own."""
        place = self._feeds[feed]
        is_free = place.restarts_after is None and not any(s.opens for s in place.spans)
        return is_free and place.loaded == first - 1

    def added(self, feed: str, last: int) -> None:
        """The feed's new events up to `last` are in the window."""
        place = self._feeds[feed]
        place.loaded = last
        self._refresh(feed, place)

    def found(self, feed: str, published: int, head: int) -> None:
        """Take in what the database says of a feed, as it was when somebody looked."""
        place = self._feeds.get(feed)
        if place is None:
            if published < head:
                self._feeds[feed] = place = _Feed(published, head, published)
                self._refresh(feed, place)
            return
        place.head = max(place.head, head)
        place.written = max(place.written, published)
        if published < place.written or place.restarts_after is not None:
            place.restarts_after = published
            self._restarting.add(feed)
        self._refresh(feed, place)

    def ask_again(self, feed: str, span: Span, head: int) -> None:
        """Have a span travel again; `head` is how far the feed is published or loaded.

        Spans that touch become one, and so do the last two of too many: whoever asked
        drops what he has.
        """
        place = self._feeds.setdefault(feed, _Feed(head, head, head))
        spans = sorted([*place.spans, span], key=lambda each: each.first)
        joined = [spans[0]]
        for each in spans[1:]:
            before = joined[-1]
            if each.first <= before.last + 1:
                before.last = max(before.last, each.last)
                before.opens = before.opens or each.opens
            else:
                joined.append(each)
        while len(joined) > MOST_SPANS:
            joined[-2].last = joined.pop().last
        place.spans = joined
        self._refresh(feed, place)

    def loaded_of(self, feed: str) -> int | None:
        """Tell how far a feed is loaded; None if nothing is known of it."""
        place = self._feeds.get(feed)
        return None if place is None else place.loaded

    def is_opened_again(self, feed: str) -> bool:
        """Tell whether an opening is to come before events asked for again."""
        place = self._feeds.get(feed)
        return place is not None and any(span.opens for span in place.spans)

    def has_more(self, feed: str) -> bool:
        """Tell whether new events of a feed are still to be loaded."""
        place = self._feeds.get(feed)
        if place is None:
            return False
        return place.loaded < place.head or place.restarts_after is not None

    def wanted(self, held: Held, limit: int) -> list[Wanted]:
        """Share up to `limit` messages among the feeds whose turn it is."""
        self._restart(held)
        room, room_bytes = held.room()
        room = min(room, limit)
        if room < LOAD_FROM or room_bytes < LOAD_FROM_BYTES:
            return []
        found: list[tuple[str, int, int]] = []
        for feed in self._ready:
            messages, size_bytes = held.held_of(feed)
            left, left_bytes = FEED_MESSAGES - messages, FEED_BYTES - size_bytes
            if left >= LOAD_FROM and left_bytes >= LOAD_FROM_BYTES:
                found.append((feed, left, left_bytes))
            if len(found) == min(FEEDS_A_TURN, room):
                break
        share = room // max(1, len(found))
        share_bytes = max(1, room_bytes // max(1, len(found)))
        return [
            wanted
            for feed, left, left_bytes in found
            for wanted in self._want(
                feed, min(share, left), min(share_bytes, left_bytes)
            )
        ]

    def take_in(self, wanted: Iterable[Wanted], lasts: Mapping[int, int]) -> None:
        """Note what a load of `wanted` brought: the last sequence, by turn.

        Nothing means that there is nothing any more: it was pruned, or deleted by hand.
        """
        for turn, each in enumerate(wanted):
            place = self._feeds[each.feed]
            last = lasts.get(turn, each.last)
            if not each.again:
                place.loaded = max(place.loaded, last)
            else:
                span = place.spans[0]
                span.first, span.opens = last + 1, False
                if span.first > span.last:
                    place.spans.pop(0)
            self._refresh(each.feed, place)
            if each.feed in self._ready:
                self._ready.move_to_end(each.feed)

    def progressed(self, released: Mapping[str, int]) -> list[Progress]:
        """Tell what is to be written down of what the window has let go of."""
        return [
            Progress(feed, place.written, up_to)
            for feed, up_to in released.items()
            if (place := self._feeds.get(feed)) is not None
            and place.restarts_after is None
            and up_to > place.written
        ]

    def wrote(self, feed: str, published: int) -> None:
        place = self._feeds.get(feed)
        if place is not None:
            place.written = published

    def forget_idle(self, feeds: Iterable[str], held: Held) -> None:
        """Drop those feeds that have nothing to load, to confirm or to write down."""
        for feed in feeds:
            place = self._feeds.get(feed)
            if place is None or place.has_work() or place.restarts_after is not None:
                continue
            if place.written >= place.head and not held.held_of(feed)[0]:
                del self._feeds[feed]

    @property
    def is_waiting(self) -> bool:
        """Tell whether any feed has something to load."""
        return bool(self._ready or self._restarting)

    @property
    def depth(self) -> int:
        """Count the events that have a sequence and are not known to be confirmed."""
        return sum(max(0, p.head - p.written) for p in self._feeds.values())

    def _want(self, feed: str, limit: int, limit_bytes: int) -> Iterator[Wanted]:
        place = self._feeds[feed]
        has_new = place.loaded < place.head
        if not place.spans:
            yield Wanted(feed, place.loaded, place.head, limit, limit_bytes)
            return
        span = place.spans[0]
        # What is asked for with its opening goes first: a room that is empty begins
        # where the opening says.
        half = limit if span.opens or not has_new or limit < 2 else limit // 2
        if half < limit:
            yield Wanted(feed, place.loaded, place.head, limit - half, limit_bytes)
        count = min(half, span.last - span.first + 1)
        yield Wanted(
            feed, span.first - 1, span.last, count, limit_bytes, True, span.opens
        )

    def _restart(self, held: Held) -> None:
        for feed in list(self._restarting):
            if held.held_of(feed)[0]:
                continue
            place = self._feeds[feed]
            if place.restarts_after is not None:
                place.loaded = place.written = place.restarts_after
                place.restarts_after = None
                held.forget_progress(feed)
            self._restarting.discard(feed)
            self._refresh(feed, place)

    def _refresh(self, feed: str, place: _Feed) -> None:
        if place.has_work():
            self._ready.setdefault(feed)
        else:
            self._ready.pop(feed, None)
