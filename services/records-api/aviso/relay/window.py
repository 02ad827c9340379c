"""Which message may go out next, and which is done: the order of publishing.

No I/O, no clock, no asyncio may come in here; whoever drives it hands in what
happened and asks what to do. One lane a feed:

    waiting -> in flight -> confirmed -> (marked in the database) released
       ^          |
       +----------+  nacked, returned, or the connection was lost

- A lane sends in the order in which it was filled. After a nack or a return it
  sends nothing more until what is in flight is settled, then stalls; once resumed
  it sends everything unconfirmed again, from the first, in order.
- An opening is a barrier: it goes out when nothing of its feed is in flight, and
  nothing of its feed goes out before it is confirmed.
- When the broker closed the channel over a message it can't name, the window
  sends one at a time until the messages that were in flight are settled: the one
  that is alone in flight when the channel closes again is the culprit.
- What is held is bounded, in messages and in bytes; `room` tells how much more
  may be loaded.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Iterable
from dataclasses import dataclass, field

from aviso.relay.outgoing import Opening, Outgoing


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of what is held and of what is in flight, in messages and bytes."""

    held: int = 4_000
    held_bytes: int = 32 * 1024 * 1024
    in_flight: int = 1_000
    in_flight_bytes: int = 8 * 1024 * 1024


@dataclass(slots=True)
class _Lane:
    waiting: deque[Outgoing] = field(default_factory=deque)
    in_flight: dict[Outgoing, None] = field(default_factory=dict)
    failed: dict[Outgoing, None] = field(default_factory=dict)
    places: dict[Outgoing, int] = field(default_factory=dict)
    sequences: set[int] = field(default_factory=set)
    next_place: int = 0
    is_stalled: bool = False

    def may_send(self) -> bool:
        if not self.waiting or self.is_stalled or self.failed:
            return False
        if self.waiting[0].opening is not None:
            return not self.in_flight
        first = next(iter(self.in_flight), None)
        return first is None or first.opening is None

    def rewind(self) -> None:
        """Put everything unconfirmed back in front, in order."""
        unconfirmed = [*self.failed, *self.in_flight]
        unconfirmed.sort(key=self.places.__getitem__)
        self.waiting.extendleft(reversed(unconfirmed))
        self.failed.clear()
        self.in_flight.clear()


