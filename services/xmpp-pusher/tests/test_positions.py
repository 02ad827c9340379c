"""The rule of "once, in order, without hole", case by case and then all at once."""

from __future__ import annotations

from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
)

from xmpp_pusher.positions import (
    EMPTY_ROOM_PATIENCE_S,
    PATIENCE_S,
    Gap,
    Position,
    Sequencer,
    Verdict,
)

A, B = "aaaa", "bbbb"


def offer(
    sequencer: Sequencer[Any], epoch: str, *sequences: int, now: float = 0.0
) -> list[Verdict]:
    return [sequencer.offer(Position(epoch, n), (epoch, n), now) for n in sequences]


def take(sequencer: Sequencer[Any]) -> list[Any]:
    ready = list(sequencer.ready)
    sequencer.ready.clear()
    return ready


def test_the_next_event_is_ready() -> None:
    sequencer: Sequencer[Any] = Sequencer(Position(A, 4))

    assert [Verdict.READY] == offer(sequencer, A, 5)
    assert [(A, 5)] == take(sequencer)


def test_at_or_below_the_position_is_a_copy() -> None:
    sequencer: Sequencer[Any] = Sequencer(Position(A, 4))

    assert [Verdict.COPY, Verdict.COPY] == offer(sequencer, A, 4, 1)
    assert [] == take(sequencer)


def test_above_the_next_is_held_until_the_missing_one_comes() -> None:
    sequencer: Sequencer[Any] = Sequencer(Position(A, 4))

    assert [Verdict.HELD, Verdict.HELD] == offer(sequencer, A, 7, 6)
    assert [] == take(sequencer)
    assert [Verdict.READY] == offer(sequencer, A, 5)
    assert [(A, 5), (A, 6), (A, 7)] == take(sequencer)


def test_a_copy_of_what_is_held_or_about_to_be_sent_is_a_copy() -> None:
    sequencer: Sequencer[Any] = Sequencer(Position(A, 4))
    offer(sequencer, A, 5, 7)

    assert [Verdict.COPY, Verdict.COPY] == offer(sequencer, A, 5, 7)


def test_sequence_1_begins_an_empty_room_at_once() -> None:
    sequencer: Sequencer[Any] = Sequencer(None)

    assert [Verdict.HELD, Verdict.READY] == offer(sequencer, A, 2, 1)
    assert [(A, 1), (A, 2)] == take(sequencer)


def test_a_later_sequence_in_an_empty_room_waits_for_a_lower_one() -> None:
    sequencer: Sequencer[Any] = Sequencer(None)
    offer(sequencer, A, 9, now=0.0)
    offer(sequencer, A, 8, now=1.0)

    assert sequencer.start_overdue(1.0 + EMPTY_ROOM_PATIENCE_S - 0.1) is None
    assert (Position(A, 7), []) == sequencer.start_overdue(1.0 + EMPTY_ROOM_PATIENCE_S)
    assert [(A, 8), (A, 9)] == take(sequencer)


def test_the_deadline_of_a_guess_is_known() -> None:
    sequencer: Sequencer[Any] = Sequencer(Position(A, 4))
    assert sequencer.next_deadline() is None
    offer(sequencer, A, 6, now=1.0)
    assert sequencer.next_deadline() is None, "a hole is not waited out"

    offer(sequencer, B, 6, now=2.0)

    assert 2.0 + PATIENCE_S == sequencer.next_deadline()


def test_a_gap_is_what_lacks_between_the_position_and_the_lowest_held() -> None:
    sequencer: Sequencer[Any] = Sequencer(Position(A, 4))
    assert sequencer.gap() is None
    offer(sequencer, B, 9)
    assert sequencer.gap() is None, "another epoch is none"
    offer(sequencer, A, 9)
    offer(sequencer, A, 8)

    assert Gap(A, 5, 7) == sequencer.gap()


def test_an_empty_room_lacks_all_from_the_first() -> None:
    sequencer: Sequencer[Any] = Sequencer(None)
    assert sequencer.gap() is None
    offer(sequencer, A, 3)

    assert Gap(A, 1, 2) == sequencer.gap()


