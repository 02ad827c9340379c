"""What a stay asks beside the relaying: of the relay, and of the archive.

Each question is a task of its own, so that nothing is held up though the broker
should take none.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Coroutine
from typing import Protocol

from .asking import Asking
from .deliveries import Publisher
from .errors import NotConfirmed, RoomError
from .journal import Journal
from .ledger import Item
from .positions import Gap, Position

log = logging.getLogger(__name__)


class Room(Protocol):
    async def event_id(self, at: Position) -> str | None:
        """Which event has this place in the archive; None if that can't be told."""


class Questions:
    """``on_asked`` is called after each question to the relay, taken or not."""

    def __init__(
        self,
        feed: str,
        room: Room,
        publisher: Publisher,
        journal: Journal,
        on_asked: Callable[[], None],
    ) -> None:
        self.problem: str | None = None
        self._feed = feed
        self._room = room
        self._publisher = publisher
        self._journal = journal
        self._on_asked = on_asked
        self._has_compared = False
        self._tasks: set[asyncio.Task[None]] = set()

    def ask_when_due(
        self, asking: Asking, gap: Gap | None, note: Callable[[Gap], None]
    ) -> None:
        """Ask the relay for the gap, if its time has come; ``note`` hears of it."""
        now_s = time.monotonic()
        due_s = asking.due_s(gap, now_s)
        if gap is None or due_s is None or now_s < due_s:
            return
        asking.begin(gap, now_s)
        self._begin(self._ask(asking, gap, note))

    def compare_once(self, item: Item) -> None:
        """See in the archive whether a copy is one, for the first of this stay.

        An older backup that was restored under the same epoch gives numbers a second
        time, and what has them would be dropped without a word.
        """
        if self._has_compared or not item.is_event:
            return
        self._has_compared = True
        self._begin(self._compare(item))

    def stop(self) -> None:
        for task in self._tasks:
            task.cancel()

    def _begin(self, question: Coroutine[None, None, None]) -> None:
        task = asyncio.create_task(question)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _ask(self, asking: Asking, gap: Gap, note: Callable[[Gap], None]) -> None:
        try:
            await self._publisher.ask(self._feed, gap.epoch, gap.first, gap.last)
            note(gap)
        except NotConfirmed as error:
            log.debug("a question was not taken: %s", error)
        finally:
            asking.end()
            self._on_asked()

    async def _compare(self, item: Item) -> None:
        try:
            archived = await self._room.event_id(item.at)
        except RoomError as error:
            log.debug("the archive did not tell of a copy: %s", error)
            return
        if archived is not None and archived != item.content.id:
            self.problem = (
                "the room has other events under these numbers: was an older backup"
                " restored? Begin a new epoch (manage.py new_epoch)"
            )
            self._journal.note_contradiction(item)
