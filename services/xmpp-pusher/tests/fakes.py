"""A broker and rooms in memory, with the interfaces of ``ports.py``.

The room keeps an archive that outlives its occupants, and does to a batch what the
test wants done: nothing, to lose the reflection, to refuse.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from typing import Literal

from amqp_client.messages import Delivery

from xmpp_pusher.contract import Cause, Visibility
from xmpp_pusher.errors import (
    Behind,
    NotConfirmed,
    Refused,
    RoomEnded,
    RoomError,
    RoomLost,
)
from xmpp_pusher.messages import Batch, Reader
from xmpp_pusher.position import Position, Span
from xmpp_pusher.reports import Report

# What becomes of a batch that follows: "late" is archived, and nobody hears of it.
Outcome = Literal["archived", "late", "lost"]
# What is right comes long before, on a loaded machine too.
ALIVE_S = 120.0


@dataclass
class FakeBroker:
    """A Consumer and a Publisher; ``is_up`` False: it takes nothing to publish."""

    acked: list[Delivery] = field(default_factory=list)
    parked: list[tuple[Delivery, Cause]] = field(default_factory=list)
    reports: list[Report] = field(default_factory=list)
    messages: int = 0
    is_up: bool = True
    on_ack: Callable[[Delivery], None] = lambda _delivery: None

    def ack(self, deliveries: Iterable[Delivery]) -> None:
        for delivery in deliveries:
            self.on_ack(delivery)
            self.acked.append(delivery)

    async def park(self, delivery: Delivery, cause: Cause, detail: str) -> None:
        assert len(detail) <= 500
        await self._take()
        self.parked.append((delivery, cause))

    async def report(self, reports: list[Report]) -> None:
        await self._take()
        self.messages += 1
        self.reports += reports

    async def _take(self) -> None:
        await asyncio.sleep(0)
        if not self.is_up:
            raise NotConfirmed("down")

    def kinds(self) -> list[str | None]:
        return [report["kind"] for report in self.reports]

    def told(self, kind: str) -> list[Report]:
        return [report for report in self.reports if report["kind"] == kind]


@dataclass
class FakeArchive:
    """One feed's room on the server: what it holds, and how it will behave."""

    spans: list[Span] = field(default_factory=list)
    ids: dict[Position, str | None] = field(default_factory=dict)
    outcomes: deque[Outcome] = field(default_factory=deque)
    refuses: Callable[[Span], bool] = lambda _span: False
    is_opened: bool = True
    # What happened in the room, in order.
    story: list[object] = field(default_factory=list)
    lists: list[tuple[object, object]] = field(default_factory=list)
    reader_errors: deque[RoomError] = field(default_factory=deque)
    under_way: int = 0
    most_under_way: int = 0
    joins: int = 0
    asked: int = 0
    leaves: int = 0
    join_error: Exception | None = None
    ends: deque[RoomEnded] = field(default_factory=deque)
    gate: asyncio.Event | None = None

    def head(self) -> Position | None:
        return self.spans[-1].end if self.spans else None

    def takes(self, span: Span) -> bool:
        """The rule of deploy/ejabberd/mod_feed_archive.sql."""
        head = self.head()
        if span.last < span.first:
            return head is None or head.epoch != span.epoch
        if head is None:
            return span.first == 1
        return (span.epoch, span.first - 1) == head

    def places(self) -> list[tuple[str, int]]:
        return [
            (span.epoch, n)
            for span in self.spans
            for n in range(span.first, span.last + 1)
        ]

    def has(self, span: Span) -> bool:
        return set(self.places()) >= {
            (span.epoch, n) for n in range(span.first, span.last + 1)
        }


class FakeRooms:
    def __init__(self) -> None:
        self.archives: dict[str, FakeArchive] = {}
        self.rooms: list[FakeRoom] = []
        self.connections = 1
        self.is_silent = False
        self._connected = asyncio.Event()
        self._connected.set()

    @property
    def is_connected(self) -> bool:
        return self._connected.is_set()

    @property
    def last_heard_s(self) -> float | None:
        if not self.is_connected:
            return None
        return 0.0 if self.is_silent else time.monotonic()

    def archive(self, feed: str = "orders") -> FakeArchive:
        return self.archives.setdefault(feed, FakeArchive())

    def disconnect(self) -> None:
        self._connected.clear()
        for room in self.rooms:
            room.lose()

    def connect(self) -> None:
        self.connections += 1
        self._connected.set()

    async def wait_connected(self) -> None:
        await self._connected.wait()

    async def enter(self, feed: str, on_lost: Callable[[], None]) -> FakeRoom:
        archive = self.archive(feed)
        await asyncio.sleep(0)
        if not self.is_connected:
            raise RoomLost("the stream is gone")
        if archive.ends:
            raise archive.ends.popleft()
        if archive.join_error is not None:
            raise archive.join_error
        archive.joins += 1
        room = FakeRoom(archive, on_lost)
        self.rooms.append(room)
        return room


