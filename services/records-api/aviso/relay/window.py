"""Which message may go out next, and which is done: the order of publishing.

No I/O, no clock, no asyncio may come in here; whoever drives it hands in what
happened and asks what to do. One lane a feed:

    waiting -> in flight -> confirmed -> released, as soon as all before it are
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
- How far a feed is published is the last of what was released: nothing before it is
  unconfirmed. Events that travel again move nothing.
- What is held is bounded, in messages and in bytes; `room` tells how much more
  may be loaded.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from aviso.relay.outgoing import Outgoing

# So much room that came back is worth a load.
LOAD_FROM = 100
LOAD_FROM_BYTES = 1024 * 1024


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
    confirmed: dict[int, Outgoing] = field(default_factory=dict)
    next_place: int = 0
    released: int = 0
    size_bytes: int = 0
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
    """Everything loaded and not yet released, in its feeds' order."""

    def __init__(self, limits: Limits | None = None) -> None:
        self.limits = limits or Limits()
        self._lanes: dict[str, _Lane] = {}
        self._ready: OrderedDict[str, None] = OrderedDict()
        self._progress: dict[str, Outgoing | None] = {}
        self._opened: list[Outgoing] = []
        self._suspects: set[Outgoing] = set()
        self.held = 0
        self.held_bytes = 0
        self.in_flight = 0
        self.in_flight_bytes = 0
        self.freed = self.freed_bytes = 0

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
            lane.size_bytes += message.size_bytes
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
        """The broker has it: it is never sent again."""
        lane = self._settle(message)
        self._suspects.discard(message)
        lane.confirmed[lane.places[message]] = message
        lane.is_stalled = bool(lane.failed) and not lane.in_flight
        self._release(message.feed, lane)
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
        lane.size_bytes += substitute.size_bytes - message.size_bytes
        self.held_bytes += substitute.size_bytes - message.size_bytes
        if message in lane.failed:
            lane.failed = {
                (substitute if m is message else m): None for m in lane.failed
            }
            return
        lane.waiting[lane.waiting.index(message)] = substitute

    def take_progress(self) -> dict[str, Outgoing | None]:
        """Give the feeds of which something was released, once.

        With the last message of theirs that was new; None where nothing was.
        """
        progress, self._progress = self._progress, {}
        return progress

    def give_back(self, progress: Mapping[str, Outgoing | None]) -> None:
        """Take back what could not be written down."""
        self._progress = {
            **progress,
            **{f: m for f, m in self._progress.items() if m or f not in progress},
        }

    def forget_progress(self, feed: str) -> None:
        """Let a feed start over: what was released of it before counts no more."""
        if feed in self._progress:
            self._progress[feed] = None

    def take_opened(self) -> list[Outgoing]:
        """Give the openings that were confirmed, once."""
        opened, self._opened = self._opened, []
        return opened

    def has_room_again(self) -> bool:
        """Tell whether so much was released that a load is worth it; then forget it."""
        is_much = self.freed >= LOAD_FROM or self.freed_bytes >= LOAD_FROM_BYTES
        if is_much or not self.in_flight:
            self.freed = self.freed_bytes = 0
            return True
        return False

    @property
    def has_progress(self) -> bool:
        return bool(self._progress or self._opened)

    @property
    def is_cautious(self) -> bool:
        return bool(self._suspects)

    def holds(self, feed: str, sequence: int) -> bool:
        lane = self._lanes.get(feed)
        return lane is not None and any(
            m.first is not None and m.last is not None and m.first <= sequence <= m.last
            for m in lane.places
        )

    def held_of(self, feed: str) -> tuple[int, int]:
        """Tell how many messages and bytes of a feed are held."""
        lane = self._lanes.get(feed)
        return (0, 0) if lane is None else (len(lane.places), lane.size_bytes)

    def oldest(self) -> datetime | None:
        """Give the time of the oldest event that is held first in its feed."""
        firsts = (next(iter(lane.places)).time for lane in self._lanes.values())
        return min((time for time in firsts if time is not None), default=None)

    def _has_free_flight(self) -> bool:
        if self._suspects:
            return self.in_flight == 0
        return (
            self.in_flight < self.limits.in_flight
            and self.in_flight_bytes < self.limits.in_flight_bytes
        )

    def _release(self, feed: str, lane: _Lane) -> None:
        while (message := lane.confirmed.pop(lane.released, None)) is not None:
            lane.released += 1
            del lane.places[message]
            lane.size_bytes -= message.size_bytes
            self.held -= 1
            self.held_bytes -= message.size_bytes
            self.freed += 1
            self.freed_bytes += message.size_bytes
            self._progress.setdefault(feed, None)
            if message.opening is not None:
                self._opened.append(message)
            elif not message.again:
                self._progress[feed] = message
        if not lane.places:
            del self._lanes[feed]

    def _settle(self, message: Outgoing) -> _Lane:
        lane = self._lanes[message.feed]
        del lane.in_flight[message]
        self.in_flight -= 1
        self.in_flight_bytes -= message.size_bytes
        return lane

    def _refresh(self, feed: str, lane: _Lane) -> None:
        if lane.places and lane.may_send():
            self._ready.setdefault(feed)
        else:
            self._ready.pop(feed, None)
