"""One feed: a task while it has something to do, and its room for longer.

Whenever it does not know what became of a batch, it leaves the room, joins again, asks
the archive how far it got, and judges everything that is not acked once more. Do,
confirm, then mark.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Awaitable
from dataclasses import dataclass
from typing import Final

from . import reports
from .backoff import Backoff
from .comparison import Comparison
from .errors import Behind, PusherError, Refused, RoomError, RoomLost
from .journal import Journal
from .messages import Batch, Delivery, Opening
from .ports import Consumer, Room, Rooms
from .position import OpeningVerdict, Position, Span, Verdict, Window
from .reporter import Reporter

# Stays in a row that ended with nothing archived, before the room counts as shut.
_MAX_STRIKES: Final = 2
_UNOPENED_EVERY_S: Final = 20.0


@dataclass(slots=True, eq=False)
class Item:
    delivery: Delivery
    message: Batch | Opening
    is_void: bool = False
    """Whether the broker has taken it back."""


@dataclass(slots=True, eq=False)
class Sent:
    """What is under way; ``run`` is that of the newest copy of it."""

    item: Item
    run: str
    outcome: asyncio.Future[None]


class Feed:
    """``problem`` is what a person should look at, None if there is nothing."""

    def __init__(
        self,
        slug: str,
        rooms: Rooms,
        consumer: Consumer,
        reporter: Reporter,
        journal: Journal,
    ) -> None:
        self.slug = slug
        self._rooms = rooms
        self._consumer = consumer
        self._reporter = reporter
        self._journal = journal
        self._window = Window()
        self._inbox: deque[Item] = deque()
        self._sent: deque[Sent] = deque()
        self._awake = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._room: Room | None = None
        self._comparison: Comparison | None = None
        self._backoff = Backoff(first_s=0.1)
        self._is_stopping = False
        self._is_preparing = False
        self._has_lost_broker = False
        self._was_behind = False
        self._strikes = 0
        self._shut_run: str | None = None
        self._told_unopened_s: float | None = None
        self._trouble: str | None = None

    @property
    def is_quiet(self) -> bool:
        return self._task is None

    @property
    def is_holding(self) -> bool:
        return bool(self._inbox or self._sent)

    @property
    def problem(self) -> str | None:
        found = self._comparison.problem if self._comparison is not None else None
        return self._trouble or found

    def receive(self, delivery: Delivery, message: Batch | Opening) -> None:
        self._inbox.append(Item(delivery, message))
        self._has_lost_broker = False
        self._awake.set()
        if self._task is None and not self._is_stopping:
            self._task = asyncio.create_task(self._run(), name=f"feed {self.slug}")

    def forget(self) -> None:
        """Drop everything but what is under way: the broker will hand it out again.

        Perhaps to another pusher: this one leaves the room until something comes.
        """
        self._inbox.clear()
        for sent in self._sent:
            sent.item.is_void = True
        self._has_lost_broker = True
        self._awake.set()
        if self._task is None:
            self.leave()

    def leave(self) -> None:
        """Leave the room; nothing may be under way."""
        room, self._room = self._room, None
        if self._comparison is not None:
            self._comparison.stop()
            self._comparison = None
        if room is not None:
            room.leave()

    async def stop(self) -> None:
        """Finish the batches under way, ack them, leave the room; begin no other."""
        self._is_stopping = True
        self._awake.set()
        if self._task is not None:
            if not self._sent and not self._is_preparing:
                self._task.cancel()
            await asyncio.wait((self._task,))
        self.leave()

    async def _run(self) -> None:
        try:
            while self._sent or (self._inbox and not self._is_stopping):
                self._drop_run(self._shut_run)
                if self._inbox:
                    await self._try_once()
        finally:
            self._task = None
        if self._has_lost_broker or self._is_stopping:
            self.leave()

    async def _try_once(self) -> None:
        """Relay what there is, until it is done or the room is in doubt."""
        await self._rooms.wait_connected()
        connection, began_s = self._rooms.connections, time.monotonic()
        is_entered = False
        try:
            if self._room is None or self._room.is_lost:
                await self._enter()
            is_entered = True
            await self._relay()
            return
        except PusherError as error:
            detail = str(error)
            self._journal.note_interruption(error, is_first=self._trouble is None)
        except Exception as error:
            # A feed must not end the others. Whatever this was, the archive knows
            # where to go on.
            detail = f"an unforeseen {type(error).__name__}, see the pusher's log"
            self._journal.note_failure()
        await self._abandon()
        if not self._was_heard(connection, began_s):
            # The stream has died, or is about to be found dead: not this room's fault.
            await asyncio.sleep(self._backoff.next_s())
            return
        self._trouble = detail
        self._strikes += 1
        if not is_entered or self._strikes >= _MAX_STRIKES:
            self._give_up(detail)
        else:
            await asyncio.sleep(self._backoff.next_s())

    def _was_heard(self, connection: int, since_s: float) -> bool:
        heard_s = self._rooms.last_heard_s
        is_same = self._rooms.is_connected and self._rooms.connections == connection
        return is_same and heard_s is not None and heard_s >= since_s

    async def _enter(self) -> None:
        self.leave()
        self._room = await self._rooms.enter(self.slug, self._awake.set)
        self._comparison = Comparison(self._room, self._journal)
        self._window.begin(await self._room.head())
        self._was_behind = False
        self._shut_run = None

    async def _relay(self) -> None:
        while True:
            await self._take_outcomes()
            if not self._sent and self._is_room_lost():
                raise RoomLost("out of the room")
            if not self._is_stopping and await self._advance():
                continue
            if not self._sent and (self._is_stopping or not self._inbox):
                return
            await self._wait()

    def _is_room_lost(self) -> bool:
        return bool(self._inbox) and self._occupied().is_lost

    async def _wait(self) -> None:
        self._awake.clear()
        if self._sent and self._sent[0].outcome.done():
            return
        await self._awake.wait()

    async def _advance(self) -> bool:
        """Do what the foremost message asks for; False if that can't be done now."""
        if not self._inbox:
            return False
        item = self._inbox[0]
        if isinstance(item.message, Opening):
            if self._sent:
                return False
            await self._prepared(self._take_opening(item, item.message))
            return True
        return await self._take_batch(item, item.message)

    async def _take_batch(self, item: Item, batch: Batch) -> bool:
        self._tell_unopened()
        verdict = self._window.judge(batch.span, batch.run)
        if verdict is Verdict.SEND:
            return await self._send(item, batch)
        if verdict is Verdict.WAIT:
            return False
        if verdict is Verdict.COPY:
            self._take_copy(batch)
        elif verdict is Verdict.BEHIND:
            self._tell_behind(batch)
        else:
            self._journal.note_passed_over()
        self._settle(item)
        return True

    def _take_copy(self, batch: Batch) -> None:
        self._journal.note_copy()
        if not self._window.is_archived(batch.span):
            # What is told of it from now on is told of the newer run.
            for sent in self._sent:
                sent.run = batch.run
            return
        self._tell_archived()
        if self._comparison is not None:
            self._comparison.compare_once(batch)

    async def _send(self, item: Item, batch: Batch) -> bool:
        if batch.reader is not None:
            # Who may read changes at this place: behind all that was before it.
            if self._sent:
                return False
            try:
                await self._prepared(self._occupied().change_reader(batch.reader))
            except Refused as refused:
                self._refuse(item, batch, batch.run, refused)
                return True
            if not self._inbox or self._inbox[0] is not item:
                return True  # taken back by the broker meanwhile
        outcome = asyncio.ensure_future(self._occupied().send(batch))
        has_reader = batch.reader is not None
        self._note_sent(item, batch.span, outcome, changes_readers=has_reader)
        if batch.reader is not None:
            self._journal.note_reader()
            self._occupied().tell_reader(batch.reader)
        return True

    def _note_sent(
        self,
        item: Item,
        span: Span,
        outcome: asyncio.Future[None],
        *,
        changes_readers: bool = False,
    ) -> None:
        self._inbox.popleft()
        outcome.add_done_callback(lambda _outcome: self._awake.set())
        self._window.send(span, changes_readers=changes_readers)
        self._sent.append(Sent(item, item.message.run, outcome))

    async def _take_opening(self, item: Item, opening: Opening) -> None:
        """Open the room, and announce the epoch where the archive does not know it."""
        room, head = self._occupied(), self._window.head
        is_other = head is not None and head.epoch != opening.at.epoch
        past = await room.past_epochs() if is_other else set()
        verdict = self._window.judge_opening(opening.at, opening.run, past)
        self._journal.note_opening(opening, verdict.name.lower())
        if verdict is OpeningVerdict.BEHIND:
            self._tell_behind(opening)
        elif verdict is OpeningVerdict.OUTDATED:
            # It knows nothing of grants and revokes since: it may close, no more.
            if opening.visibility == "private":
                await room.close()
            self._tell_archived()
            self._reporter.report(reports.unopened(self.slug))
        elif verdict is OpeningVerdict.STALE:
            self._tell_opened(opening)
        else:
            await room.open(opening.visibility, opening.readers, opening.revoked)
            if verdict is OpeningVerdict.ANNOUNCE:
                self._announce(item, opening)
                return
            self._tell_opened(opening)
        self._settle(item)

    def _announce(self, item: Item, opening: Opening) -> None:
        if not self._inbox or self._inbox[0] is not item:
            return  # taken back by the broker meanwhile
        outcome = asyncio.ensure_future(self._occupied().announce(opening.at))
        span = Span(opening.at.epoch, opening.at.last + 1, opening.at.last)
        self._note_sent(item, span, outcome)

    async def _take_outcomes(self) -> None:
        while self._sent and self._sent[0].outcome.done():
            sent = self._sent[0]
            try:
                sent.outcome.result()
            except Refused as refused:
                await self._rest_is_refused()
                self._sent.popleft()
                self._take_back()
                if isinstance(sent.item.message, Opening):
                    raise RoomError(f"an announcement is refused: {refused}") from None
                self._refuse(sent.item, sent.item.message, sent.run, refused)
            except Behind as behind:
                told = await self._rest_is_refused() or behind
                self._take_back()
                self._follow(told)
            else:
                self._sent.popleft()
                self._note_archived(sent)

    def _note_archived(self, sent: Sent) -> None:
        self._window.note_archived()
        self._was_behind = False
        self._strikes = 0
        self._trouble = None
        self._backoff.reset()
        self._consumer.ack([sent.item.delivery])
        self._tell_archived()
        message = sent.item.message
        if isinstance(message, Opening):
            self._tell_opened(message)
        else:
            self._journal.note_archived(message)

    async def _rest_is_refused(self) -> Behind | None:
        """Wait for what is under way behind one that was not taken.

        None of it is either; returns what the last answer says of the head. Raises a
        RoomError if the fate of one is unknown.
        """
        outcomes = [sent.outcome for sent in list(self._sent)[1:]]
        await asyncio.gather(*outcomes, return_exceptions=True)
        last: Behind | None = None
        for outcome in outcomes:
            error = outcome.exception()
            if error is None:
                raise RoomLost("the archive took a batch, and not the one before it")
            if isinstance(error, Behind):
                last = error
            elif not isinstance(error, Refused):
                raise error
        return last

    def _take_back(self) -> None:
        """Judge again what was under way and is not archived."""
        while self._sent:
            item = self._sent.pop().item
            if not item.is_void:
                self._inbox.appendleft(item)

    def _follow(self, behind: Behind) -> None:
        """Go on from where the archive is, without having left the room."""
        self._journal.note_conflict(behind.head)
        if self._was_behind:
            # Somebody else speaks there: not without having looked who.
            raise behind
        self._was_behind = True
        self._window.fall_back(behind.head)

    def _refuse(self, item: Item, batch: Batch, run: str, error: Refused) -> None:
        self._journal.note_refused(batch, error)
        self._window.note_refused(run)
        self._reporter.report(reports.refused(self.slug, run, batch.span, str(error)))
        self._settle(item)

    async def _abandon(self) -> None:
        for sent in self._sent:
            sent.outcome.cancel()
        outcomes = (sent.outcome for sent in self._sent)
        await asyncio.gather(*outcomes, return_exceptions=True)
        self._take_back()
        self.leave()

    def _give_up(self, detail: str) -> None:
        """The room can't be used: have the relay try again, later."""
        if not self._inbox:
            return
        run = self._inbox[-1].message.run
        self._journal.note_shut(detail, len(self._inbox))
        self._reporter.report(reports.shut(self.slug, run, detail))
        self._consumer.ack([item.delivery for item in self._inbox])
        self._inbox.clear()
        self._shut_run = run

    def _drop_run(self, run: str | None) -> None:
        """Drop what comes still of a run that was told that the room is shut."""
        while run is not None and self._inbox and self._inbox[0].message.run == run:
            self._journal.note_passed_over()
            self._consumer.ack([self._inbox.popleft().delivery])

    def _settle(self, item: Item) -> None:
        if self._inbox and self._inbox[0] is item:
            self._inbox.popleft()
        self._consumer.ack([item.delivery])

    def _tell_archived(self) -> None:
        if self._window.head is not None:
            self._reporter.report(reports.archived(self.slug, self._window.head))

    def _tell_opened(self, opening: Opening) -> None:
        self._strikes = 0
        self._trouble = None
        report = reports.opened(self.slug, opening.at.epoch, opening.id)
        self._reporter.report(report)

    def _tell_behind(self, message: Batch | Opening) -> None:
        head: Position | None = self._window.head
        self._journal.note_behind(head)
        self._reporter.report(reports.behind(self.slug, message.run, head))

    def _tell_unopened(self) -> None:
        if self._occupied().is_opened:
            self._told_unopened_s = None
            return
        now_s, told_s = time.monotonic(), self._told_unopened_s
        if told_s is None or now_s - told_s >= _UNOPENED_EVERY_S:
            self._told_unopened_s = now_s
            self._journal.note_unopened()
            self._reporter.report(reports.unopened(self.slug))

    def _occupied(self) -> Room:
        assert self._room is not None
        return self._room

    async def _prepared(self, preparation: Awaitable[None]) -> None:
        self._is_preparing = True
        try:
            await preparation
        finally:
            self._is_preparing = False