class FakeRoom:
    """Asserts that nothing is sent twice in it unless the archive told its head."""

    def __init__(self, archive: FakeArchive, on_lost: Callable[[], None]) -> None:
        self.is_lost = False
        self._archive = archive
        self._on_lost = on_lost
        self._sent: set[Span] = set()

    @property
    def is_opened(self) -> bool:
        return self._archive.is_opened

    def lose(self) -> None:
        if not self.is_lost:
            self.is_lost = True
            self._on_lost()

    def leave(self) -> None:
        self._archive.leaves += 1
        self.lose()

    async def head(self) -> Position | None:
        await asyncio.sleep(0)
        if self.is_lost:
            raise RoomLost("lost")
        self._archive.asked += 1
        self._sent.clear()
        return self._archive.head()

    async def past_epochs(self) -> set[str]:
        await asyncio.sleep(0)
        return {span.epoch for span in self._archive.spans}

    async def event_id(self, at: Position) -> str | None:
        await asyncio.sleep(0)
        return self._archive.ids.get(at)

    async def open(
        self,
        visibility: Visibility,
        readers: Iterable[str] | None,
        revoked: Iterable[str] | None,
    ) -> None:
        await asyncio.sleep(0)
        self._archive.is_opened = True
        self._archive.story.append(visibility)
        self._archive.lists.append((readers, revoked))

    async def close(self) -> None:
        self._archive.story.append("closed")

    async def change_reader(self, reader: Reader) -> None:
        await asyncio.sleep(0)
        if self._archive.reader_errors:
            raise self._archive.reader_errors.popleft()
        assert not self._archive.under_way
        self._archive.story.append((reader.change, reader.address))

    def tell_reader(self, reader: Reader) -> None:
        self._archive.story.append(("told", reader.address))

    def send(self, batch: Batch) -> Awaitable[None]:
        return self._begin(batch.span, batch)

    def announce(self, at: Position) -> Awaitable[None]:
        return self._begin(Span(at.epoch, at.last + 1, at.last), None)

    def _begin(self, span: Span, batch: Batch | None) -> Awaitable[None]:
        if self.is_lost:
            raise RoomLost("lost")
        assert span not in self._sent, f"{span} is sent again, blindly"
        self._sent.add(span)
        return self._send(span, batch)

    async def _send(self, span: Span, batch: Batch | None) -> None:
        archive = self._archive
        archive.under_way += 1
        archive.most_under_way = max(archive.most_under_way, archive.under_way)
        try:
            await asyncio.sleep(0)
            if archive.gate is not None:
                await archive.gate.wait()
            self._take(span, batch)
        finally:
            archive.under_way -= 1

    def _take(self, span: Span, batch: Batch | None) -> None:
        archive = self._archive
        if self.is_lost:
            raise RoomLost("lost")
        if archive.refuses(span):
            raise Refused("not-allowed (cancel): no")
        if not archive.takes(span):
            if archive.spans and archive.spans[-1] == span:
                return
            self._sent.clear()
            raise Behind(archive.head(), "conflict (cancel): not behind the head")
        outcome = archive.outcomes.popleft() if archive.outcomes else "archived"
        if outcome != "lost":
            archive.spans.append(span)
            archive.story.append(span)
            if batch is not None:
                archive.ids[Position(span.epoch, span.first)] = batch.first_id
        if outcome != "archived":
            raise RoomLost("no reflection")


async def until(is_so: Callable[[], bool], timeout_s: float = ALIVE_S) -> None:
    """Let the loop run until something is so."""
    deadline_s = time.monotonic() + timeout_s
    while not is_so():
        assert time.monotonic() < deadline_s, "it did not become so"
        await asyncio.sleep(0.001)
