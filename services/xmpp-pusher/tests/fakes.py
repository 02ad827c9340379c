"""A broker and rooms in memory, with the interfaces of the real ones.

The room keeps an archive that outlives its occupants, and does to a batch what the
test wants done: nothing, to lose the reflection, to refuse.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import time
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal
from xml.etree import ElementTree

from xmpp_pusher.deliveries import Delivery
from xmpp_pusher.errors import (
    Behind,
    NotArchived,
    NotConfirmed,
    Refused,
    RoomError,
    RoomLost,
)
from xmpp_pusher.events import Cause, Visibility
from xmpp_pusher.muc import ArchivePage, find_event_id, read_span
from xmpp_pusher.positions import Position
from xmpp_pusher.readers import Affiliation, list_differences

TICKETS = "ticket.localhost"

Outcome = Literal["archived", "late", "lost", "no-id"]


@dataclass
class FakeBroker:
    """Keeps what was told to it; ``is_up`` False: no channel any more.

    ``is_full`` True: it acks, and says nothing to whoever publishes.
    """

    acked: list[Delivery] = field(default_factory=list)
    parked: list[tuple[Delivery, Cause]] = field(default_factory=list)
    sent_back: list[Delivery] = field(default_factory=list)
    asked: list[tuple[str, str, int, int]] = field(default_factory=list)
    is_up: bool = True
    is_full: bool = False
    refuses: int = 0
    _tags: itertools.count[int] = field(default_factory=lambda: itertools.count(1))

    def deliver(
        self, body: bytes, feed: str | None = "orders", reader: object = None
    ) -> Delivery:
        headers = {} if reader is None else {"reader": reader}
        tag = next(self._tags)
        return Delivery("xmpp-pusher.0", 1, tag, body, feed, headers=headers)

    def ack(self, deliveries: Iterable[Delivery]) -> None:
        self.acked += deliveries

    async def park(self, delivery: Delivery, cause: Cause, detail: str) -> None:
        assert len(detail) <= 500
        await self._take()
        self.parked.append((delivery, cause))

    async def send_back(self, delivery: Delivery) -> None:
        await self._take()
        self.sent_back.append(delivery)

    async def ask(self, feed: str, epoch: str, first: int, last: int) -> None:
        await self._take()
        self.asked.append((feed, epoch, first, last))

    async def _take(self) -> None:
        await asyncio.sleep(0)
        while self.is_full:
            await asyncio.sleep(0.005)
        if not self.is_up:
            raise NotConfirmed("down")
        if self.refuses:
            self.refuses -= 1
            raise NotConfirmed("nack")


@dataclass
class FakeArchive:
    """One feed's room on the server: what it holds, and how it will behave."""

    messages: list[ElementTree.Element] = field(default_factory=list)
    outcomes: deque[Outcome] = field(default_factory=deque)
    refuses: Callable[[ElementTree.Element], bool] = lambda _message: False
    visibilities: list[Visibility | None] = field(default_factory=list)
    is_opened: bool = True
    lists: dict[str, Affiliation] = field(default_factory=dict)
    # What happened in the room, in order: lists' changes and batches.
    story: list[object] = field(default_factory=list)
    told: list[tuple[str, str]] = field(default_factory=list)
    list_errors: deque[RoomError] = field(default_factory=deque)
    refused_readers: set[str] = field(default_factory=set)
    under_way: int = 0
    most_under_way: int = 0
    joins: int = 0
    leaves: int = 0
    join_error: RoomError | None = None
    gate: asyncio.Event | None = None

    def begin(self, epoch: str, sequence: int) -> None:
        """Put an announcement there, as an earlier pusher would have."""
        self.messages.append(
            ElementTree.fromstring(
                '<message><events xmlns="urn:aviso:feed:1" feed="orders"'
                f' epoch="{epoch}" first="{sequence + 1}" last="{sequence}"/></message>'
            )
        )

    def head(self) -> Position | None:
        spans = self.spans()
        return Position(spans[-1][0], spans[-1][2]) if spans else None

    def takes(self, epoch: str, first: int, last: int) -> bool:
        """The rule of deploy/ejabberd/mod_feed_archive.sql."""
        head = self.head()
        if last < first:
            return head is None or head.epoch != epoch
        return first == 1 if head is None else (epoch, first - 1) == head

    def spans(self) -> list[tuple[str, int, int]]:
        return [span for m in self.messages if (span := read_span(m))]

    def events(self) -> list[dict[str, object]]:
        return [
            event
            for message in self.messages
            for event in json.loads(message.findtext("{urn:xmpp:json:0}json") or "[]")
        ]

    def places(self) -> list[tuple[str, int]]:
        return [(str(e["feedepoch"]), int(str(e["feedseq"]))) for e in self.events()]