def test_an_opening_begins_its_epoch_and_is_announced() -> None:
    sequencer: Sequencer[Any] = Sequencer(Position(A, 4))
    offer(sequencer, A, 5)

    assert (Verdict.READY, []) == sequencer.open(Position(B, 9), "opening", 0)

    offer(sequencer, B, 10)
    assert [(A, 5), "opening", (B, 10)] == take(sequencer)


def test_an_opening_of_an_empty_room_without_a_head_needs_no_word() -> None:
    sequencer: Sequencer[Any] = Sequencer(None)

    assert (Verdict.COPY, []) == sequencer.open(Position(A, 0), "opening", 0)
    assert [] == take(sequencer)
    assert [Verdict.READY] == offer(sequencer, A, 1)


def test_an_opening_of_an_empty_room_with_a_head_is_announced() -> None:
    sequencer: Sequencer[Any] = Sequencer(None)

    assert (Verdict.READY, []) == sequencer.open(Position(A, 3), "opening", 0)
    assert ["opening"] == take(sequencer)


def test_an_opening_of_the_epoch_that_runs_changes_nothing() -> None:
    sequencer: Sequencer[Any] = Sequencer(Position(A, 4))

    assert (Verdict.COPY, []) == sequencer.open(Position(A, 9), "opening", 0)
    assert [Verdict.READY] == offer(sequencer, A, 5)


def test_events_that_came_before_their_opening_follow_it() -> None:
    sequencer: Sequencer[Any] = Sequencer(Position(A, 4))
    offer(sequencer, B, 10, 11)

    assert (Verdict.READY, []) == sequencer.open(Position(B, 9), "opening", 0)
    assert ["opening", (B, 10), (B, 11)] == take(sequencer)


def test_what_was_held_of_the_ended_epoch_is_returned() -> None:
    sequencer: Sequencer[Any] = Sequencer(Position(A, 4))
    offer(sequencer, A, 6)

    _, dropped = sequencer.open(Position(B, 9), "opening", 0)

    assert [(A, 6)] == dropped


def test_an_ended_epoch_does_not_come_back() -> None:
    sequencer: Sequencer[Any] = Sequencer(Position(B, 9), past={A})

    assert [Verdict.STALE] == offer(sequencer, A, 5)
    assert (Verdict.STALE, []) == sequencer.open(Position(A, 4), "opening", 0)
    assert Position(B, 9) == sequencer.position


def test_unsound_events_never_end_the_epoch_that_runs() -> None:
    sequencer: Sequencer[Any] = Sequencer(Position(A, 4))

    sequencer.offer(Position(B, 1), (B, 1), 0.0, is_sound=False)

    assert PATIENCE_S == sequencer.next_deadline()
    assert sequencer.start_overdue(PATIENCE_S) is None
    assert [] == sequencer.give_up_strangers(PATIENCE_S - 0.1)
    assert [(B, 1)] == sequencer.give_up_strangers(PATIENCE_S)
    assert [Verdict.READY] == offer(sequencer, A, 5)


def test_unsound_events_keep_their_place_beside_sound_ones() -> None:
    sequencer: Sequencer[Any] = Sequencer(Position(A, 4))
    sequencer.offer(Position(B, 7), (B, 7), 0.0, is_sound=False)
    offer(sequencer, B, 8)

    assert [] == sequencer.give_up_strangers(PATIENCE_S)
    assert (Position(B, 6), []) == sequencer.start_overdue(PATIENCE_S)
    assert [(B, 7), (B, 8)] == take(sequencer)


def test_an_unsound_event_may_be_the_first_of_an_empty_room() -> None:
    sequencer: Sequencer[Any] = Sequencer(None)

    verdict = sequencer.offer(Position(A, 1), (A, 1), 0.0, is_sound=False)

    assert Verdict.READY == verdict
    assert [(A, 1)] == take(sequencer)


def test_a_held_event_can_be_given_up_and_comes_again() -> None:
    sequencer: Sequencer[Any] = Sequencer(Position(A, 4))
    offer(sequencer, A, 6)

    assert sequencer.forget_held(Position(A, 6))
    assert not sequencer.forget_held(Position(A, 6))
    assert [] == sequencer.held()
    assert [Verdict.READY, Verdict.READY] == offer(sequencer, A, 5, 6)


