"""One stay in a feed's room: from what the archive says until anything is in doubt.

1. look at what has arrived, 2. send what is ready, 3. ack what the room archived,
over and over. Whatever goes wrong ends the stay with an error; the next one begins
with the archive again.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Coroutine, Iterable, Mapping
from typing import Final, Protocol

from .asking import Asking
from .batches import MAX_EVENTS, take_batch
from .deliveries import Publisher
from .errors import NotConfirmed, Refused, RoomError, RoomLost
from .events import Event, Opening, Poison, Visibility
from .journal import Journal
from .ledger import Item, Ledger
from .positions import Gap, Position, Sequencer, Verdict
from .readers import Affiliation, is_ticket_holder, list_changes
from .stand_ins import stand_in_for
from .stanzas import name_batch, write_announcement, write_batch

log = logging.getLogger(__name__)

# A hole that is older gets a warning; a younger one is the broker's reordering.
HOLE_WARNING_S: Final = 5.0
# More than a session before ours can have left unacked, and thus out of order.
_PAST_EVENTS: Final = 1_000


class Room(Protocol):
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

    async def newest(self) -> Position | None:
        """How far the archive goes; None if it is empty."""

    async def past_epochs(self, events: int) -> set[str]:
        """The epochs of the newest batches, back over that many events."""

    async def event_id(self, at: Position) -> str | None:
        """Which event has this place in the archive; None if that can't be told."""

    async def send(self, stanza_id: str, stanza: str) -> None:
        """Return when the room has archived it; raise a RoomError otherwise."""

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
        self.is_sending = False
        self.is_ending = False
        self.sent = 0
        self.problem: str | None = None
        self._feed = feed
        self._room = room
        self._ledger = ledger
        self._publisher = publisher
        self._journal = journal
        self._ticket_domain = ticket_domain
        self._sequencer: Sequencer[Item] = Sequencer(None)
        self._knows_past = False
        self._singles = 0
        self._warned_at: Position | None = None
        self._asking = Asking()
        self._asking_opening = Asking()
        self._outdated: list[Item] = []
        self._questions: set[asyncio.Task[None]] = set()
        self._has_compared = False

    async def run(self) -> None:
        """Relay until ``end()``; raises a PusherError when the room is in doubt."""
        try:
            await self._relay()
        finally:
            for question in self._questions:
                question.cancel()

    async def _relay(self) -> None:
        position = self._ledger.reconcile(await self._room.newest())
        self._sequencer = Sequencer(position)
        self._ledger.offer_again()
        while not self.is_ending:
            await self._admit()
            self._start_overdue()
            await self._park_strangers()
            self._ask_for_missing()
            self._ask_for_opening()
            batch = take_batch(
                self._sequencer.ready, 1 if self._singles else MAX_EVENTS
            )
            if batch:
                await self._send(batch)
            elif self._room.is_lost:
                raise RoomLost("out of the room")
            else:
                await self._wait()

    def end(self) -> None:
        """Finish the batch under way and begin no other."""
        self.is_ending = True
        self._ledger.awake.set()

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
        """Before another epoch may begin: is it one that has ended already?"""
        self._knows_past = True
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

    def _start_overdue(self) -> None:
        started = self._sequencer.start_overdue(time.monotonic())
        if started is None:
            return
        position, dropped = started
        for old in dropped:
            self._drop(Verdict.STALE, old)
        self._journal.note_start(position)

    def _drop(self, verdict: Verdict, item: Item) -> None:
        if verdict is Verdict.COPY:
            self._journal.note_copy()
            self._compare_once(item)
        elif verdict is Verdict.STALE:
            self._journal.note_stale(item)
        else:
            return
        self._ledger.settle([item])

    def _compare_once(self, item: Item) -> None:
        """See in the archive whether a copy is one, for the first of this stay.

        An older backup that was restored under the same epoch gives numbers a second
        time, and what has them would be dropped without a word.
        """
        if self._has_compared or not item.is_event:
            return
        self._has_compared = True
        self._begin_question(self._compare(item))

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

    async def _send(self, batch: list[Item]) -> None:
        self.is_sending = True
        try:
            await self._park_poison(batch)
            await self._prepare_room(batch)
            first, last, stanza = self._write(batch)
            name = name_batch(self._feed, first.epoch, first.sequence, last.sequence)
            await self._room.send(name, stanza)
        except Refused as refused:
            self._split(batch, refused)
            return
        finally:
            self.is_sending = False
        self.sent += 1
        self._singles = max(0, self._singles - 1)
        self._ledger.archived = last
        self._ledger.settle(batch)
        self._journal.note_archived(batch, first, last)

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
            return first, last, write_announcement(self._room.address, opening)
        events = [item.content for item in batch if isinstance(item.content, Event)]
        return batch[0].at, last, write_batch(self._room.address, events)

    async def _park_strangers(self) -> None:
        """Park what names a place in an epoch that this feed does not have."""
        strangers = self._sequencer.give_up_strangers(time.monotonic())
        await self._park_poison(strangers)
        self._ledger.settle(strangers)

    def _ask_for_missing(self) -> None:
        self._ask_when_due(
            self._asking, self._sequencer.gap(), self._journal.note_asked
        )

    def _ask_for_opening(self) -> None:
        """Have the feed opened (again), where the room's lists are not known."""
        outdated = list(self._outdated)

        def note(_gap: Gap) -> None:
            self._journal.note_unopened()
            self._ledger.settle(outdated)
            self._outdated = [each for each in self._outdated if each not in outdated]

        self._ask_when_due(self._asking_opening, self._missing_opening(), note)

    def _ask_when_due(
        self, asking: Asking, gap: Gap | None, note: Callable[[Gap], None]
    ) -> None:
        now_s = time.monotonic()
        due_s = asking.due_s(gap, now_s)
        if gap is None or due_s is None or now_s < due_s:
            return
        asking.begin(now_s)
        # Beside the relaying, which goes on though the broker should take nothing.
        self._begin_question(self._ask(asking, gap, note))

    def _begin_question(self, question: Coroutine[None, None, None]) -> None:
        task = asyncio.create_task(question)
        self._questions.add(task)
        task.add_done_callback(self._questions.discard)

    async def _ask(self, asking: Asking, gap: Gap, note: Callable[[Gap], None]) -> None:
        try:
            await self._publisher.ask(self._feed, gap.epoch, gap.first, gap.last)
            note(gap)
        except NotConfirmed as error:
            log.debug("a question was not taken: %s", error)
        finally:
            asking.end()
            self._ledger.awake.set()

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
        if self._ledger.arrived or self.is_ending:
            return
        deadlines_s = (
            self._sequencer.next_deadline(),
            self._hole_deadline(),
            self._asking.due_s(self._sequencer.gap(), time.monotonic()),
            self._asking_opening.due_s(self._missing_opening(), time.monotonic()),
        )
        nearest_s = min((at for at in deadlines_s if at is not None), default=None)
        timeout_s = None if nearest_s is None else max(0, nearest_s - time.monotonic())
        try:
            async with asyncio.timeout(timeout_s):
                await awake.wait()
        except TimeoutError:
            self._warn_of_hole()

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
