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

    @precondition(lambda self: any(self.loaded.values()))
    @rule(which=pick)
    def load_again(self, which: int) -> None:
        """Somebody asks for an event that was published before: it joins its feed."""
        if not self.window.room()[0]:
            return
        feeds = [feed for feed in FEEDS if self.loaded[feed]]
        feed = feeds[which % len(feeds)]
        sequence = 1 + which % self.loaded[feed]
        if (feed, sequence) in self.confirmed:
            self.window.add([make_event(feed, sequence, again=True)])

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
        flying = {(m.feed, m.first) for m in self.flying if not m.again}
        if message.first is None:
            assert not any(m.feed == message.feed for m in self.flying)
            return
        assert self.announced[message.feed] or message.feed in self.opened_at
        if message.again:
            return
        for before in range(1, message.first):
            place = (message.feed, before)
            assert place in self.confirmed or place in flying
        assert (message.feed, message.first) not in flying

    @precondition(lambda self: self.flying)
    @rule(which=pick)
    def confirm(self, which: int) -> None:
        message = self.flying.pop(which % len(self.flying))
        self.window.confirm(message)
        if message.first is None:
            self.opened_at[message.feed] = len(self.taken[message.feed])
        elif not message.again:
            self.confirmed.add((message.feed, message.first))
            self.taken[message.feed].append(message.first)

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

    @rule(fails=st.booleans())
    def write_progress(self, fails: bool) -> None:
        for opening in self.window.take_opened():
            assert opening.feed in self.opened_at
            self.announced[opening.feed] = True
        progress = self.window.take_progress()
        if fails:
            self.window.give_back(progress)
            return
        for feed, newest in progress.items():
            if newest is None or newest.last is None:
                continue
            published = [n for n in self.unpublished[feed] if n <= newest.last]
            assert {(feed, n) for n in published} <= self.confirmed
            self.unpublished[feed] = self.unpublished[feed][len(published) :]

    @invariant()
    def it_counts_what_it_holds(self) -> None:
        assert len(self.flying) == self.window.in_flight
        assert LIMITS.in_flight >= self.window.in_flight
        assert LIMITS.held >= self.window.held

    @invariant()
    def nothing_unconfirmed_that_was_loaded_is_forgotten(self) -> None:
        for feed in FEEDS:
            for sequence in self.unpublished[feed]:
                if sequence <= self.loaded[feed]:
                    place = (feed, sequence)
                    assert place in self.confirmed or self.window.holds(*place)

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
            self.write_progress(fails=False)
        for feed in FEEDS:
            assert [] == self.unpublished[feed]
            assert set(range(1, self.last[feed] + 1)) == set(self.taken[feed])


Relaying.TestCase.settings = settings(
    max_examples=200, stateful_step_count=60, deadline=None
)
TestRelaying = Relaying.TestCase
