"""All feeds' lanes: whose turn it is, and how much may be out in all.

No I/O, no clock in here. Feeds take turns, each with a budget in events and bytes: a
feed with a million events to send is as far from its next turn as one with three.

No more is out than the pusher takes from a queue at once: what stood behind that would
wait for the rooms of all others, and seem lost. Of the batches, those whose turn it is
leave some room to what was written just now, and feeds of which nothing was heard (a
pusher that hangs, say) leave half of it to the others.
"""

from __future__ import annotations

import heapq
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator
from itertools import chain, islice

from aviso.events.batches import (
    MOST_EVENT_BYTES,
    MOST_EVENTS,
    MOST_TEXT_BYTES,
    Batch,
)
from aviso.outbox.states import FeedState, Opening, Progress, Wanted
from aviso.relay.lane import NEVER, Lane
from aviso.relay.reports import (
    Archived,
    Behind,
    Heard,
    Opened,
    Refused,
    Shut,
    Unopened,
)

MOST_OUT_BYTES = 32 * 1024 * 1024
# Together less than AVISO_PUSHER_PREFETCH lets a single queue hand out.
MOST_BATCHES_OUT = 150
# Twice what the pusher joins at once. More would only wait there, on a slow machine for
# longer than silence is borne, and then go out again, for nothing.
MOST_OPENINGS_OUT = 16
BATCHES_IN_TURN = 100
SILENT_BATCHES_OUT = 50
FEEDS_A_TURN = 100
EVENTS_A_TURN = 1_000


