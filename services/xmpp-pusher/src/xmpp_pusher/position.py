"""A feed's position, and what may follow it: pure, no I/O, no clock.

The archive takes a batch only behind its head. So up to four go out behind one
another, and what does not follow them is not waited for: whoever sent it is told the
head, and goes on from there (go-back-N).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Container
from enum import Enum, auto
from typing import Final, NamedTuple

# More would only queue in the room.
MAX_UNDER_WAY: Final = 4


class Position(NamedTuple):
    """Everything of an epoch up to ``last``."""

    epoch: str
    last: int


class Span(NamedTuple):
    """Sequences ``first`` to ``last`` of an epoch; ``last`` = ``first`` - 1: none."""

    epoch: str
    first: int
    last: int

    @property
    def end(self) -> Position:
        return Position(self.epoch, self.last)


class Verdict(Enum):
    SEND = auto()
    WAIT = auto()  # until something under way has its answer
    COPY = auto()  # in the archive, or under way
    BEHIND = auto()  # does not follow: tell the head
    PASSED_OVER = auto()  # does not follow, and its run has been told


class OpeningVerdict(Enum):
    OPEN = auto()  # the epoch is the archive's, or begins with its first event
    ANNOUNCE = auto()  # the archive has to be told first where the epoch begins
    OUTDATED = auto()  # somebody may have been let in or put out since it was written
    STALE = auto()  # of an epoch that another one has replaced


class Window:
    """What a feed's archive has, and what is under way behind it.

    ``head`` is None if the archive has no batch.
    """

    def __init__(self) -> None:
        self.head: Position | None = None
        self._under_way: deque[Span] = deque()
        self._told_run: str | None = None
        self._known_from: Position | None = None

    def begin(self, head: Position | None) -> None:
        """Start from what the archive says; nothing is under way."""
        self.head = self._known_from = head
        self._under_way.clear()

    def judge(self, span: Span, run: str) -> Verdict:
        """Say what becomes of a batch. BEHIND is said once a run."""
        end = self._under_way[-1].end if self._under_way else self.head
        if end is not None and end.epoch == span.epoch and span.last <= end.last:
            return Verdict.COPY
        if _follows(span, end):
            is_full = len(self._under_way) >= MAX_UNDER_WAY
            return Verdict.WAIT if is_full else Verdict.SEND
        if self._under_way:
            return Verdict.WAIT
        if run == self._told_run:
            return Verdict.PASSED_OVER
        self._told_run = run
        return Verdict.BEHIND

    def judge_opening(
        self, at: Position, archived: int, past: Container[str]
    ) -> OpeningVerdict:
        """Say what becomes of an opening; nothing may be under way.

        It says that the epoch begins behind ``at``, and was written when the archive
        was known to have ``archived``. ``past`` are the epochs that the archive has
        left behind.
        """
        head, known = self.head, self._known_from
        if head is None:
            is_from_one = at.last == 0
            return OpeningVerdict.OPEN if is_from_one else OpeningVerdict.ANNOUNCE
        if at.epoch != head.epoch:
            is_past = at.epoch in past
            return OpeningVerdict.STALE if is_past else OpeningVerdict.ANNOUNCE
        is_known = known is None or known.epoch != at.epoch or archived >= known.last
        return OpeningVerdict.OPEN if is_known else OpeningVerdict.OUTDATED

    def is_archived(self, span: Span) -> bool:
        head = self.head
        return head is not None and head.epoch == span.epoch and span.last <= head.last

    def send(self, span: Span) -> None:
        """Note that a batch or an announcement has gone out."""
        self._under_way.append(span)

    def note_reader(self, span: Span) -> None:
        """Note that the first event of a batch has changed who may read."""
        self._known_from = Position(span.epoch, span.first)

    def note_archived(self) -> None:
        """Note that the foremost under way is in the archive."""
        span = self._under_way.popleft()
        self.head = span.end
        if span.first > span.last:
            self._known_from = span.end

    def note_refused(self, run: str) -> None:
        """Note that a batch never will be: of its run nothing is told any more."""
        self._under_way.clear()
        self._told_run = run

    def fall_back(self, head: Position | None) -> None:
        """Take the head that the archive told when it refused what was under way."""
        self.begin(head)
        self._told_run = None


def _follows(span: Span, end: Position | None) -> bool:
    if end is None:
        return span.first == 1
    return span.epoch == end.epoch and span.first == end.last + 1
