"""One feed's way into its room's archive: what is out, and where to go on.

No I/O, no clock in here: whoever drives it hands in the time and what happened.

    pruned or begun ... archived ... sent ... head
                        (reported)   |  (numbered)
                           batches out, 4 at most

- Everything up to `archived` is in the room's archive, as the pusher has reported;
  what is above it and up to `sent` is out. The rest waits in the database.
- **Go back N.** Whatever goes wrong, it goes back to what the archive has and sends
  from there on, under a new `run`. Reports of an older run say nothing about this one.
- Going back without anything archived meanwhile, a second time, waits: 0.5 s, doubling
  up to 30 s; silence is waited for ever longer, 20 s up to 5 minutes.
- **Quiet at once, busy dense.** While batches are out, another goes only if it is full
  or if one alone is out: what is written meanwhile joins the next one.
- An opening goes before the batches that follow it, in the same queue. It is due again
  until the pusher has reported it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from aviso.events.batches import MOST_EVENTS, MOST_TEXT_BYTES, Batch
from aviso.outbox.states import FeedState, Opening

MOST_OUT = 4
# So many may be out before one that is not full has to wait.
QUIET_OUT = 2
PAUSE_S = (0.5, 30.0)
SILENCE_S = (20.0, 300.0)
NEVER = float("inf")


@dataclass(frozen=True, slots=True)
class Out:
    """A batch that was sent and is not known to be archived."""

    first: int
    last: int
    size_bytes: int
    oldest: float
    """When its first event was written, in seconds since 1970."""


@dataclass(frozen=True, slots=True)
class OpeningOut:
    """An opening that was sent and is not known to be done."""

    id: str
    opening: Opening
    archived: int
    """What was known to be archived when it was written."""


@dataclass(slots=True)
class Lane:
    """A feed with something to send, or to hear of."""

    feed: str
    opening: Opening
    floor: int
    """Where the epoch begins, or what is kept of it: an empty archive begins there."""
    archived: int
    head: int
    new_run: Callable[[], str]
    run: str
    written: int = 0
    sent: int = 0
    out: deque[Out] = field(default_factory=deque)
    out_bytes: int = 0
    is_opening_due: bool = False
    opening_out: OpeningOut | None = None
    alone_up_to: int = 0
    """A batch was refused: its events go alone."""
    refused: dict[int, str] = field(default_factory=dict)
    """Sequences whose events the room will never take, and its words: to be parked."""
    parked: dict[int, str] = field(default_factory=dict)
    """Sequences whose events are parked, and the cause: others keep their places."""
    problem: str | None = None
    """Why nothing is sent any more: the archive has what was never numbered."""
    event_bytes: float = 0.0
    """How much text an event of the last batch took."""
    tried: tuple[str, int, int] | None = None
    failures: int = 0
    silences: int = 0
    resumes_at: float = 0.0
    hears_by: float = NEVER
    timer_at: float = NEVER
    """When it is looked at next: not later than `due`."""
    counted: tuple[int, int, int, int] = (0, 0, 0, 0)
    """Bytes, batches, openings, batches after a silence: as the lanes count them."""

    def take_in(self, state: FeedState) -> None:
        """Take in what the database says of the feed."""
        self.floor = state.floor
        self.head = max(self.head, state.head)
        if state.opening.epoch != self.opening.epoch:
            self.problem = None
            self.refused.clear()
            self.parked.clear()
            self.failures = self.silences = self.alone_up_to = 0
            self._go_back(state.published)
        elif state.published < self.written:
            self._go_back(state.published)
        self.written = state.published
        self.opening = state.opening
        if state.is_announced:
            return
        if self.opening_out is None or self.opening_out.opening != state.opening:
            self.is_opening_due = True

    def may_send(self) -> bool:
        """Tell whether it may send, if it has anything to."""
        return self.problem is None and self.resumes_at == 0.0

    def wants(self) -> int:
        """Tell how many batches of what is numbered may go out now."""
        waiting = self.head - self.sent
        if waiting <= 0 or not self.may_send() or self.tried == self._situation:
            return 0
        free = MOST_OUT - len(self.out)
        if len(self.out) < QUIET_OUT or self._is_dense(waiting):
            return max(0, free)
        return 0

    @property
    def is_busy(self) -> bool:
        """Tell whether what is numbered next would wait, and be loaded in its turn."""
        is_full = len(self.out) >= QUIET_OUT or self.sent < self.head
        return is_full or self.is_opening_due or not self.may_send()

    def accepts(self, batch: Batch) -> bool:
        """Tell whether this batch may go out now."""
        if not self.may_send() or self.is_opening_due:
            return False
        if batch.first != self.sent + 1 or batch.epoch != self.opening.epoch:
            return False
        is_full = batch.is_full or batch.last <= self.alone_up_to
        return len(self.out) < (MOST_OUT if is_full else QUIET_OUT)

    def note_turn(self, after: int) -> None:
        """It had its turn behind `after`: where nothing went, nothing will for now."""
        if self.out and self.sent == after:
            self.tried = self._situation

    def send(self, batch: Batch, now: float) -> None:
        self._listen(now)
        count = batch.last - batch.first + 1
        self.event_bytes = batch.text_bytes / count
        self.sent = batch.last
        out = Out(batch.first, batch.last, batch.text_bytes, batch.time.timestamp())
        self.out.append(out)
        self.out_bytes += out.size_bytes

    def open(self, opening_id: str, now: float) -> None:
        self._listen(now)
        self.opening_out = OpeningOut(opening_id, self.opening, self.archived)
        self.is_opening_due = False

    def archive(self, last: int, now: float) -> None:
        """The archive has everything of this epoch up to `last`."""
        if self._is_beyond(last) or last <= self.archived:
            return
        self._move(last)
        self.failures = self.silences = 0
        self.hears_by = now + SILENCE_S[0] if self.is_waiting else NEVER

    def behind(self, epoch: str | None, last: int | None, now: float) -> None:
        """A batch of this run did not follow the archive's head, which is told."""
        if epoch != self.opening.epoch or last is None:
            self.is_opening_due = True
            self.opening_out = None
            last = self.floor
        if self._is_beyond(last):
            return
        has_moved = last > self.archived
        self._fail(now, to=last, is_at_once=has_moved or self.failures == 0)
        if has_moved:
            self.failures = self.silences = 0

    def shut(self, now: float) -> None:
        """The room, or the broker, takes nothing of this feed now."""
        self._reopen()
        self._fail(now, to=self.archived, is_at_once=False)

    def refuse(self, first: int, last: int, words: str, now: float) -> None:
        """The room will never take these as they are: one by one, then without."""
        if not self.archived < first <= last <= self.sent:
            return
        if first == last and first in self.parked:
            self.shut(now)
            return
        if first == last:
            self.refused[first] = words
        self.alone_up_to = max(self.alone_up_to, last)
        self._fail(now, to=self.archived, is_at_once=True)

    def lose(self) -> None:
        """The broker is gone, and perhaps what it had."""
        self._reopen()
        self._go_back(self.archived)

    def unopen(self) -> None:
        """The room wants to be opened again.

        An opening that is out may be the answer, unless more is archived by now than
        whoever wrote it knew.
        """
        out = self.opening_out
        if out is None or out.archived < self.archived:
            self.is_opening_due = True
            self.opening_out = None
            self._go_back(self.archived, resumes_at=self.resumes_at)

    def opened(self, opening_id: str) -> Opening | None:
        """The room is as an opening says: tell what is announced, if that holds."""
        out = self.opening_out
        if out is None or out.id != opening_id:
            return None
        self.opening_out = None
        self.silences = 0
        if not self.out:
            self.hears_by = NEVER
        return None if self.is_opening_due else out.opening

    def park(self, sequence: int, cause: str) -> None:
        """Have an event's place kept by another; the event itself is parked."""
        self.refused.pop(sequence, None)
        self.parked[sequence] = cause

    def pass_time(self, now: float) -> None:
        """Do what is due: go on after a pause, go back after a silence."""
        if self.resumes_at and now >= self.resumes_at:
            self.resumes_at = 0.0
        if now >= self.hears_by:
            self.silences += 1
            self._reopen()
            self._go_back(self.archived)

    def put_off(self, until: float) -> None:
        """Nothing is to be expected before `until`."""
        if self.hears_by < NEVER:
            self.hears_by = max(self.hears_by, until + SILENCE_S[0])

    @property
    def is_waiting(self) -> bool:
        return bool(self.out or self.opening_out)

    @property
    def waits(self) -> bool:
        """Tell whether something is numbered and not archived."""
        return self.head > self.archived

    @property
    def is_done(self) -> bool:
        """Tell whether nothing is left to send, to hear or to write down."""
        is_quiet = not (self.is_waiting or self.is_opening_due or self.problem)
        return is_quiet and self.head <= self.archived == self.written

    @property
    def due(self) -> float:
        """When `pass_time` has something to do."""
        return min(self.resumes_at or NEVER, self.hears_by)

    @property
    def _situation(self) -> tuple[str, int, int]:
        return self.run, self.head, len(self.out)

    def _is_dense(self, waiting: int) -> bool:
        if self.sent < self.alone_up_to or waiting >= MOST_EVENTS:
            return True
        return waiting * self.event_bytes >= MOST_TEXT_BYTES

    def _is_beyond(self, last: int) -> bool:
        if last <= self.head:
            return False
        self.problem = (
            f"the archive has {last} of epoch {self.opening.epoch},"
            f" and {self.head} is the newest that was ever numbered:"
            " was an older backup restored? Begin a new epoch (manage.py new_epoch)"
        )
        self._go_back(self.archived)
        return True

    def _listen(self, now: float) -> None:
        if not self.is_waiting:
            first_s, longest_s = SILENCE_S
            self.hears_by = now + min(longest_s, first_s * 2.0 ** min(self.silences, 9))

    def _move(self, last: int) -> None:
        self.archived = last
        self.sent = max(self.sent, last)
        while self.out and self.out[0].last <= last:
            self.out_bytes -= self.out.popleft().size_bytes
        for those in (self.refused, self.parked):
            for sequence in [s for s in those if s <= last]:
                del those[sequence]

    def _fail(self, now: float, *, to: int, is_at_once: bool) -> None:
        first_s, longest_s = PAUSE_S
        pause_s = min(longest_s, first_s * 2.0 ** min(self.failures, 9))
        self.failures += 1
        self._go_back(to, resumes_at=0.0 if is_at_once else now + pause_s)

    def _reopen(self) -> None:
        if self.opening_out is not None:
            self.opening_out, self.is_opening_due = None, True

    def _go_back(self, to: int, *, resumes_at: float = 0.0) -> None:
        self.archived = self.sent = to
        self.out.clear()
        self.out_bytes = 0
        self.run = self.new_run()
        self.resumes_at = resumes_at
        if self.opening_out is None:
            self.hears_by = NEVER