class Lanes:
    """The lanes of the feeds that have something to send, or to hear of."""

    def __init__(self, new_run: Callable[[], str]) -> None:
        self._new_run = new_run
        self._lanes: dict[str, Lane] = {}
        self._ready: OrderedDict[str, None] = OrderedDict()
        # Those whose opening is due, by their rank.
        self._opening: tuple[dict[str, None], ...] = ({}, {}, {}, {})
        self._progress: dict[str, None] = {}
        self._busy: dict[str, None] = {}
        self._timers: list[tuple[float, str]] = []
        self.out_bytes = self.batches_out = self.openings_out = self._silent_out = 0

    def get(self, feed: str) -> Lane | None:
        return self._lanes.get(feed)

    def __iter__(self) -> Iterator[Lane]:
        return iter(self._lanes.values())

    def take_in(self, state: FeedState) -> Lane:
        """Take in what the database says of a feed, as it is now."""
        lane = self._lanes.get(state.feed)
        if lane is None:
            lane = Lane(
                feed=state.feed,
                opening=state.opening,
                floor=state.floor,
                archived=state.published,
                head=state.head,
                new_run=self._new_run,
                run=self._new_run(),
                written=state.published,
                sent=state.published,
            )
            self._lanes[state.feed] = lane
        lane.take_in(state)
        self._settle(lane)
        return lane

    def accepts(self, batch: Batch) -> bool:
        """Tell whether this batch may go out now."""
        lane = self._lanes.get(batch.feed)
        has_room = (
            self.batches_out < MOST_BATCHES_OUT
            and self.out_bytes + batch.text_bytes <= MOST_OUT_BYTES
        )
        return has_room and lane is not None and lane.accepts(batch)

    def send(self, batch: Batch, now: float) -> None:
        lane = self._lanes[batch.feed]
        lane.send(batch, now)
        self._settle(lane)
        if lane.feed in self._ready:
            self._ready.move_to_end(lane.feed)

    def open(self, feed: str, opening_id: str, now: float) -> None:
        lane = self._lanes[feed]
        lane.open(opening_id, now)
        self._settle(lane)

    def openings(self, limit: int) -> list[str]:
        """List feeds whose opening is to go out now.

        Those with events first, and those that were silent last. None while more than
        half of what may be out is: they are loaded together.
        """
        free = min(limit, MOST_OPENINGS_OUT - self.openings_out)
        if 2 * free < min(limit, MOST_OPENINGS_OUT):
            return []
        return list(islice(chain(*self._opening), free))

    @property
    def busy(self) -> list[str]:
        """List feeds of which nothing that is numbered now could go out at once."""
        return list(self._busy)

    def wanted(self) -> list[Wanted]:
        """Share a turn among the feeds that may send."""
        found: list[Wanted] = []
        events = EVENTS_A_TURN
        size_bytes = MOST_OUT_BYTES - self.out_bytes
        free = BATCHES_IN_TURN - self.batches_out
        for feed in self._ready:
            is_over = len(found) == FEEDS_A_TURN or events <= 0 or free <= 0
            if is_over or size_bytes < MOST_EVENT_BYTES:
                break
            lane = self._lanes[feed]
            if lane.is_opening_due:
                continue
            if lane.silences and self._silent_out >= SILENT_BATCHES_OUT:
                continue
            batches = min(free, lane.wants())
            limit = min(events, batches * MOST_EVENTS, lane.head - lane.sent)
            limit_bytes = min(size_bytes, batches * MOST_TEXT_BYTES)
            found.append(Wanted(feed, lane.sent, lane.head, limit, limit_bytes))
            events -= limit
            free -= 1
            size_bytes -= min(limit_bytes, int(limit * lane.event_bytes) + 1)
        return found

    def loaded(self, wanted: Iterable[Wanted]) -> None:
        """Note that these had their turn."""
        for each in wanted:
            lane = self._lanes.get(each.feed)
            if lane is not None:
                lane.note_turn(each.after)
                self._settle(lane)
            if each.feed in self._ready:
                self._ready.move_to_end(each.feed)

    def report(self, report: Heard, now: float) -> bool:
        """Take a report in, but for what is opened; tell whether it says anything."""
        lane = self._lanes.get(report.feed)
        if lane is None:
            return False
        is_news = _tell(lane, report, now)
        self._settle(lane)
        return is_news

    def opened(self, report: Opened) -> Opening | None:
        """Take in that a room is open; tell what is to be marked as announced."""
        lane = self._lanes.get(report.feed)
        opening = None if lane is None else lane.opened(report.id)
        if lane is not None:
            self._settle(lane)
        return opening

    def want_opening(self, feed: str) -> None:
        """Have a feed's opening go out, before anything else of it."""
        lane = self._lanes.get(feed)
        if lane is not None:
            lane.is_opening_due = True
            self._settle(lane)

    def shut(self, feed: str, now: float) -> None:
        """The broker did not take what was sent of a feed."""
        lane = self._lanes.get(feed)
        if lane is not None:
            lane.shut(now)
            self._settle(lane)

    def lose(self) -> None:
        """The broker is gone: everything that was out goes out again."""
        for lane in self._lanes.values():
            if lane.is_waiting:
                lane.lose()
                self._settle(lane)

    def put_off(self, until: float) -> None:
        """Nothing is to be expected of the pusher before `until`."""
        for lane in self._lanes.values():
            lane.put_off(until)

    def is_anything_overdue(self, now: float) -> bool:
        """Tell whether a feed has waited for too long for a word."""
        return any(
            lane.hears_by <= now
            for at, feed in self._timers
            if at <= now and (lane := self._lanes.get(feed)) is not None
        )

    def pass_time(self, now: float) -> list[str]:
        """Do what is due by now; list the feeds that have heard nothing."""
        silent = []
        while self._timers and self._timers[0][0] <= now:
            at, feed = heapq.heappop(self._timers)
            lane = self._lanes.get(feed)
            if lane is None or lane.timer_at != at:
                # An earlier one has come since.
                continue
            lane.timer_at = NEVER
            if lane.hears_by <= now:
                silent.append(feed)
            lane.pass_time(now)
            self._settle(lane)
        return silent

    @property
    def depth(self) -> int:
        """Count the events that have a sequence and are not known to be archived."""
        return sum(max(0, lane.head - lane.archived) for lane in self)

    @property
    def oldest(self) -> float | None:
        """Tell when the oldest event that is out was written, in seconds since 1970."""
        return min((lane.out[0].oldest for lane in self if lane.out), default=None)

    @property
    def due(self) -> float:
        return self._timers[0][0] if self._timers else NEVER

    @property
    def is_lowering(self) -> bool:
        """Tell whether less is archived of a feed than is written down."""
        return any(
            lane.archived < lane.written
            for feed in self._progress
            if (lane := self._lanes.get(feed)) is not None
        )

    @property
    def has_progress(self) -> bool:
        return bool(self._progress)

    def progress(self) -> list[Progress]:
        """List what is to be written down."""
        return [
            Progress(feed, lane.written, lane.archived)
            for feed in self._progress
            if (lane := self._lanes[feed]).written != lane.archived
        ]

    def wrote(self, progress: Progress) -> None:
        lane = self._lanes.get(progress.feed)
        if lane is not None:
            lane.written = progress.published
            self._settle(lane)

    def _settle(self, lane: Lane) -> None:
        feed, counted = lane.feed, lane.counted
        batches = len(lane.out)
        lane.counted = now = (
            lane.out_bytes,
            batches,
            int(lane.opening_out is not None),
            batches if lane.silences else 0,
        )
        self.out_bytes += now[0] - counted[0]
        self.batches_out += now[1] - counted[1]
        self.openings_out += now[2] - counted[2]
        self._silent_out += now[3] - counted[3]
        if lane.is_done:
            del self._lanes[feed]
            for each in (self._ready, *self._opening, self._progress, self._busy):
                each.pop(feed, None)
            return
        _keep(self._ready, feed, is_in=lane.wants() > 0)
        is_opening = lane.is_opening_due and lane.may_send()
        rank = 2 * (lane.silences > 0) + (not lane.waits)
        for place, those in enumerate(self._opening):
            _keep(those, feed, is_in=is_opening and place == rank)
        _keep(self._progress, feed, is_in=lane.archived != lane.written)
        _keep(self._busy, feed, is_in=lane.is_busy)
        if lane.due < lane.timer_at:
            lane.timer_at = lane.due
            heapq.heappush(self._timers, (lane.due, feed))


def _tell(lane: Lane, report: Heard, now: float) -> bool:
    match report:
        case Archived(epoch=epoch, last=last):
            if epoch != lane.opening.epoch:
                return False
            lane.archive(last, now)
        case Unopened():
            lane.unopen()
        case Behind(run=run) | Shut(run=run) | Refused(run=run) if run != lane.run:
            return False
        case Behind(epoch=epoch, last=last):
            lane.behind(epoch, last, now)
        case Shut():
            lane.shut(now)
        case Refused(epoch=epoch, first=first, last=last, detail=detail):
            if epoch != lane.opening.epoch:
                return False
            lane.refuse(first, last, detail, now)
    return True


def _keep(those: dict[str, None], feed: str, *, is_in: bool) -> None:
    if is_in:
        those.setdefault(feed)
    else:
        those.pop(feed, None)
