"""One feed, for as long as the pusher runs: a loop that can be cut anywhere.

Whenever it does not know what became of a batch, it leaves the room, joins again,
asks the archive how far the room got, and offers everything that is not acked
once more. Do, confirm, then mark.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Protocol

from .backoff import Backoff
from .deliveries import Consumer, Publisher
from .errors import NotConfirmed, PusherError
from .events import Visibility
from .journal import Journal
from .ledger import Item, Ledger
from .metrics import Metrics
from .positions import Position
from .stay import Room, Stay

# A server that has just come back may refuse at first.
REFUSED_S: Final = 5.0
# Long enough for the broker's own reordering.
HOLE_S: Final = 2.0


class Rooms(Protocol):
    """What a feed needs to get into its room."""

    connections: int
    """How many streams to the server there have been."""

    @property
    def last_heard_s(self) -> float | None:
        """When the server last said anything, on the clock of time.monotonic; None
        while there is no stream to it.
        """

    async def enter(
        self, feed: str, visibility: Visibility | None, on_lost: Callable[[], None]
    ) -> Room:
        """Become the one speaker in the feed's room, or raise a RoomError."""


@dataclass(frozen=True)
class FeedState:
    """For /healthz. ``archived`` is None until the room's archive was read."""

    archived: Position | None
    in_room: bool
    waiting: int
    held: int
    expected: int | None
    stuck_s: float | None
    problem: str | None


class Feed:
    def __init__(
        self,
        slug: str,
        rooms: Rooms,
        consumer: Consumer,
        publisher: Publisher,
        metrics: Metrics,
        ticket_domain: str,
    ) -> None:
        self.slug = slug
        self._rooms = rooms
        self._publisher = publisher
        self._ticket_domain = ticket_domain
        self._ledger = Ledger(consumer)
        self._journal = Journal(slug, metrics)
        self._stay: Stay | None = None
        self._is_stopping = False
        self._problem: str | None = None
        # On which stream the room came to nothing for the first time, and when.
        self._refused: tuple[int, float] | None = None
        self._has_let_go = False
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._task = asyncio.create_task(self._run(), name=f"feed {self.slug}")

    def receive(self, item: Item) -> None:
        self._ledger.receive(item)

    def forget(self) -> None:
        """Drop everything but what is under way: the broker will hand it out again.

        Perhaps to another pusher: this one leaves the room until an event comes.
        """
        self._ledger.forget()
        if self._stay is not None:
            self._stay.end()

    async def stop(self) -> None:
        """Finish the batches under way, ack them, leave the room; begin no other."""
        self._is_stopping = True
        if self._task is None:
            return
        if self._stay is not None and self._stay.is_sending:
            self._stay.end()
        else:
            self._task.cancel()
        await asyncio.wait((self._task,))

    def list_stuck(self) -> list[Item]:
        """Return what can't go on for now, furthest from its turn last.

        Either held behind a hole, or all of a room that can't be entered. While the
        server is away, or silent, nothing is stuck: no other feed could go on instead.
        """
        if self._stay is not None:
            is_stuck = (self._stay.stuck_s() or 0) >= HOLE_S
            return self._stay.held() if is_stuck else []
        return self._ledger.items() if self._is_refused() else []

    def list_dispensable(self) -> list[Item]:
        """Of what is stuck, return what may leave the queue; what is furthest last.

        The relay has it still and is asked for it when its turn comes. The furthest of
        all has to stay: it shows that something is missing, to the next pusher too.
        """
        epochs: dict[str, list[Item]] = {}
        for item in self.list_stuck():
            if item.is_event:
                epochs.setdefault(item.at.epoch, []).append(item)
        for items in epochs.values():
            items.sort(key=lambda item: item.at.sequence)
        return [item for items in epochs.values() for item in items[:-1]]

    def let_go(self, items: list[Item]) -> None:
        """Ack stuck items that the relay will be asked for."""
        self._journal.note_let_go(len(items), is_first=not self._has_let_go)
        self._has_let_go = True
        for item in items:
            self.give_up(item)

    def give_up(self, item: Item) -> None:
        """Ack a stuck item that will come once more."""
        if item not in self._ledger:
            return
        if self._stay is None:
            if item in self._ledger.arrived:
                self._ledger.arrived.remove(item)
        elif not self._stay.give_up(item):
            return  # it moved on in the meantime; the other copy will be dropped
        self._ledger.settle([item])

    def state(self) -> FeedState:
        stay = self._stay
        stuck_s = stay.stuck_s() if stay else None
        goes_on = not self._ledger or (stay is not None and stay.sent > 0)
        return FeedState(
            archived=self._ledger.archived,
            in_room=stay is not None,
            waiting=len(self._ledger),
            held=len(stay.held()) if stay else 0,
            expected=stay.expected() if stay else None,
            stuck_s=None if stuck_s is None else round(stuck_s, 1),
            problem=(stay and stay.problem) or (None if goes_on else self._problem),
        )

    def _is_refused(self) -> bool:
        heard_s = self._rooms.last_heard_s
        if self._refused is None or heard_s is None:
            return False
        connection, since_s = self._refused
        is_now = connection == self._rooms.connections
        # By what the server said and not by the clock: a connection may have died
        # without a word, and its end is noticed later than the rooms' silence.
        return is_now and heard_s - since_s >= REFUSED_S

    async def _run(self) -> None:
        backoff = Backoff(first_s=0.1)
        while not self._is_stopping:
            await self._wait_for_work()
            try:
                await self._enter_and_relay(backoff)
                continue
            except PusherError as error:
                self._note(error)
            except Exception as error:
                # A feed must not end the others. Whatever this was, the archive
                # knows where to go on.
                self._problem = f"an unforeseen {type(error).__name__}, see the log"
                self._journal.note_failure()
            if not self._is_stopping:
                await asyncio.sleep(backoff.next_s())

    async def _wait_for_work(self) -> None:
        while not self._ledger:
            self._ledger.awake.clear()
            await self._ledger.awake.wait()

    async def _enter_and_relay(self, backoff: Backoff) -> None:
        ledger = self._ledger
        room = await self._rooms.enter(self.slug, ledger.visibility, ledger.awake.set)
        stay = Stay(
            self.slug, room, ledger, self._publisher, self._journal, self._ticket_domain
        )
        self._stay = stay
        try:
            await stay.run()
        finally:
            self._stay = None
            room.leave()
            if stay.sent:
                backoff.reset()
                self._problem = None
                self._refused = None
                self._has_let_go = False

    def _note(self, error: PusherError) -> None:
        self._journal.note_interruption(error, is_first=self._problem is None)
        is_brokers = isinstance(error, NotConfirmed)
        self._problem = None if is_brokers else str(error)
        connection = self._rooms.connections
        if is_brokers:
            self._refused = None
        elif self._refused is None or self._refused[0] != connection:
            self._refused = (connection, time.monotonic())