class Window:
    """Everything loaded and not yet marked, in its feeds' order."""

    def __init__(self, limits: Limits | None = None) -> None:
        self.limits = limits or Limits()
        self._lanes: dict[str, _Lane] = {}
        self._ready: OrderedDict[str, None] = OrderedDict()
        self._confirmed: deque[Outgoing] = deque()
        self._suspects: set[Outgoing] = set()
        self.held = 0
        self.held_bytes = 0
        self.in_flight = 0
        self.in_flight_bytes = 0

    def room(self) -> tuple[int, int]:
        """Tell how many more messages and bytes may be loaded."""
        return (
            max(0, self.limits.held - self.held),
            max(0, self.limits.held_bytes - self.held_bytes),
        )

    def add(self, messages: Iterable[Outgoing]) -> None:
        """Take messages in; those of one feed in their order, after what is there."""
        for message in messages:
            lane = self._lanes.setdefault(message.feed, _Lane())
            lane.places[message] = lane.next_place
            lane.next_place += 1
            lane.waiting.append(message)
            if message.sequence is not None:
                lane.sequences.add(message.sequence)
            self.held += 1
            self.held_bytes += message.size_bytes
            self._refresh(message.feed, lane)

    def take(self) -> Outgoing | None:
        """Give the next message to publish, now in flight; None if none may go.

        Feeds take turns, so that a busy one doesn't keep the others waiting.
        """
        if not self._ready or not self._has_free_flight():
            return None
        feed = next(iter(self._ready))
        lane = self._lanes[feed]
        message = lane.waiting.popleft()
        lane.in_flight[message] = None
        self.in_flight += 1
        self.in_flight_bytes += message.size_bytes
        self._ready.move_to_end(feed)
        self._refresh(feed, lane)
        return message

    def confirm(self, message: Outgoing) -> None:
        """The broker has it: it is to be marked, and never sent again."""
        lane = self._settle(message)
        self._suspects.discard(message)
        self._confirmed.append(message)
        lane.is_stalled = bool(lane.failed) and not lane.in_flight
        self._refresh(message.feed, lane)

    def fail(self, message: Outgoing) -> None:
        """The broker refused or returned it; the lane stalls when it has drained."""
        lane = self._settle(message)
        lane.failed[message] = None
        lane.is_stalled = not lane.in_flight
        self._refresh(message.feed, lane)

    def is_stalled(self, feed: str) -> bool:
        """Tell whether the feed waits for `resume` and has nothing in flight."""
        lane = self._lanes.get(feed)
        return lane is not None and lane.is_stalled

    def failed(self, feed: str) -> list[Outgoing]:
        """List what a feed stalled over, in order."""
        lane = self._lanes.get(feed)
        return [] if lane is None else sorted(lane.failed, key=lane.places.__getitem__)

    def resume(self, feed: str) -> None:
        """Send what is unconfirmed of a stalled feed again, from the first."""
        lane = self._lanes.get(feed)
        if lane is None or not lane.is_stalled:
            return
        lane.rewind()
        lane.is_stalled = False
        self._refresh(feed, lane)

    def lose(self, *, over_a_message: bool = False) -> Outgoing | None:
        """The connection or channel is gone: nothing in flight will be confirmed.

        `over_a_message`: the broker closed the channel because of a message. The
        answer is that message if it was alone in flight (it waits again: replace
        it before sending), else None.
        """
        flying = [m for lane in self._lanes.values() for m in lane.in_flight]
        for feed, lane in self._lanes.items():
            lane.rewind()
            lane.is_stalled = False
            self._refresh(feed, lane)
        self.in_flight = 0
        self.in_flight_bytes = 0
        if not over_a_message:
            return None
        if len(flying) == 1:
            return flying[0]
        self._suspects.update(flying)
        return None

    def replace(self, message: Outgoing, substitute: Outgoing) -> None:
        """Put another in the place of a message that isn't in flight."""
        lane = self._lanes[message.feed]
        place = lane.places.pop(message)
        lane.places[substitute] = place
        self._suspects.discard(message)
        self.held_bytes += substitute.size_bytes - message.size_bytes
        if message in lane.failed:
            lane.failed = {
                (substitute if m is message else m): None for m in lane.failed
            }
            return
        lane.waiting[lane.waiting.index(message)] = substitute

    def to_mark(self, limit: int) -> list[Outgoing]:
        """Take up to `limit` confirmed messages to mark; then call `release`."""
        count = min(limit, len(self._confirmed))
        return [self._confirmed.popleft() for _ in range(count)]

    def release(self, messages: Iterable[Outgoing]) -> None:
        """Forget messages that are marked in the database."""
        for message in messages:
            lane = self._lanes[message.feed]
            del lane.places[message]
            if message.sequence is not None:
                lane.sequences.discard(message.sequence)
            self.held -= 1
            self.held_bytes -= message.size_bytes
            if not lane.places:
                del self._lanes[message.feed]

    @property
    def confirmed(self) -> int:
        return len(self._confirmed)

    @property
    def is_cautious(self) -> bool:
        return bool(self._suspects)

    def holds(self, feed: str, sequence: int) -> bool:
        lane = self._lanes.get(feed)
        return lane is not None and sequence in lane.sequences

    def holds_any(self, feed: str) -> bool:
        return feed in self._lanes

    def last_opening(self, feed: str) -> Opening | None:
        """Give the newest opening of the feed that is not marked yet."""
        lane = self._lanes.get(feed)
        if lane is None:
            return None
        openings = (m.opening for m in reversed(lane.places) if m.opening is not None)
        return next(openings, None)

    def _has_free_flight(self) -> bool:
        if self._suspects:
            return self.in_flight == 0
        return (
            self.in_flight < self.limits.in_flight
            and self.in_flight_bytes < self.limits.in_flight_bytes
        )

    def _settle(self, message: Outgoing) -> _Lane:
        lane = self._lanes[message.feed]
        del lane.in_flight[message]
        self.in_flight -= 1
        self.in_flight_bytes -= message.size_bytes
        return lane

    def _refresh(self, feed: str, lane: _Lane) -> None:
        if lane.may_send():
            self._ready.setdefault(feed)
        else:
            self._ready.pop(feed, None)
