"""One feed's way from the queue into its room: the only place where acks are decided.

A feed is a loop that can be cut anywhere. Whenever it does not know what became of a
batch, it leaves the room, joins again, reads from the archive how far the room got,
and offers everything that is not acked once more. Do, confirm, then mark: an event
is acked after the room's reflection says that it is archived, or when the archive
shows that it was.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final, Protocol

from .backoff import Backoff
from .batches import MAX_EVENTS, take_batch
from .deliveries import Broker, Delivery
from .errors import BrokerGone, NotConfirmed, PusherError, Refused, RoomLost
from .events import Event, Opening, Poison, Visibility
from .metrics import Metrics
from .positions import Position, Sequencer, Verdict
from .stand_ins import stand_in_for
from .stanzas import name_batch, write_announcement, write_batch

log = logging.getLogger(__name__)

# A hole that is older gets a warning; a younger one is the broker's reordering.
HOLE_WARNING_S: Final = 5.0
# What a session before ours may have left unacked, and thus out of order.
_PAST_EVENTS: Final = 1_000


class Room(Protocol):
    """What a feed needs of the room it has entered."""

    address: str

    @property
    def is_lost(self) -> bool: ...

    async def configure(self, visibility: Visibility | None) -> None: ...

    async def newest(self) -> Position | None: ...

    async def past_epochs(self, events: int) -> set[str]: ...

    async def send(self, stanza_id: str, stanza: str) -> None: ...

    def leave(self) -> None: ...


class Rooms(Protocol):
    async def enter(
        self, feed: str, visibility: Visibility | None, on_lost: Callable[[], None]
    ) -> Room: ...


@dataclass(slots=True, eq=False)
class Item:
    """One delivery on its way; a poisoned one has its stand-in as the content."""

    delivery: Delivery
    content: Event | Opening
    poison: Poison | None = None
    is_parked: bool = False
    received_s: float = field(default_factory=time.monotonic)

    @property
    def at(self) -> Position:
        content = self.content
        if isinstance(content, Opening):
            return Position(content.epoch, content.head)
        return Position(content.epoch, content.sequence)

    @property
    def size_bytes(self) -> int:
        return len(self.content.escaped) if isinstance(self.content, Event) else 0

    @property
    def is_alone(self) -> bool:
        return isinstance(self.content, Opening)


@dataclass(frozen=True)
class FeedState:
    """For /healthz. ``archived`` is None until the feed's first batch."""

    archived: Position | None
    in_room: bool
    waiting: int
    held: int
    expected: int | None
    stuck_s: float | None
    problem: str | None