class FakeRooms:
    def __init__(self) -> None:
        self.archives: dict[str, FakeArchive] = {}
        self.rooms: list[FakeRoom] = []
        self.connections = 1
        self.is_connected = True
        self.silent_since_s: float | None = None

    @property
    def last_heard_s(self) -> float | None:
        now_s = time.monotonic()
        heard_s = now_s if self.silent_since_s is None else self.silent_since_s
        return heard_s if self.is_connected else None

    def archive(self, feed: str = "orders") -> FakeArchive:
        return self.archives.setdefault(feed, FakeArchive())

    async def enter(
        self, feed: str, visibility: Visibility | None, on_lost: Callable[[], None]
    ) -> FakeRoom:
        archive = self.archive(feed)
        await asyncio.sleep(0)
        if archive.join_error is not None:
            raise archive.join_error
        archive.joins += 1
        archive.visibilities.append(visibility)
        room = FakeRoom(f"{feed}@feeds.localhost", archive, on_lost)
        self.rooms.append(room)
        return room


class FakeRoom:
    def __init__(
        self, address: str, archive: FakeArchive, on_lost: Callable[[], None]
    ) -> None:
        self.address = address
        self.is_lost = False
        self._archive = archive
        self._on_lost = on_lost

    def lose(self) -> None:
        self.is_lost = True
        self._on_lost()

    @property
    def is_opened(self) -> bool:
        return self._archive.is_opened

    async def open(
        self,
        visibility: Visibility,
        readers: Iterable[str] | None,
        revoked: Iterable[str] | None,
    ) -> None:
        await asyncio.sleep(0)
        if readers is not None or revoked is not None:
            changes = list_differences(
                self._archive.lists, readers or (), revoked or (), TICKETS
            )
            self._archive.lists = {
                address: affiliation
                for address, affiliation in (self._archive.lists | changes).items()
                if affiliation != "none"
            }
        self._archive.is_opened = True
        self._archive.visibilities.append(visibility)

    async def close(self) -> None:
        self._archive.visibilities.append("private")

    async def affiliate(self, changes: Mapping[str, Affiliation]) -> None:
        await asyncio.sleep(0)
        if self._archive.list_errors:
            raise self._archive.list_errors.popleft()
        if self._archive.refused_readers & changes.keys():
            raise Refused("bad-request (modify): no")
        self._archive.lists |= changes
        self._archive.story.append(dict(changes))

    def tell(self, reader: str, change: str) -> None:
        self._archive.told.append((reader, change))

    async def head(self) -> Position | None:
        await asyncio.sleep(0)
        return self._archive.head()

    async def past_epochs(self, events: int) -> set[str]:
        assert events > 0
        return {epoch for epoch, _, _ in self._archive.spans()}

    async def event_id(self, at: Position) -> str | None:
        await asyncio.sleep(0)
        batches = [m for m in self._archive.messages if read_span(m)]
        spans = tuple(self._archive.spans())
        return find_event_id(ArchivePage(spans, tuple(batches), None, True), at)

    def send(self, stanza_id: str, stanza: str) -> Awaitable[None]:
        message = ElementTree.fromstring(stanza)
        assert stanza_id == message.get("id")
        return self._send(message)

    async def _send(self, message: ElementTree.Element) -> None:
        archive = self._archive
        archive.under_way += 1
        archive.most_under_way = max(archive.most_under_way, archive.under_way)
        try:
            await asyncio.sleep(0)
            if archive.gate is not None:
                await archive.gate.wait()
            self._take(message)
        finally:
            archive.under_way -= 1

    def _take(self, message: ElementTree.Element) -> None:
        archive = self._archive
        if self.is_lost:
            raise RoomLost("lost")
        if archive.refuses(message):
            raise Refused("not-allowed (cancel): no")
        span = read_span(message)
        assert span is not None
        if not archive.takes(*span):
            is_there = archive.messages and read_span(archive.messages[-1]) == span
            if is_there:
                return
            raise Behind(archive.head(), "conflict (cancel): not behind the head")
        outcome = archive.outcomes.popleft() if archive.outcomes else "archived"
        if outcome in ("archived", "late"):
            archive.messages.append(message)
            archive.story.append(span[1:])
        if outcome == "no-id":
            raise NotArchived("nothing says that it is stored")
        if outcome != "archived":
            raise RoomLost("no reflection")

    def leave(self) -> None:
        self._archive.leaves += 1
        self.is_lost = True


async def until(is_so: Callable[[], bool], timeout_s: float = 5.0) -> None:
    """Let the loop run until something is so."""
    deadline_s = time.monotonic() + timeout_s
    while not is_so():
        assert time.monotonic() < deadline_s, "it did not become so"
        await asyncio.sleep(0.001)
