"""The rule that makes "once, in order, without hole": pure, no I/O, no clock.

A feed's position is what its room has archived, or is about to. An event
at or below it is a copy, the next one is ready, one above is held until the missing
one comes. The caller throws the whole Sequencer away whenever it does not know what
became of a stanza, and makes a new one from what the archive then says.

An epoch is replaced by opening another. Events of an epoch that nobody opened are
kept apart for ``PATIENCE_S`` without a lower one, then the lowest is the start. An
empty room lacks all that comes before it, and waits longer (the caller asks for it);
sequence 1 needs no patience: nothing can come before it. Where an epoch is
at home already, unsound events alone never replace it: anybody's garbage would end it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import Enum, auto
from math import inf
from typing import Final, Generic, NamedTuple, TypeVar

PATIENCE_S: Final = 2.0
# What is asked for at a time: the relay makes each of them travel again at once.
MAX_PIECE: Final = 1_000
EMPTY_ROOM_PATIENCE_S: Final = 10.0

T = TypeVar("T")


class Position(NamedTuple):
    epoch: str
    sequence: int


class Gap(NamedTuple):
    """Sequences ``first`` to ``last`` of an epoch, which have not come."""

    epoch: str
    first: int
    last: int

    @property
    def piece(self) -> Gap:
        """As much of its beginning as may be asked for at a time."""
        return self._replace(last=min(self.last, self.first + MAX_PIECE - 1))


class Verdict(Enum):
    READY = auto()
    HELD = auto()
    COPY = auto()  # archived, about to be, or held already: ack
    STALE = auto()  # of an epoch that another one replaced: ack


@dataclass(slots=True)
class _Hoard(Generic[T]):
    """Events of one epoch that wait for a lower one."""

    items: dict[int, T] = field(default_factory=dict)
    lowest_since: float = 0.0
    has_sound: bool = False

    def put(self, sequence: int, item: T, now: float, is_sound: bool) -> bool:
        if sequence in self.items:
            return False
        if not self.items or sequence < min(self.items):
            self.lowest_since = now
        self.items[sequence] = item
        self.has_sound = self.has_sound or is_sound
        return True


class Sequencer(Generic[T]):
    """Decides for one feed what goes into the room, and in which order.

    ``ready`` holds what may be sent, in order; the caller takes from its left.
    ``may_guess`` False: the room is empty and was not, so that nothing but the first
    event or an opening tells where it begins.
    """

    def __init__(
        self,
        position: Position | None,
        past: Iterable[str] = (),
        *,
        may_guess: bool = True,
    ) -> None:
        self.position = position
        self._may_guess = may_guess
        self.past = set(past)
        self.ready: deque[T] = deque()
        self._hoards: dict[str, _Hoard[T]] = {}

    def offer(
        self, at: Position, item: T, now: float, *, is_sound: bool = True
    ) -> Verdict:
        """Take one event. READY events, and those held behind them, join ``ready``.

        ``is_sound`` is False for what stands in for a message that was no event.
        """
        if at.epoch in self.past:
            return Verdict.STALE
        if self.position is None and at.sequence == 1:
            self.position = Position(at.epoch, 0)
        if self.position is None or at.epoch != self.position.epoch:
            return self._hold(at, item, now, is_sound)
        if at.sequence <= self.position.sequence:
            return Verdict.COPY
        if at.sequence > self.position.sequence + 1:
            return self._hold(at, item, now, is_sound)
        self._accept(at, item)
        self._release(at.epoch, now)
        return Verdict.READY

    def open(
        self, at: Position, announcement: T, now: float
    ) -> tuple[Verdict, list[T]]:
        """Begin an epoch after ``at``.

        READY means that the announcement has joined ``ready``; COPY that there is
        nothing to announce. Also returns what was held of the epoch that ends: a
        later epoch says that it means nothing.
        """
        if at.epoch in self.past:
            return Verdict.STALE, []
        if self.position is not None and self.position.epoch == at.epoch:
            return Verdict.COPY, []
        is_silent = self.position is None and at.sequence == 0
        dropped = self._begin(at)
        if not is_silent:
            self.ready.append(announcement)
        dropped += self._release(at.epoch, now)
        return (Verdict.COPY if is_silent else Verdict.READY), dropped

    def start_overdue(self, now: float) -> tuple[Position, list[T]] | None:
        """Begin the unopened epoch that has waited long enough, if one has.

        Returns the position it starts after, and what was held of the one that ends.
        The room has to be told of that start before anything of it is said.
        """
        for epoch, hoard in self._unopened():
            is_able = hoard.has_sound or self.position is None
            if is_able and now >= self._deadline(hoard):
                start = Position(epoch, min(hoard.items) - 1)
                dropped = self._begin(start)
                return start, dropped + self._release(epoch, now)
        return None

    def give_up_strangers(self, now: float) -> list[T]:
        """Let go of unsound events of an epoch that nobody else has spoken of."""
        if self.position is None:
            return []
        given_up: list[T] = []
        for epoch, hoard in self._unopened():
            if not hoard.has_sound and now >= self._deadline(hoard):
                given_up += self._hoards.pop(epoch).items.values()
        return given_up

    def next_deadline(self) -> float | None:
        """When ``start_overdue`` and ``give_up_strangers`` are worth a call.

        None: not before another event.
        """
        deadlines = [self._deadline(hoard) for _, hoard in self._unopened()]
        return min((at for at in deadlines if at != inf), default=None)

    def held(self) -> list[T]:
        """What waits for a missing event, lowest first within its epoch."""
        return [
            hoard.items[sequence]
            for hoard in self._hoards.values()
            for sequence in sorted(hoard.items)
        ]

    def gap(self) -> Gap | None:
        """What has to come before anything that is held may go on; None: nothing."""
        if self.position is not None:
            epoch, first = self.position.epoch, self.position.sequence + 1
        elif self._hoards:
            epoch, first = next(iter(self._hoards)), 1
        else:
            return None
        hoard = self._hoards.get(epoch)
        last = min(hoard.items) - 1 if hoard else 0
        return Gap(epoch, first, last) if first <= last else None

    def held_since(self) -> float | None:
        return min((h.lowest_since for h in self._hoards.values()), default=None)

    def forget_held(self, at: Position) -> bool:
        """Drop one held event; False if it isn't held (any more)."""
        hoard = self._hoards.get(at.epoch)
        if hoard is None or hoard.items.pop(at.sequence, None) is None:
            return False
        if not hoard.items:
            del self._hoards[at.epoch]
        return True

    def _unopened(self) -> list[tuple[str, _Hoard[T]]]:
        current = self.position.epoch if self.position else None
        return [(e, h) for e, h in self._hoards.items() if e != current]

    def _deadline(self, hoard: _Hoard[T]) -> float:
        if self.position is not None:
            return hoard.lowest_since + PATIENCE_S
        if 1 in hoard.items:
            return 0.0
        return hoard.lowest_since + EMPTY_ROOM_PATIENCE_S if self._may_guess else inf

    def _hold(self, at: Position, item: T, now: float, is_sound: bool) -> Verdict:
        hoard = self._hoards.setdefault(at.epoch, _Hoard())
        is_new = hoard.put(at.sequence, item, now, is_sound)
        return Verdict.HELD if is_new else Verdict.COPY

    def _accept(self, at: Position, item: T) -> None:
        self.position = at
        self.ready.append(item)

    def _begin(self, at: Position) -> list[T]:
        dropped: list[T] = []
        if self.position is not None:
            self.past.add(self.position.epoch)
            ended = self._hoards.pop(self.position.epoch, None)
            dropped = list(ended.items.values()) if ended else []
        self.position = at
        return dropped

    def _release(self, epoch: str, now: float) -> list[T]:
        """Move what follows the position to ``ready``; return copies below it."""
        hoard = self._hoards.get(epoch)
        assert self.position is not None
        if hoard is None:
            return []
        below = [s for s in hoard.items if s <= self.position.sequence]
        copies = [hoard.items.pop(s) for s in below]
        while (sequence := self.position.sequence + 1) in hoard.items:
            self._accept(Position(epoch, sequence), hoard.items.pop(sequence))
        if hoard.items:
            hoard.lowest_since = now
        else:
            del self._hoards[epoch]
        return copies
