"""One stay in a feed's room: from what the archive says until anything is in doubt.

1. ack what the room archived, 2. look at what has arrived, 3. send what is ready, over
and over. Where the archive says that its head is another, the stay goes on from that.
Whatever else goes wrong ends it with an error; the next one begins with the archive
again.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable, Mapping
from typing import Final, Protocol

from . import questions, under_way
from .asking import Asking
from .batches import MAX_EVENTS, take_batch
from .deliveries import Publisher
from .errors import Behind, Refused, RoomLost
from .events import Event, Opening, Poison, Visibility
from .journal import Journal
from .ledger import Item, Ledger
from .positions import Gap, Position, Sequencer, Verdict
from .questions import Questions
from .readers import Affiliation, is_ticket_holder, list_changes
from .stand_ins import stand_in_for
from .stanzas import write_announcement, write_batch
from .under_way import MAX_UNDER_WAY, Sent, UnderWay

# A hole that is older gets a warning; a younger one is the broker's reordering.
HOLE_WARNING_S: Final = 5.0
# More than a session before ours can have left unacked, and thus out of order.
_PAST_EVENTS: Final = 1_000


class Room(under_way.Room, questions.Room, Protocol):
    """What a stay needs of the room."""

    address: str

    @property
    def is_lost(self) -> bool: ...

    @property
    def is_opened(self) -> bool:
        """Whether it has been opened since it was made: its lists are right then."""

    async def open(
        self,
        visibility: Visibility,
        readers: Iterable[str] | None,
        revoked: Iterable[str] | None,
    ) -> None:
        """Set who may read; None leaves the lists as they are."""

    async def affiliate(self, changes: Mapping[str, Affiliation]) -> None:
        """Return when the room's lists are so; raise a RoomError otherwise."""

    def tell(self, reader: str, change: str) -> None:
        """Give an account a hint of what became of it."""

    async def head(self) -> Position | None:
        """How far the archive goes; None if it has no batch."""

    async def past_epochs(self, events: int) -> set[str]:
        """The epochs of the newest batches, back over that many events."""

    async def close(self) -> None:
        """Let in nobody but members."""

    def leave(self) -> None: ...


