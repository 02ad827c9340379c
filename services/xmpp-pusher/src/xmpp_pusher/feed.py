"""One feed: a task while it has something to do, and its room for longer.

Whenever it does not know what became of a batch, it leaves the room, joins again, asks
the archive how far it got, and judges everything that is not acked once more. Do,
confirm, then mark.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from typing import Final

from amqp_client.messages import Delivery

from .backoff import Backoff
from .errors import PusherError, RoomEnded, RoomLost
from .messages import Batch, Opening
from .occupancy import Occupancy
from .outcomes import Outcomes
from .ports import Consumer, Rooms
from .position import Window
from .under_way import Item

# Occupancies in a row that ended with nothing archived, before the room counts as shut.
_MAX_STRIKES: Final = 2
# The same of a room that is destroyed: that takes ejabberd a while.
_MAX_ENDED: Final = 6


class Feed:
    def __init__(
        self, slug: str, rooms: Rooms, consumer: Consumer, outcomes: Outcomes
    ) -> None:
        self.slug = slug
        self._rooms = rooms
        self._consumer = consumer
        self._outcomes = outcomes
        self._window = Window()
        self._inbox: deque[Item] = deque()
        self._awake = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._occupancy: Occupancy | None = None
        self._backoff = Backoff(first_s=0.1)
        self._is_stopping = False
        self._is_letting_go = False
        self.channels: set[int] = set()
        """By which of the broker's channels its messages have come."""
        self._has_lost_broker = False
        self._strikes = 0
        self._shut_run: str | None = None
        self._trouble: str | None = None

    @property
    def is_quiet(self) -> bool:
        return self._task is None

    @property
    def is_holding(self) -> bool:
        return bool(self._inbox) or self._is_sending

    @property
    def problem(self) -> str | None:
        """What a person should look at, None if there is nothing."""
        found = self._occupancy.problem if self._occupancy is not None else None
        return self._trouble or found

    def receive(self, delivery: Delivery, message: Batch | Opening) -> None:
        self._inbox.append(Item(delivery, message))
        self.channels.add(delivery.channel)
        self._has_lost_broker = False
        self._awake.set()
        self._begin()

    def forget(self) -> None:
        """Drop everything but what is under way: the broker will hand it out again.

        Perhaps to another pusher: this one leaves the room until something comes.
        """
        self._inbox.clear()
        self.channels.clear()
        if self._occupancy is not None:
            self._occupancy.void()
        self._has_lost_broker = True
        self._awake.set()
        if self._task is None:
            self.leave()

    def leave(self) -> None:
        """Leave the room; nothing may be under way."""
        occupancy, self._occupancy = self._occupancy, None
        if occupancy is not None:
            occupancy.leave()

    async def stop(self) -> None:
        """Finish the batches under way, ack them, leave the room; begin no other."""
        self._is_stopping = True
        await self._finish()

    async def let_go(self, channel: int) -> None:
        """Finish the batches under way, ack them, leave the room.

        What came over ``channel`` is dropped then, and goes back to its queue; what
        comes over another is taken up again.
        """
        self._is_letting_go = True
        try:
            await self._finish()
        finally:
            self._is_letting_go = False
            self.channels.discard(channel)
            kept = [item for item in self._inbox if item.delivery.channel != channel]
            self._inbox.clear()
            self._inbox.extend(kept)
            if self._task is not None:
                # There was no time to wait for it: it leaves when it is done.
                self._has_lost_broker = True
            elif kept:
                self._begin()

    async def _finish(self) -> None:
        if self._task is not None:
            if self._occupancy is not None and self._is_sending:
                self._occupancy.end()
            else:
                self._task.cancel()
            await asyncio.wait((self._task,))
        self.leave()

    def _begin(self) -> None:
        if self._task is None and not self._is_ending:
            self._task = asyncio.create_task(self._run(), name=f"feed {self.slug}")

    @property
    def _is_ending(self) -> bool:
        return self._is_stopping or self._is_letting_go

    @property
    def _is_sending(self) -> bool:
        return self._occupancy is not None and self._occupancy.is_sending

    async def _run(self) -> None:
        try:
            while self._is_sending or (self._inbox and not self._is_ending):
                self._drop_shut_run()
                if self._inbox:
                    await self._try_once()
        finally:
            self._task = None
        if self._has_lost_broker or self._is_ending:
            self.leave()

    async def _try_once(self) -> None:
        """Relay what there is, until it is done or the room is in doubt."""
        await self._rooms.wait_connected()
        connection, began_s = self._rooms.connections, time.monotonic()
        is_entered = is_shut = False
        max_strikes = _MAX_STRIKES
        try:
            occupancy = await self._enter()
            is_entered = True
            await occupancy.relay()
            return
        except PusherError as error:
            detail = str(error)
            # Lost while it was joined (destroyed just now, say): that may do at once.
            is_shut = not is_entered and not isinstance(error, RoomLost)
            if isinstance(error, RoomEnded):
                max_strikes = _MAX_ENDED
            is_first = self._trouble is None
            self._outcomes.feed_log.note_interruption(error, is_first)
        except Exception as error:
            # A feed must not end the others. Whatever this was, the archive knows
            # where to go on.
            detail = f"an unforeseen {type(error).__name__}, see the pusher's log"
            self._outcomes.feed_log.note_failure()
        if self._occupancy is not None:
            await self._occupancy.abandon()
            self._occupancy = None
        if self._was_heard(connection, began_s):
            self._trouble = detail
            self._strikes += 1
            if is_shut or self._strikes >= max_strikes:
                self._give_up(detail)
                return
        # Else the stream has died, or is about to be found dead.
        if not self._is_ending:
            await asyncio.sleep(self._backoff.next_s())

    async def _enter(self) -> Occupancy:
        """Return the occupancy of the room that there is, or begin one."""
        occupancy = self._occupancy
        if occupancy is not None and not occupancy.is_lost and not occupancy.is_ending:
            return occupancy
        self.leave()
        room = await self._rooms.enter(self.slug, self._awake.set)
        self._occupancy = Occupancy(
            room,
            self._window,
            self._inbox,
            self._awake,
            self._consumer,
            self._outcomes,
            self._note_progress,
        )
        await self._occupancy.begin()
        self._shut_run = None
        return self._occupancy

    def _note_progress(self) -> None:
        self._strikes = 0
        self._trouble = None
        self._backoff.reset()

    def _was_heard(self, connection: int, since_s: float) -> bool:
        """Whether the server has spoken since, on the same stream."""
        heard_s = self._rooms.last_heard_s
        is_same = self._rooms.is_connected and self._rooms.connections == connection
        return is_same and heard_s is not None and heard_s >= since_s

    def _give_up(self, detail: str) -> None:
        """The room can't be used: have the relay try again, later."""
        if not self._inbox:
            return
        run = self._inbox[-1].message.run
        self._outcomes.shut(run, detail, len(self._inbox))
        self._consumer.ack([item.delivery for item in self._inbox])
        self._inbox.clear()
        self._shut_run = run

    def _drop_shut_run(self) -> None:
        """Drop what comes still of a run that was told that the room is shut."""
        run = self._shut_run
        while run is not None and self._inbox and self._inbox[0].message.run == run:
            self._outcomes.feed_log.note_passed_over()
            self._consumer.ack([self._inbox.popleft().delivery])
