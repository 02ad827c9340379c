"""Whatever is lost, emptied, shut or killed in between: each event is archived once.

Relay, broker, pusher and archive as far as the rule goes, without a server or a clock,
for three feeds. What happens in between comes in any order; then all is well again, and
every archive has to have every event, in order and without a hole.
"""

from __future__ import annotations

import random
from collections import deque
from dataclasses import dataclass, field

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aviso.outbox.states import FeedState, Opening, Wanted
from aviso.relay.lane import MOST_OUT
from aviso.relay.lanes import Lanes
from aviso.relay.reports import (
    Archived,
    Behind,
    Opened,
    Refused,
    Report,
    Shut,
    Unopened,
)
from tests.relay.lanes import make_batch

FEEDS = ("bulk", "orders", "stock")
BATCH = 3
HAPPENINGS = [
    *("write", "write", "relay", "relay", "relay", "push", "push", "push", "hear"),
    *("hear", "hear", "pass", "write down", "write down"),
    *("drop report", "drop message", "lose broker", "flap broker", "restart relay"),
    *("empty archive", "shorten archive", "refuse", "shut", "let in", "prune"),
    *("new epoch", "remake room", "visibility"),
]


@dataclass(frozen=True)
class Message:
    """A batch, or an opening where `opening_id` is there."""

    feed: str
    epoch: str
    run: str
    first: int = 0
    last: int = 0
    head: int = 0
    kept: tuple[int, ...] = ()
    """The sequences whose events are parked: others keep their places."""
    opening_id: str = ""


@dataclass
class Stored:
    """A feed in the database."""

    head: int = 0
    published: int = 0
    pruned: int = 0
    begun: int = 0
    epochs: int = 0
    visibility: str = "public"
    is_announced: bool = False

    @property
    def opening(self) -> Opening:
        return Opening(f"e{self.epochs:03}", self.visibility)


@dataclass
class Room:
    """An archive: the epoch it is in, where that began, and what it has of it."""

    epoch: str | None = None
    begun: int = 0
    last: int = 0
    is_shut: bool = False
    is_remade: bool = False
    refused: set[int] = field(default_factory=set)


