"""A feed in its room: takes what has come, as the rule says, until it is in doubt.

Where the archive says that its head is another, the occupancy goes on from that.
Whatever else goes wrong ends it with an error; the next one begins with the archive
again.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable

from .comparison import Comparison
from .errors import Behind, Refused, RoomError, RoomLost
from .messages import Batch, Opening
from .outcomes import Outcomes
from .ports import Consumer, Room
from .position import OpeningVerdict, Span, Verdict, Window
from .under_way import Item, Sent, UnderWay


class Occupancy:
    """``inbox`` is what has come and is not sent; ``awake`` is set when there is more.

    ``on_progress`` hears of all that is archived or opened.
    """

    def __init__(
        self,
        room: Room,
        window: Window,
        inbox: deque[Item],
        awake: asyncio.Event,
        consumer: Consumer,
        outcomes: Outcomes,
        on_progress: Callable[[], None],
    ) -> None:
        self.is_ending = False
        self._room = room
        self._window = window
        self._inbox = inbox
        self._awake = awake
        self._consumer = consumer
        self._outcomes = outcomes
        self._on_progress = on_progress
        self._under_way = UnderWay(awake.set)
        self._comparison = Comparison(room, outcomes.feed_log)
        self._is_preparing = False
        self._was_behind = False
        self._looked_run = ""

    @property
    def is_lost(self) -> bool:
        return self._room.is_lost

    @property
    def is_sending(self) -> bool:
        return self._is_preparing or bool(self._under_way)

    @property
    def problem(self) -> str | None:
        return self._comparison.problem

    async def begin(self) -> None:
        """Ask the archive how far it goes."""
        self._window.begin(await self._room.head())

    async def relay(self) -> None:
        """Take what there is; returns when that is done, or all that ``end`` leaves."""
        while True:
            await self._take_outcomes()
            if self._inbox and self._room.is_lost and not self._under_way:
                raise RoomLost("out of the room")
            if not self.is_ending and await self._advance():
                continue
            if not self._under_way and (self.is_ending or not self._inbox):
                return
            await self._wait()

    def void(self) -> None:
        """The broker has taken back what is under way."""
        self._under_way.void()

    def end(self) -> None:
        """Finish what is under way and begin nothing."""
        self.is_ending = True
        self._awake.set()

    async def abandon(self) -> None:
        """Leave, in doubt of what is under way: it goes back to the inbox."""
        self._inbox.extendleft(reversed(await self._under_way.abandon()))
        self.leave()

    def leave(self) -> None:
        self._comparison.stop()
        self._room.leave()

    async def _wait(self) -> None:
        self._awake.clear()
        if not self._under_way.is_answered:
            await self._awake.wait()

    async def _advance(self) -> bool:
        """Do what the foremost message asks for; False if that can't be done now."""
        if not self._inbox:
            return False
        item = self._inbox[0]
        if isinstance(item.message, Batch):
            return await self._take_batch(item, item.message)
        if self._under_way:
            return False
        await self._prepare(self._take_opening(item, item.message))
        return True

    async def _take_batch(self, item: Item, batch: Batch) -> bool:
        self._outcomes.whether_opened(self._room.is_opened)
        verdict = self._window.judge(batch.span, batch.run)
        if verdict is Verdict.WAIT:
            return False
        if verdict is Verdict.SEND:
            return await self._send(item, batch)
        if verdict is Verdict.COPY:
            if self._has_to_look(batch):
                return await self._look_again(batch.run)
            self._take_copy(batch)
        elif verdict is Verdict.BEHIND:
            self._outcomes.behind(batch.run, self._window.head)
        else:
            self._outcomes.feed_log.note_passed_over()
        self._settle(item)
        return True

    def _has_to_look(self, batch: Batch) -> bool:
        """Whether the relay has gone back since the archive was asked.

        What is remembered is no answer then: the archive may have lost it.
        """
        return batch.run != self._looked_run and self._window.is_archived(batch.span)

    async def _look_again(self, run: str) -> bool:
        if self._under_way:
            return False
        await self._prepare(self._follow_archive())
        self._looked_run = run
        return True

    async def _follow_archive(self) -> None:
        head = await self._room.head()
        if head != self._window.head:
            self._outcomes.feed_log.note_conflict(head)
            self._window.fall_back(head)

    def _take_copy(self, batch: Batch) -> None:
        self._outcomes.feed_log.note_copy()
        if self._window.is_archived(batch.span):
            self._outcomes.archived(self._window.head)
            self._comparison.compare_once(batch)
        else:
            self._under_way.rename(batch.run)

    async def _send(self, item: Item, batch: Batch) -> bool:
        reader = batch.reader
        if reader is not None:
            # Who may read changes at this place: behind all that was before it.
            if self._under_way:
                return False
            try:
                await self._prepare(self._room.change_reader(reader))
            except Refused as refused:
                self._refuse(item, batch, batch.run, refused)
                return True
        if self._is_foremost(item):
            sending = self._room.send(batch)
            self._note_sent(item, batch.span, sending)
        if reader is not None:
            self._window.note_reader(batch.span)
            self._outcomes.feed_log.note_reader()
            self._room.tell_reader(reader)
        return True

    async def _take_opening(self, item: Item, opening: Opening) -> None:
        """Open the room, and announce the epoch where the archive does not know it."""
        room, head = self._room, self._window.head
        is_other = head is not None and head.epoch != opening.at.epoch
        past = await room.past_epochs() if is_other else set()
        verdict = self._window.judge_opening(opening.at, opening.archived, past)
        self._outcomes.feed_log.note_opening(opening, verdict.name.lower())
        if verdict is OpeningVerdict.OUTDATED:
            # It knows nothing of grants and revokes since: it may close, no more.
            if opening.visibility == "private":
                await room.close()
            self._outcomes.outdated(head)
        elif verdict is OpeningVerdict.STALE:
            self._outcomes.opened(opening)
        else:
            await room.open(opening.visibility, opening.readers, opening.revoked)
            if verdict is OpeningVerdict.ANNOUNCE:
                self._announce(item, opening)
                return
            self._outcomes.opened(opening)
            self._on_progress()
        self._settle(item)

    def _announce(self, item: Item, opening: Opening) -> None:
        if self._is_foremost(item):
            span = Span(opening.at.epoch, opening.at.last + 1, opening.at.last)
            self._note_sent(item, span, self._room.announce(opening.at))

    def _note_sent(self, item: Item, span: Span, sending: Awaitable[None]) -> None:
        self._inbox.popleft()
        self._window.send(span)
        self._under_way.send(item, sending)

    async def _take_outcomes(self) -> None:
        while self._under_way.is_answered:
            sent = self._under_way.foremost
            try:
                sent.outcome.result()
            except Refused as refused:
                await self._under_way.wait_refused()
                self._under_way.take_foremost()
                self._judge_again()
                if isinstance(sent.item.message, Opening):
                    raise RoomError(f"an announcement is refused: {refused}") from None
                self._refuse(sent.item, sent.item.message, sent.run, refused)
            except Behind as behind:
                told = await self._under_way.wait_refused() or behind
                self._judge_again()
                self._follow(told)
            else:
                self._under_way.take_foremost()
                self._note_archived(sent)

    def _note_archived(self, sent: Sent) -> None:
        self._window.note_archived()
        self._was_behind = False
        self._on_progress()
        self._consumer.ack([sent.item.delivery])
        self._outcomes.archived(self._window.head)
        if isinstance(sent.item.message, Batch):
            self._outcomes.feed_log.note_archived(sent.item.message)
        else:
            self._outcomes.opened(sent.item.message)

    def _judge_again(self) -> None:
        self._inbox.extendleft(reversed(self._under_way.take_back()))

    def _follow(self, behind: Behind) -> None:
        """Go on from where the archive is, without having left the room."""
        self._outcomes.feed_log.note_conflict(behind.head)
        if self._was_behind:
            # Somebody else speaks there: not without having looked who.
            raise behind
        self._was_behind = True
        self._window.fall_back(behind.head)

    def _refuse(self, item: Item, batch: Batch, run: str, error: Refused) -> None:
        self._window.note_refused(run)
        self._outcomes.refused(batch, run, error)
        self._settle(item)

    def _settle(self, item: Item) -> None:
        if self._is_foremost(item):
            self._inbox.popleft()
        self._consumer.ack([item.delivery])

    def _is_foremost(self, item: Item) -> bool:
        """Whether it is still to be taken: the broker may take it back meanwhile."""
        return bool(self._inbox) and self._inbox[0] is item

    async def _prepare(self, preparation: Awaitable[None]) -> None:
        self._is_preparing = True
        try:
            await preparation
        finally:
            self._is_preparing = False