class Feed:
    def __init__(
        self, slug: str, rooms: Rooms, broker: Broker, metrics: Metrics
    ) -> None:
        self.slug = slug
        self._rooms = rooms
        self._broker = broker
        self._metrics = metrics
        self._unsettled: dict[Delivery, Item] = {}
        self._arrived: deque[Item] = deque()
        self._awake = asyncio.Event()
        self._sequencer: Sequencer[Item] | None = None
        self._archived: Position | None = None
        self._visibility: Visibility | None = None
        self._singles = 0
        self._is_sending = False
        self._is_stopping = False
        self._is_forgotten = False
        self._knows_past = False
        self._warned: Position | None = None
        self._problem: str | None = None
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._task = asyncio.create_task(self._run(), name=f"feed {self.slug}")

    def receive(self, item: Item) -> None:
        self._unsettled[item.delivery] = item
        self._arrived.append(item)
        self._awake.set()

    def forget(self) -> None:
        """Drop everything but the batch under way: the broker will hand it out again.

        Perhaps to another pusher: this one leaves the room until an event comes.
        """
        self._unsettled.clear()
        self._arrived.clear()
        self._is_forgotten = True
        self._awake.set()

    async def stop(self) -> None:
        """Finish the batch under way, ack it, leave the room, and begin no other."""
        self._is_stopping = True
        if self._task is None:
            return
        if not self._is_sending:
            self._task.cancel()
        await asyncio.wait((self._task,))

    def list_stuck(self) -> list[Item]:
        """Return what can't go on for now, furthest from its turn last.

        Either held behind a hole, or all of a room that can't be entered.
        """
        if self._sequencer is not None:
            return self._sequencer.held()
        return list(self._unsettled.values()) if self._problem else []

    def give_up(self, item: Item) -> None:
        """Let go of a stuck item of which the queue has another copy."""
        if item.delivery not in self._unsettled:
            return
        if self._sequencer is None:
            if item in self._arrived:
                self._arrived.remove(item)
        elif not self._sequencer.forget_held(item.at):
            return  # it moved on in the meantime, and the other copy will be dropped
        self._settle([item])

    def state(self) -> FeedState:
        sequencer = self._sequencer
        held = sequencer.held() if sequencer else []
        position = sequencer.position if sequencer else None
        since = sequencer.held_since() if sequencer else None
        return FeedState(
            archived=self._archived,
            in_room=sequencer is not None,
            waiting=len(self._unsettled),
            held=len(held),
            expected=position.sequence + 1 if held and position else None,
            stuck_s=None if since is None else round(time.monotonic() - since, 1),
            problem=self._problem,
        )

    async def _run(self) -> None:
        backoff = Backoff(first_s=0.1)
        while not self._is_stopping:
            await self._wait_for_work()
            try:
                await self._serve(backoff)
                continue
            except PusherError as error:
                self._note_problem(error)
            except Exception:
                # A feed must not end the others. Whatever this was, the archive
                # knows where to go on.
                self._metrics.failures.inc()
                self._problem = "an unforeseen error, see the log"
                log.exception(
                    "feed failed", extra={"feed": self.slug, "outcome": "failed"}
                )
            if not self._is_stopping:
                await asyncio.sleep(backoff.next_s())

    async def _wait_for_work(self) -> None:
        self._is_forgotten = False
        while not self._unsettled:
            self._awake.clear()
            await self._awake.wait()
        self._is_forgotten = False

    async def _serve(self, backoff: Backoff) -> None:
        """1. enter the room, 2. ask the archive where to go on, 3. relay."""
        self._learn_visibility(self._unsettled.values())
        room = await self._rooms.enter(self.slug, self._visibility, self._awake.set)
        try:
            position = self._merge(await room.newest())
            self._arrived = deque(self._unsettled.values())
            self._knows_past = False
            self._sequencer = Sequencer(position)
            await self._relay(room, self._sequencer, backoff)
        finally:
            self._sequencer = None
            room.leave()

    async def _relay(
        self, room: Room, sequencer: Sequencer[Item], backoff: Backoff
    ) -> None:
        while not (self._is_stopping or self._is_forgotten):
            await self._admit(room, sequencer)
            self._start_overdue(sequencer)
            batch = take_batch(sequencer.ready, 1 if self._singles else MAX_EVENTS)
            if batch:
                await self._send(room, sequencer, batch)
                backoff.reset()
                self._problem = None
            elif room.is_lost:
                raise RoomLost("out of the room")
            else:
                await self._wait(sequencer)

    async def _wait(self, sequencer: Sequencer[Item]) -> None:
        self._awake.clear()
        if self._arrived or self._is_stopping or self._is_forgotten:
            return
        now_s = time.monotonic()
        deadlines_s = [sequencer.next_deadline(), self._hole_deadline(sequencer)]
        timeout_s = min(
            (max(0.0, at - now_s) for at in deadlines_s if at is not None), default=None
        )
        try:
            async with asyncio.timeout(timeout_s):
                await self._awake.wait()
        except TimeoutError:
            self._warn_of_hole(sequencer)

    async def _admit(self, room: Room, sequencer: Sequencer[Item]) -> None:
        while self._arrived:
            if not self._knows_past and self._is_foreign(sequencer, self._arrived[0]):
                self._knows_past = True
                epochs = await room.past_epochs(_PAST_EVENTS)
                current = sequencer.position.epoch if sequencer.position else None
                sequencer.past |= epochs - {current}
                continue
            item = self._arrived.popleft()
            if isinstance(item.content, Opening):
                await self._open(room, sequencer, item, item.content)
            else:
                verdict = sequencer.offer(item.at, item, time.monotonic())
                self._drop(verdict, item)

    async def _open(
        self, room: Room, sequencer: Sequencer[Item], item: Item, opening: Opening
    ) -> None:
        verdict, dropped = sequencer.open(item.at, item, time.monotonic())
        for old in dropped:
            self._drop(Verdict.STALE, old)
        if verdict is not Verdict.STALE:
            self._visibility = opening.visibility
            await room.configure(opening.visibility)
        if verdict is Verdict.COPY:
            if self._archived is None:
                self._archived = sequencer.position
            self._settle([item])
        elif verdict is Verdict.STALE:
            self._drop(verdict, item)

    def _start_overdue(self, sequencer: Sequencer[Item]) -> None:
        started = sequencer.start_overdue(time.monotonic())
        if started is None:
            return
        position, dropped = started
        for old in dropped:
            self._drop(Verdict.STALE, old)
        if position.sequence == 0:
            return
        self._metrics.guessed_starts.inc()
        log.warning(
            "an epoch that nobody opened begins with its lowest event here",
            extra={
                "feed": self.slug,
                "epoch": position.epoch,
                "sequence": position.sequence + 1,
                "outcome": "started",
            },
        )

    async def _send(
        self, room: Room, sequencer: Sequencer[Item], batch: list[Item]
    ) -> None:
        first, last = batch[0].at, batch[-1].at
        content = batch[0].content
        self._is_sending = True
        try:
            await self._park_poison(batch)
            if isinstance(content, Opening):
                first = Position(first.epoch, first.sequence + 1)
                stanza = write_announcement(room.address, content)
            else:
                events = [i.content for i in batch if isinstance(i.content, Event)]
                stanza = write_batch(room.address, events)
            stanza_id = name_batch(
                self.slug, first.epoch, first.sequence, last.sequence
            )
            await room.send(stanza_id, stanza)
        except Refused as refused:
            self._split(sequencer, batch, refused)
            return
        finally:
            self._is_sending = False
        self._singles = max(0, self._singles - 1)
        self._note_archived(batch, first, last)

    async def _park_poison(self, batch: list[Item]) -> None:
        for item in batch:
            if item.poison is None or item.is_parked:
                continue
            await self._broker.park(
                item.delivery, item.poison.cause, item.poison.detail
            )
            item.is_parked = True
            self._metrics.parked.labels(item.poison.cause).inc()
            log.warning(
                "event parked",
                extra=_describe(item)
                | {"cause": item.poison.cause, "outcome": "parked"},
            )

    def _split(
        self, sequencer: Sequencer[Item], batch: list[Item], refused: Refused
    ) -> None:
        """Find the event that the room won't take, and put its stand-in there."""
        if len(batch) > 1:
            self._singles = len(batch)
        else:
            item = batch[0]
            if isinstance(item.content, Opening) or item.poison is not None:
                # Nothing of the event is in it: it is the room that is wrong.
                raise RoomLost(f"the room refuses even a stand-in: {refused}")
            stand_in = stand_in_for(item.content, "refused")
            item.poison = Poison("refused", f"The room answered {refused}.", stand_in)
            item.content = stand_in
        sequencer.ready.extendleft(reversed(batch))

    def _note_archived(
        self, batch: list[Item], first: Position, last: Position
    ) -> None:
        self._archived = last
        self._settle(batch)
        self._metrics.batches.inc()
        now = datetime.now(UTC)
        for item in batch:
            if isinstance(item.content, Event):
                self._metrics.relayed.inc()
                lag = now - datetime.fromisoformat(item.content.time)
                self._metrics.lag_s.observe(lag.total_seconds())
        extra: dict[str, object] = {
            "feed": self.slug,
            "epoch": first.epoch,
            "first": first.sequence,
            "last": last.sequence,
            "outcome": "archived",
        }
        if len(batch) == 1:
            extra |= {"event_id": batch[0].content.id, "sequence": last.sequence}
        log.info("batch archived", extra=extra)

    def _drop(self, verdict: Verdict, item: Item) -> None:
        if verdict is Verdict.COPY:
            self._metrics.copies.inc()
        elif verdict is Verdict.STALE:
            self._metrics.stale.inc()
            log.warning(
                "event of an ended epoch dropped",
                extra=_describe(item) | {"outcome": "stale"},
            )
        else:
            return
        self._settle([item])

    def _settle(self, items: Iterable[Item]) -> None:
        items = list(items)
        self._broker.ack(item.delivery for item in items)
        for item in items:
            self._unsettled.pop(item.delivery, None)

    def _merge(self, archived: Position | None) -> Position | None:
        """Prefer the archive, unless it has lost what it once confirmed to us.

        A room that was destroyed begins anew; what it had been given was acked, so
        the next event follows on that.
        """
        known = self._archived
        if archived is None or (
            known is not None
            and known.epoch == archived.epoch
            and known.sequence > archived.sequence
        ):
            return known
        self._archived = archived
        return archived

    def _learn_visibility(self, items: Iterable[Item]) -> None:
        for item in items:
            if isinstance(item.content, Opening):
                self._visibility = item.content.visibility

    def _is_foreign(self, sequencer: Sequencer[Item], item: Item) -> bool:
        position = sequencer.position
        return position is not None and item.at.epoch != position.epoch

    def _note_problem(self, error: PusherError) -> None:
        is_new = self._problem is None
        self._problem = str(error) or type(error).__name__
        self._metrics.retries.labels(type(error).__name__).inc()
        if isinstance(error, BrokerGone | NotConfirmed):
            self._problem = None
        level = logging.WARNING if is_new else logging.DEBUG
        log.log(
            level,
            "feed interrupted: %s",
            error,
            extra={"feed": self.slug, "outcome": "retry"},
        )

    def _hole_deadline(self, sequencer: Sequencer[Item]) -> float | None:
        since = sequencer.held_since()
        if since is None or self._warned == sequencer.position:
            return None
        return since + HOLE_WARNING_S

    def _warn_of_hole(self, sequencer: Sequencer[Item]) -> None:
        deadline = self._hole_deadline(sequencer)
        if deadline is None or time.monotonic() < deadline:
            return
        self._warned = sequencer.position
        position = sequencer.position
        log.warning(
            "events wait for a missing one",
            extra={
                "feed": self.slug,
                "epoch": position.epoch if position else None,
                "expected": position.sequence + 1 if position else None,
                "held": len(sequencer.held()),
                "outcome": "held",
            },
        )


def _describe(item: Item) -> dict[str, object]:
    return {
        "feed": item.content.feed,
        "epoch": item.at.epoch,
        "sequence": item.at.sequence,
        "event_id": item.content.id,
    }