class World:
    def __init__(self) -> None:
        self.now = 100.0
        self.names = 0
        self.stored = {feed: Stored() for feed in FEEDS}
        self.rooms = {feed: Room() for feed in FEEDS}
        self.queue: deque[Message] = deque()
        self.reports: deque[Report] = deque()
        self.told: dict[str, str] = {}
        self.begin_term()

    def name(self) -> str:
        self.names += 1
        return f"n{self.names}"

    def begin_term(self) -> None:
        self.lanes = Lanes(self.name)
        for feed in FEEDS:
            self.look_at(feed)

    def state(self, feed: str) -> FeedState:
        stored = self.stored[feed]
        return FeedState(
            feed,
            stored.opening,
            stored.is_announced,
            stored.published,
            stored.head,
            stored.pruned,
            stored.begun,
        )

    def look_at(self, feed: str) -> None:
        self.lanes.take_in(self.state(feed))

    # The relay.

    def relay(self) -> bool:
        opened = self.lanes.openings(9)
        for feed in opened:
            self.look_at(feed)
            lane = self.lanes.get(feed)
            assert lane is not None
            opening_id = self.name()
            head, epoch = self.state(feed).floor, lane.opening.epoch
            self.queue.append(
                Message(feed, epoch, lane.run, head=head, opening_id=opening_id)
            )
            self.lanes.open(feed, opening_id, self.now)
        wanted = self.lanes.wanted()
        for each in wanted:
            self.send(each)
        self.lanes.loaded(wanted)
        self.check()
        return bool(opened or wanted)

    def send(self, wanted: Wanted) -> None:
        self.look_at(wanted.feed)
        lane = self.lanes.get(wanted.feed)
        assert lane is not None
        for sequence in list(lane.refused):
            lane.park(sequence, "refused")
        after, end = lane.sent, min(lane.head, lane.sent + wanted.limit)
        while after < end:
            size = 1 if after + 1 <= lane.alone_up_to else BATCH
            last = min(after + size, end)
            batch = make_batch(
                after + 1,
                last,
                feed=lane.feed,
                epoch=lane.opening.epoch,
                is_full=last < end,
            )
            if not self.lanes.accepts(batch):
                return
            kept = tuple(n for n in lane.parked if after < n <= last)
            self.queue.append(
                Message(lane.feed, batch.epoch, lane.run, after + 1, last, kept=kept)
            )
            self.lanes.send(batch, self.now)
            after = last

    def hear(self) -> bool:
        if not self.reports:
            return False
        report = self.reports.popleft()
        match report:
            case Opened():
                opening = self.lanes.opened(report)
                stored = self.stored[report.feed]
                if opening is not None and opening == stored.opening:
                    stored.is_announced = True
            case Unopened():
                self.stored[report.feed].is_announced = False
                if not self.lanes.report(report, self.now):
                    self.look_at(report.feed)
            case Archived() | Behind() | Refused() | Shut():
                if isinstance(report, Behind) and self.lanes.get(report.feed):
                    self.look_at(report.feed)
                self.lanes.report(report, self.now)
        self.check()
        return True

    def write_down(self) -> None:
        for each in self.lanes.progress():
            if self.stored[each.feed].published == each.before:
                self.stored[each.feed].published = each.published
                self.lanes.wrote(each)
            else:
                self.look_at(each.feed)

    # The pusher and the archive, by contracts/README.md.

    def push(self) -> bool:
        if not self.queue:
            return False
        message = self.queue.popleft()
        room = self.rooms[message.feed]
        if room.is_shut:
            self.reports.append(Shut(message.feed, message.run, "no entry"))
        elif message.opening_id:
            self.open(message, room)
        else:
            self.archive(message, room)
        return True

    def open(self, message: Message, room: Room) -> None:
        epoch = message.epoch
        room.is_remade = False
        is_older = room.epoch is not None and room.epoch > epoch
        if room.epoch != epoch and not is_older:
            room.epoch, room.begun, room.last = epoch, message.head, message.head
        self.reports.append(Opened(message.feed, epoch, message.opening_id))

    def archive(self, message: Message, room: Room) -> None:
        feed, run, epoch = message.feed, message.run, message.epoch
        if room.is_remade:
            self.reports.append(Unopened(feed))
        elif room.epoch == epoch and message.last <= room.last:
            self.reports.append(Archived(feed, epoch, room.last))
        elif room.epoch != epoch or message.first != room.last + 1:
            if self.told.get(feed) != run:
                self.told[feed] = run
                last = None if room.epoch is None else room.last
                self.reports.append(Behind(feed, run, room.epoch, last))
        elif room.refused & set(range(message.first, message.last + 1)) - set(
            message.kept
        ):
            self.reports.append(
                Refused(feed, run, epoch, message.first, message.last, "no")
            )
        else:
            room.last = message.last
            self.reports.append(Archived(feed, epoch, room.last))

    # What happens.

    def happen(self, what: str, feed: str, amount: int) -> None:  # noqa: C901 (a list)
        stored, room = self.stored[feed], self.rooms[feed]
        match what:
            case "write":
                stored.head += amount * (7 if feed == "bulk" else 1)
                self.look_at(feed)
            case "relay":
                self.relay()
            case "push":
                for _ in range(amount):
                    self.push()
            case "hear":
                for _ in range(amount):
                    self.hear()
            case "pass":
                self.pass_time(amount * 9.0)
            case "write down":
                self.write_down()
            case "drop report" if self.reports:
                del self.reports[amount % len(self.reports)]
            case "drop message" if self.queue:
                del self.queue[amount % len(self.queue)]
            case "lose broker":
                self.queue.clear()
                self.reports.clear()
                self.lanes.lose()
            case "flap broker":
                self.lanes.lose()
            case "restart relay":
                self.begin_term()
            case "empty archive":
                room.epoch, room.begun, room.last = None, 0, 0
            case "shorten archive":
                room.last = max(room.begun, room.last - amount)
            case "refuse":
                room.refused.add(stored.head + 1 - amount % 2)
            case "shut":
                room.is_shut = True
            case "let in":
                room.is_shut = False
            case "prune" if not self.lanes.is_lowering:
                stored.pruned = max(
                    stored.pruned,
                    min(stored.published, stored.head - 1, stored.pruned + amount),
                )
            case "new epoch":
                stored.epochs += 1
                stored.begun = stored.published
                stored.is_announced = False
                self.look_at(feed)
            case "remake room":
                room.epoch, room.begun, room.last = None, 0, 0
                room.is_remade = True
            case "visibility":
                is_public = stored.visibility == "public"
                stored.visibility = "private" if is_public else "public"
                stored.is_announced = False
                self.look_at(feed)

    def pass_time(self, seconds: float) -> None:
        self.now += seconds
        self.lanes.pass_time(self.now)

    def check(self) -> None:
        for lane in self.lanes:
            assert len(lane.out) <= MOST_OUT
            assert lane.archived <= lane.sent <= lane.head
            assert [*lane.out] == sorted(lane.out, key=lambda each: each.first)
            assert lane.problem is None
        assert self.lanes.out_bytes == sum(lane.out_bytes for lane in self.lanes)
        assert self.lanes.batches_out == sum(len(lane.out) for lane in self.lanes)
        assert self.lanes.openings_out == sum(
            lane.opening_out is not None for lane in self.lanes
        )

    def settle(self) -> None:
        """Lose all that is under way, let all be well, and go on to the end."""
        self.queue.clear()
        self.reports.clear()
        for room in self.rooms.values():
            room.is_shut = False
        for _ in range(400):
            # A batch makes each archive speak that was emptied behind a quiet feed.
            if all(self.is_archived(feed) for feed in FEEDS):
                return
            self.run_dry()
            self.write_down()
            for feed in FEEDS:
                if not self.is_archived(feed) and self.lanes.get(feed) is None:
                    self.stored[feed].head += 1
                    self.look_at(feed)
            self.pass_time(31.0)
        raise AssertionError([self.stored, self.rooms, list(self.lanes)])

    def run_dry(self) -> None:
        """Go on until nobody has anything to do."""
        for _ in range(10_000):
            if not (self.relay() or self.push() or self.hear()):
                return
        raise AssertionError(["it runs in circles", list(self.lanes)])

    def is_archived(self, feed: str) -> bool:
        stored, room = self.stored[feed], self.rooms[feed]
        if not (stored.head or room.epoch):
            return stored.is_announced
        return (
            (room.epoch, room.last) == (stored.opening.epoch, stored.head)
            and stored.published == stored.head
            and stored.is_announced
            and room.begun <= max(stored.begun, stored.pruned)
        )


