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
from .errors import PusherError, RoomLost
from .messages import Batch, Opening
from .ports import Consumer, Rooms
from .position import Window
from .stay import Stay
from .telling import Telling
from .under_way import Item

# Stays in a row that ended with nothing archived, before the room counts as shut.
_MAX_STRIKES: Final = 2


class Feed:
    def __init__(
        self, slug: str, rooms: Rooms, consumer: Consumer, telling: Telling
    ) -> None:
        self.slug = slug
        self._rooms = rooms
        self._consumer = consumer
        self._telling = telling
        self._window = Window()
        self._inbox: deque[Item] = deque()
        self._awake = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._stay: Stay | None = None
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
        found = self._stay.problem if self._stay is not None else None
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
        if self._stay is not None:
            self._stay.void()
        self._has_lost_broker = True
        self._awake.set()
        if self._task is None:
            self.leave()

    def leave(self) -> None:
        """Leave the room; nothing may be under way."""
        stay, self._stay = self._stay, None
        if stay is not None:
            stay.leave()

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
            if self._stay is not None and self._is_sending:
                self._stay.end()
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
        return self._stay is not None and self._stay.is_sending

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
        try:
            stay = await self._enter()
            is_entered = True
            await stay.relay()
            return
        except PusherError as error:
            detail = str(error)
            # Lost while it was joined (destroyed just now, say): that may do at once.
            is_shut = not is_entered and not isinstance(error, RoomLost)
            is_first = self._trouble is None
            self._telling.journal.note_interruption(error, is_first)
        except Exception as error:
            # A feed must not end the others. Whatever this was, the archive knows
            # where to go on.
            detail = f"an unforeseen {type(error).__name__}, see the pusher's log"
            self._telling.journal.note_failure()
        if self._stay is not None:
            await self._stay.abandon()
            self._stay = None
        if self._was_heard(connection, began_s):
            self._trouble = detail
            self._strikes += 1
            if is_shut or self._strikes >= _MAX_STRIKES:
                self._give_up(detail)
                return
        # Else the stream has died, or is about to be found dead.
        if not self._is_ending:
            await asyncio.sleep(self._backoff.next_s())

    async def _enter(self) -> Stay:
        """Return the stay in the room that there is, or begin one."""
        stay = self._stay
        if stay is not None and not stay.is_lost and not stay.is_ending:
            return stay
        self.leave()
        room = await self._rooms.enter(self.slug, self._awake.set)
        self._stay = Stay(
            room,
            self._window,
            self._inbox,
            self._awake,
            self._consumer,
            self._telling,
            self._note_progress,
        )
        await self._stay.begin()
        self._shut_run = None
        return self._stay

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
        self._telling.shut(run, detail, len(self._inbox))
        self._consumer.ack([item.delivery for item in self._inbox])
        self._inbox.clear()
        self._shut_run = run

    def _drop_shut_run(self) -> None:
        """Drop what comes still of a run that was told that the room is shut."""
        run = self._shut_run
        while run is not None and self._inbox and self._inbox[0].message.run == run:
            self._telling.journal.note_passed_over()
            self._consumer.ack([self._inbox.popleft().delivery])