class Relaying(RuleBasedStateMachine):
    """A broker, a room and a pusher that is cut off anywhere.

    The broker keeps what is not acked and hands it out in any order, and again after
    a restart. The room's archive outlives everything. Time stands still: waiting out
    an epoch that nobody opened is the one thing that may leave something out.
    """

    @initialize(head=st.integers(0, 3))
    def begin(self, head: int) -> None:
        self.archive: list[Any] = []
        self.published: list[Any] = []
        self.unacked: list[Any] = []
        self.undelivered: list[Any] = []
        self.epochs = [A]
        self.heads = {A: head}
        self.newest = head
        if head:
            self.archive.append((A, head))
        self.restart()

    @rule(copies=st.integers(1, 2))
    def publish(self, copies: int) -> None:
        self.newest += 1
        event = (self.epochs[-1], self.newest)
        self.published.append(event)
        self.add(event, copies)

    @precondition(lambda self: len(self.epochs) < 3 and not self.unacked)
    @rule(head=st.integers(0, 5), copies=st.integers(1, 2))
    def open_epoch(self, head: int, copies: int) -> None:
        epoch = f"epoch{len(self.epochs)}"
        self.epochs.append(epoch)
        self.heads[epoch] = self.newest = head
        self.add(("open", epoch, head), copies)

    @precondition(lambda self: self.undelivered)
    @rule(data=st.data())
    def deliver(self, data: st.DataObject) -> None:
        entry = data.draw(st.sampled_from(self.undelivered))
        self.undelivered.remove(entry)
        self.receive(entry)

    @precondition(lambda self: self.sequencer.ready)
    @rule(count=st.integers(1, 4), outcome=st.sampled_from(["ack", "lost", "late"]))
    def send(self, count: int, outcome: str) -> None:
        """Reflected; lost on the way there; or archived with the reflection lost."""
        batch = [
            self.sequencer.ready.popleft()
            for _ in range(min(count, len(self.sequencer.ready)))
        ]
        if outcome != "lost":
            self.archive += [self.place(entry) for entry, _ in batch]
        if outcome == "ack":
            for item in batch:
                self.unacked.remove(item)
        else:
            self.restart()

    @rule()
    def restart(self) -> None:
        position = Position(*self.archive[-1]) if self.archive else None
        past = {epoch for epoch, _ in self.archive if position != (epoch, _)}
        if position:
            past.discard(position.epoch)
        self.sequencer: Sequencer[Any] = Sequencer(position, past)
        self.undelivered = list(self.unacked)

    @invariant()
    def the_archive_has_no_hole_and_no_copy(self) -> None:
        if not hasattr(self, "archive"):
            return
        for before, after in zip(self.archive, self.archive[1:], strict=False):
            if before[0] == after[0]:
                assert before[1] + 1 == after[1], self.archive
            else:
                assert self.epochs.index(before[0]) < self.epochs.index(after[0])

    def teardown(self) -> None:
        if not hasattr(self, "archive"):
            return
        while self.undelivered:
            self.receive(self.undelivered.pop())
        while self.sequencer.ready:
            self.send(1, "ack")
        archived = [place for place in self.archive if place in set(self.published)]
        assert self.published == archived
        assert [] == self.unacked

    def add(self, entry: Any, copies: int) -> None:
        for number in range(copies):
            item = (entry, f"{entry}#{number}")
            self.unacked.append(item)
            self.undelivered.append(item)

    def receive(self, item: Any) -> None:
        entry = item[0]
        if entry[0] == "open":
            at = Position(entry[1], entry[2])
            verdict, dropped = self.sequencer.open(at, item, 0.0)
            for old in dropped:
                self.unacked.remove(old)
        else:
            verdict = self.sequencer.offer(Position(*entry), item, 0.0)
        if verdict in (Verdict.COPY, Verdict.STALE):
            self.unacked.remove(item)

    def place(self, entry: Any) -> Any:
        return entry[1:] if entry[0] == "open" else entry


TestRelaying = Relaying.TestCase
TestRelaying.settings = settings(max_examples=300, stateful_step_count=40)