happenings = st.tuples(
    st.sampled_from(HAPPENINGS), st.sampled_from(FEEDS), st.integers(1, 4)
)


@settings(max_examples=300)
@given(st.lists(happenings, max_size=80))
def test_every_event_is_archived_in_the_end(plan: list[tuple[str, str, int]]) -> None:
    world = World()

    for what, feed, amount in plan:
        world.happen(what, feed, amount)

    world.settle()


@pytest.mark.parametrize("seed", range(40))
def test_every_event_is_archived_in_the_end_after_a_long_time(seed: int) -> None:
    chance = random.Random(seed)  # noqa: S311 (a plan that can be had again)
    world = World()

    for _ in range(1_500):
        what, feed = chance.choice(HAPPENINGS), chance.choice(FEEDS)
        world.happen(what, feed, chance.randint(1, 4))

    world.settle()


def test_a_feed_with_a_huge_backlog_does_not_delay_anothers() -> None:
    world = World()
    world.run_dry()
    world.stored["bulk"].head = 1_000_000
    world.look_at("bulk")
    for _ in range(5):
        world.relay()
        world.push()

    world.happen("write", "orders", 1)
    world.relay()

    # What the broker had of the other was under way before; nothing came between.
    assert "orders" == world.queue[-1].feed
    assert len(world.queue) <= MOST_OUT + 1
