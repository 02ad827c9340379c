"""Is a copy one? Seen in the archive, by the id of its first event."""

from __future__ import annotations

import asyncio
import logging

from .errors import RoomError
from .feed_log import FeedLog
from .messages import Batch
from .ports import Room
from .position import Position

log = logging.getLogger(__name__)


class Comparison:
    """The first copy of each occupancy is compared, beside the relaying.

    An older backup that was restored under the same epoch gives numbers a second time,
    and what has them would be dropped without a word.
    """

    def __init__(self, room: Room, feed_log: FeedLog) -> None:
        self.problem: str | None = None
        self._room = room
        self._feed_log = feed_log
        self._task: asyncio.Task[None] | None = None

    def compare_once(self, batch: Batch) -> None:
        if self._task is None and batch.first_id is not None:
            self._task = asyncio.create_task(self._compare(batch, batch.first_id))

    def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()

    async def _compare(self, batch: Batch, first_id: str) -> None:
        at = Position(batch.span.epoch, batch.span.first)
        try:
            archived = await self._room.event_id(at)
        except RoomError as error:
            log.debug("the archive did not tell of a copy: %s", error)
            return
        if archived is not None and archived != first_id:
            self.problem = (
                "the room has other events under these numbers: was an older backup"
                " restored? Begin a new epoch (manage.py new_epoch)"
            )
            self._feed_log.note_contradiction(batch)