class Stay:
    def __init__(
        self,
        feed: str,
        room: Room,
        ledger: Ledger,
        publisher: Publisher,
        journal: Journal,
        ticket_domain: str,
    ) -> None:
        self.is_ending = False
        self.sent = 0
        self._feed = feed
        self._room = room
        self._ledger = ledger
        self._publisher = publisher
        self._journal = journal
        self._ticket_domain = ticket_domain
        self._sequencer: Sequencer[Item] = Sequencer(None)
        self._under_way = UnderWay(feed, room, ledger.awake.set)
        self._questions = Questions(feed, room, publisher, journal, ledger.awake.set)
        self._is_preparing = False
        self._was_behind = False
        self._knows_past = False
        self._singles = 0
        self._warned_at: Position | None = None
        self._asking = Asking()
        self._asking_opening = Asking()
        self._outdated: list[Item] = []

    async def run(self) -> None:
        """Relay until ``end()``; raises a PusherError when the room is in doubt."""
        try:
            await self._relay()
        finally:
            self._questions.stop()
            await self._under_way.abandon()

    async def _relay(self) -> None:
        self._go_on_from(await self._room.head())
        while self._under_way or not self.is_ending:
            await self._take_outcomes()
            if not self.is_ending and await self._go_on():
                continue
            if self._room.is_lost and not self._under_way:
                raise RoomLost("out of the room")
            await self._wait()

    async def _go_on(self) -> bool:
        """Do what can be done now; False if nothing was sent."""
        await self._admit()
        if await self._start_overdue():
            return True
        await self._park_strangers()
        self._ask_for_missing()
        self._ask_for_opening()
        return await self._send_next()

    def _go_on_from(self, head: Position | None) -> None:
        """Take the archive's head as the position, and look at everything again."""
        self._ledger.note_head(head)
        self._sequencer = Sequencer(head, may_guess=not self._ledger.has_lost)
        self._knows_past = False
        self._outdated.clear()
        self._ledger.offer_again()

    def end(self) -> None:
        """Finish the batches under way and begin no other."""
        self.is_ending = True
        self._ledger.awake.set()

    @property
    def is_sending(self) -> bool:
        return self._is_preparing or bool(self._under_way)

    @property
    def problem(self) -> str | None:
        return self._questions.problem

    def held(self) -> list[Item]:
        return self._sequencer.held()

    def expected(self) -> int | None:
        position = self._sequencer.position
        return position.sequence + 1 if position and self._sequencer.held() else None

    def stuck_s(self) -> float | None:
        since_s = self._sequencer.held_since()
        return None if since_s is None else time.monotonic() - since_s

    def give_up(self, item: Item) -> bool:
        """Let go of a held item; False if it has moved on."""
        return self._sequencer.forget_held(item.at)

    async def _admit(self) -> None:
        arrived = self._ledger.arrived
        while arrived:
            if not self._knows_past and self._is_foreign(arrived[0]):
                await self._learn_past()
                continue
            item = arrived.popleft()
            if isinstance(item.content, Opening):
                await self._take_opening(item, item.content)
            else:
                verdict = self._sequencer.offer(
                    item.at, item, time.monotonic(), is_sound=item.poison is None
                )
                self._drop(verdict, item)

    def _is_foreign(self, item: Item) -> bool:
        position = self._sequencer.position
        return position is not None and item.at.epoch != position.epoch

    async def _learn_past(self) -> None:
        """Before another epoch may begin: is it one that has ended already?

        Only a pusher that knows the archive's head can tell what is past.
        """
        self._knows_past = True
        head = await self._room.head()
        archived = self._ledger.archived
        known = self._under_way.epochs | ({archived.epoch} if archived else set())
        if head is not None and head.epoch not in known:
            raise Behind(head, f"the archive of {self._room.address} has gone on")
        epochs = await self._room.past_epochs(_PAST_EVENTS)
        position = self._sequencer.position
        self._sequencer.past |= epochs - {position.epoch if position else None}

    async def _take_opening(self, item: Item, opening: Opening) -> None:
        """Open the room at the opening's place.

        One from before the position (the broker handed it out again, or late) knows
        nothing of grants and revokes since: it may close the room, no more, and the
        relay is asked for one of today.
        """
        if self._is_outdated(item):
            if opening.visibility == "private":
                await self._close()
            self._outdated.append(item)
            return
        verdict, dropped = self._sequencer.open(item.at, item, time.monotonic())
        for old in dropped:
            self._drop(Verdict.STALE, old)
        if verdict is Verdict.STALE:
            self._drop(verdict, item)
            return
        if verdict is Verdict.COPY:
            await self._open(opening)
            if self._ledger.archived is None:
                self._ledger.archived = self._sequencer.position
            self._ledger.settle([item])

    def _is_outdated(self, item: Item) -> bool:
        position = self._sequencer.position
        return (
            position is not None
            and item.at.epoch == position.epoch
            and item.at.sequence < position.sequence
        )

    async def _open(self, opening: Opening) -> None:
        await self._room.open(opening.visibility, opening.readers, opening.revoked)
        self._ledger.visibility = opening.visibility

    async def _close(self) -> None:
        await self._room.close()
        self._ledger.visibility = "private"

    async def _start_overdue(self) -> bool:
        """Begin an epoch that nobody opened, and tell the archive so first."""
        if self._under_way:
            return False
        started = self._sequencer.start_overdue(time.monotonic())
        if started is None:
            return False
        position, dropped = started
        for old in dropped:
            self._drop(Verdict.STALE, old)
        self._journal.note_start(position)
        stanza = write_announcement(self._room.address, self._feed, position)
        first = position._replace(sequence=position.sequence + 1)
        self._under_way.send([], first, position, stanza)
        return True

    def _drop(self, verdict: Verdict, item: Item) -> None:
        if verdict is Verdict.COPY:
            self._journal.note_copy()
            self._questions.compare_once(item)
        elif verdict is Verdict.STALE:
            self._journal.note_stale(item)
        else:
            return
        self._ledger.settle([item])

    async def _send_next(self) -> bool:
        """Send the next batch, if one may go now.

        What changes who may read goes when all before it is archived, and what has to
        be parked first when nothing else would have to wait for that.
        """
        limit = 1 if self._singles else MAX_UNDER_WAY
        if self.is_ending or len(self._under_way) >= limit:
            return False
        ready = self._sequencer.ready
        size = 1 if self._singles else MAX_EVENTS
        batch = take_batch(ready, size, must_be_full=bool(self._under_way))
        if not batch:
            return False
        if self._under_way and any(item.needs_preparation for item in batch):
            ready.extendleft(reversed(batch))
            return False
        self._is_preparing = True
        try:
            await self._park_poison(batch)
            await self._prepare_room(batch)
        except Refused as refused:
            self._split(batch, refused)
            return True
        finally:
            self._is_preparing = False
        self._under_way.send(batch, *self._write(batch))
        return True

    async def _take_outcomes(self) -> None:
        while self._under_way.is_answered:
            sent = self._under_way.take_foremost()
            try:
                sent.outcome.result()
            except Refused as refused:
                rest, _ = await self._under_way.take_back()
                self._sequencer.ready.extendleft(reversed(rest))
                self._split(sent.items, refused)
            except Behind as behind:
                _, last = await self._under_way.take_back()
                self._follow(last or behind)
            else:
                self._note_archived(sent)

    def _note_archived(self, sent: Sent) -> None:
        self.sent += 1
        self._was_behind = False
        self._singles = max(0, self._singles - 1)
        self._ledger.note_head(sent.last)
        self._ledger.settle(sent.items)
        self._journal.note_archived(sent.items, sent.first, sent.last)

    def _follow(self, behind: Behind) -> None:
        """Go on from where the archive is, without having left the room."""
        self._journal.note_behind(behind.head, self._ledger.archived)
        if self._was_behind:
            # Somebody else speaks there: not without having looked who.
            raise behind
        self._was_behind = True
        self._go_on_from(behind.head)

    async def _prepare_room(self, batch: list[Item]) -> None:
        """Let in and put out before anything is said, after all that was said before.

        Killed between here and the archive, the same is done again.
        """
        opening = batch[0].content
        if isinstance(opening, Opening):
            await self._open(opening)
            return
        events = [item.content for item in batch if isinstance(item.content, Event)]
        changes = list_changes(events, self._ticket_domain)
        if not changes:
            return
        await self._room.affiliate(changes)
        self._journal.note_readers(len(changes))
        for event in events:
            if event.reader and not is_ticket_holder(event.reader, self._ticket_domain):
                self._room.tell(event.reader, event.change)

    def _write(self, batch: list[Item]) -> tuple[Position, Position, str]:
        opening = batch[0].content
        last = batch[-1].at
        if isinstance(opening, Opening):
            first = Position(last.epoch, last.sequence + 1)
            stanza = write_announcement(self._room.address, self._feed, last)
            return first, last, stanza
        events = [item.content for item in batch if isinstance(item.content, Event)]
        return batch[0].at, last, write_batch(self._room.address, events)

    async def _park_strangers(self) -> None:
        """Park what names a place in an epoch that this feed does not have."""
        strangers = self._sequencer.give_up_strangers(time.monotonic())
        await self._park_poison(strangers)
        self._ledger.settle(strangers)

    def _ask_for_missing(self) -> None:
        self._questions.ask_when_due(
            self._asking, self._missing(), self._journal.note_asked
        )

    def _missing(self) -> Gap | None:
        gap = self._sequencer.gap()
        return gap.piece if gap else None

    def _ask_for_opening(self) -> None:
        """Have the feed opened (again), where the room's lists are not known."""
        outdated = list(self._outdated)

        def note(_gap: Gap) -> None:
            self._journal.note_unopened()
            self._ledger.settle(outdated)
            self._outdated = [each for each in self._outdated if each not in outdated]

        self._questions.ask_when_due(
            self._asking_opening, self._missing_opening(), note
        )

    def _missing_opening(self) -> Gap | None:
        position = self._sequencer.position
        is_missing = self._outdated or not self._room.is_opened
        return Gap(position.epoch, 1, 0) if position and is_missing else None

    async def _park_poison(self, batch: list[Item]) -> None:
        for item in batch:
            if item.poison is None or item.is_parked:
                continue
            poison = item.poison
            await self._publisher.park(item.delivery, poison.cause, poison.detail)
            item.is_parked = True
            self._journal.note_parked(item)

    def _split(self, batch: list[Item], refused: Refused) -> None:
        """Find the event that the room won't take, and put its stand-in there."""
        if not batch:
            raise RoomLost(f"the room refuses even an announcement: {refused}")
        if len(batch) > 1:
            self._singles = len(batch)
        else:
            (item,) = batch
            if isinstance(item.content, Opening) or item.poison is not None:
                # Nothing of the event is in it: it is the room that is wrong.
                raise RoomLost(f"the room refuses even a stand-in: {refused}")
            stand_in = stand_in_for(item.content, "refused")
            item.poison = Poison("refused", f"The room answered {refused}.", stand_in)
            item.content = stand_in
        self._sequencer.ready.extendleft(reversed(batch))

    async def _wait(self) -> None:
        awake = self._ledger.awake
        awake.clear()
        if self._under_way.is_answered:
            return
        if not self._under_way if self.is_ending else self._ledger.arrived:
            return
        deadlines_s = () if self.is_ending else self._deadlines()
        nearest_s = min((at for at in deadlines_s if at is not None), default=None)
        timeout_s = None if nearest_s is None else max(0, nearest_s - time.monotonic())
        try:
            async with asyncio.timeout(timeout_s):
                await awake.wait()
        except TimeoutError:
            self._warn_of_hole()

    def _deadlines(self) -> Iterable[float | None]:
        now_s = time.monotonic()
        # While something is under way no epoch begins; its end wakes us.
        if not self._under_way:
            yield self._sequencer.next_deadline()
        yield self._hole_deadline()
        yield self._asking.due_s(self._missing(), now_s)
        yield self._asking_opening.due_s(self._missing_opening(), now_s)

    def _hole_deadline(self) -> float | None:
        since_s = self._sequencer.held_since()
        if since_s is None or self._warned_at == self._sequencer.position:
            return None
        return since_s + HOLE_WARNING_S

    def _warn_of_hole(self) -> None:
        deadline_s = self._hole_deadline()
        if deadline_s is not None and time.monotonic() >= deadline_s:
            self._warned_at = self._sequencer.position
            self._journal.note_hole(self._warned_at, len(self._sequencer.held()))
