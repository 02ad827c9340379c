"""Any interleaving of what can happen keeps the window's promises.

A model of the world around it: a database that forgets nothing, a broker that takes,
refuses, returns and vanishes as it likes, and a process that dies in between.
"""

from __future__ import annotations

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
)

from aviso.relay.outgoing import Outgoing
from aviso.relay.window import Limits, Window
from tests.relay.messages import make_event, make_opening

FEEDS = ("a", "b")
LIMITS = Limits(held=8, held_bytes=80, in_flight=4, in_flight_bytes=1_000)
pick = st.integers(min_value=0, max_value=100)


class Relaying(RuleBasedStateMachine):
    """`unpublished` is the database; `taken` what the broker has, ever; in order."""

    def __init__(self) -> None:
        super().__init__()
        self.unpublished: dict[str, list[int]] = {feed: [] for feed in FEEDS}
        self.announced = dict.fromkeys(FEEDS, False)
        self.last = dict.fromkeys(FEEDS, 0)
        self.confirmed: set[tuple[str, int]] = set()
        self.taken: dict[str, list[int]] = {feed: [] for feed in FEEDS}
        self.opened_at: dict[str, int] = {}
        self.restart()

    def restart(self) -> None:
        self.window = Window(LIMITS)
        self.loaded = dict.fromkeys(FEEDS, 0)
        self.opening_loaded = dict.fromkeys(FEEDS, False)
        self.flying: list[Outgoing] = []

    @rule()
    def restart_after_a_crash(self) -> None:
        self.restart()

    @rule(feed=st.sampled_from(FEEDS), count=st.integers(1, 5))
    def write(self, feed: str, count: int) -> None:
        for _ in range(count):
            self.last[feed] += 1
            self.unpublished[feed].append(self.last[feed])

    @rule(feed=st.sampled_from(FEEDS))
    def load(self, feed: str) -> None:
        room, _ = self.window.room()
        if not room:
            return
        if not self.announced[feed] and not self.opening_loaded[feed]:
            self.window.add([make_opening(feed)])
            self.opening_loaded[feed] = True
            room -= 1
        wanted = [n for n in self.unpublished[feed] if n > self.loaded[feed]][:room]
        self.window.add(make_event(feed, n) for n in wanted)
        self.loaded[feed] = wanted[-1] if wanted else self.loaded[feed]

    @rule(count=st.integers(1, 5))
    def publish(self, count: int) -> None:
        for _ in range(count):
            message = self.window.take()
            if message is None:
                return
            self.check_order(message)
            self.flying.append(message)

    def check_order(self, message: Outgoing) -> None:
        """Everything before it is confirmed or on its way: nothing was passed by."""
        flying = {(m.feed, m.sequence) for m in self.flying}
        if message.sequence is None:
            assert not any(m.feed == message.feed for m in self.flying)
            return
        assert self.announced[message.feed] or message.feed in self.opened_at
        for before in range(1, message.sequence):
            place = (message.feed, before)
            assert place in self.confirmed or place in flying
        assert (message.feed, message.sequence) not in flying

    @precondition(lambda self: self.flying)
    @rule(which=pick)
    def confirm(self, which: int) -> None:
        message = self.flying.pop(which % len(self.flying))
        self.window.confirm(message)
        if message.sequence is None:
            self.opened_at[message.feed] = len(self.taken[message.feed])
        else:
            self.confirmed.add((message.feed, message.sequence))
            self.taken[message.feed].append(message.sequence)

    @precondition(lambda self: self.flying)
    @rule(which=pick)
    def refuse(self, which: int) -> None:
        message = self.flying.pop(which % len(self.flying))
        self.window.fail(message)

    @rule(feed=st.sampled_from(FEEDS))
    def resume(self, feed: str) -> None:
        self.window.resume(feed)

    @rule(over_a_message=st.booleans())
    def lose_the_connection(self, over_a_message: bool) -> None:
        culprit = self.window.lose(over_a_message=over_a_message)
        assert culprit is None or self.flying == [culprit]
        self.flying.clear()

    @rule(limit=st.integers(1, 5))
    def mark(self, limit: int) -> None:
        messages = self.window.to_mark(limit)
        for message in messages:
            if message.sequence is None:
                assert message.feed in self.opened_at
                self.announced[message.feed] = True
                continue
            assert (message.feed, message.sequence) in self.confirmed
            self.unpublished[message.feed].remove(message.sequence)
        self.window.release(messages)

    @invariant()
    def it_counts_what_it_holds(self) -> None:
        assert len(self.flying) == self.window.in_flight
        assert LIMITS.in_flight >= self.window.in_flight
        assert LIMITS.held >= self.window.held

    @invariant()
    def nothing_unpublished_that_was_loaded_is_forgotten(self) -> None:
        for feed in FEEDS:
            for sequence in self.unpublished[feed]:
                if sequence <= self.loaded[feed]:
                    assert self.window.holds(feed, sequence)

    def teardown(self) -> None:
        """Whatever happened: from here on everything arrives, without another fault."""
        for _ in range(1_000):
            if not any(self.unpublished.values()) and all(self.announced.values()):
                break
            for feed in FEEDS:
                self.resume(feed)
                self.load(feed)
            self.publish(5)
            while self.flying:
                self.confirm(0)
                for feed in FEEDS:
                    self.resume(feed)
            self.mark(5)
        for feed in FEEDS:
            assert [] == self.unpublished[feed]
            assert set(range(1, self.last[feed] + 1)) == set(self.taken[feed])


Relaying.TestCase.settings = settings(
    max_examples=200, stateful_step_count=60, deadline=None
)
TestRelaying = Relaying.TestCase
