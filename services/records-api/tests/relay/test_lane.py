"""One feed's lane: what may go out, and where it goes on after what happened."""

from __future__ import annotations

from aviso.outbox.states import Opening
from aviso.relay.lane import MOST_OUT, SILENCE_S
from aviso.relay.lanes import MOST_OUT_BYTES
from aviso.relay.reports import Archived, Opened, Unopened
from tests.relay.lanes import EPOCH, One, make_batch


def test_the_first_batch_goes_at_once_whatever_its_size() -> None:
    one = One(head=1)

    assert one.wants
    assert one.send(1, 1, is_full=False)


def test_while_two_are_out_what_is_written_waits_to_join_the_next() -> None:
    one = One(head=3)
    assert one.send(1, 1, is_full=False)
    assert one.send(2, 2, is_full=False)

    assert not one.wants
    assert not one.send(3, 3, is_full=False)
    one.archive(1)
    assert one.send(3, 3, is_full=False)


def test_it_is_busy_as_long_as_what_comes_next_would_wait() -> None:
    one = One(head=2)
    assert one.lanes.busy
    one.send(1, 1, is_full=False)
    assert one.lanes.busy
    one.send(2, 2, is_full=False)
    assert one.lanes.busy

    one.archive(1)

    assert not one.lanes.busy
    one.number(3)
    assert one.lanes.busy


def test_full_batches_go_until_four_are_out() -> None:
    one = One(head=10_000)

    sent = [one.send(250 * n + 1, 250 * n + 250) for n in range(6)]

    assert [True] * MOST_OUT + [False] * 2 == sent
    assert not one.wants


def test_what_does_not_come_next_is_not_sent() -> None:
    one = One(head=9)

    assert not one.send(2, 3)


def test_archived_is_cumulative_and_makes_room() -> None:
    one = One(head=2_000)
    for n in range(4):
        one.send(250 * n + 1, 250 * n + 250)

    one.archive(750)

    assert (750, 1_000) == (one.archived, one.sent)
    assert 3 == one.wants


def test_behind_it_goes_on_after_the_archives_head_under_another_run() -> None:
    one = One(head=100, published=50)
    one.send(51, 100)
    before = one.run

    one.behind(40)

    assert (40, 40) == (one.archived, one.sent)
    assert before != one.run
    assert one.send(41, 60)


def test_a_behind_of_an_older_run_says_nothing() -> None:
    one = One(head=100)
    older = one.run
    one.send(1, 50)
    one.behind(0)
    one.send(1, 50)

    assert not one.behind(0, run=older)
    assert 50 == one.sent


def test_an_empty_archive_begins_where_what_is_kept_does_and_with_an_opening() -> None:
    one = One(head=100, published=50)
    one.change(pruned=30)
    one.send(51, 100)

    one.behind(None)

    assert 30 == one.archived
    assert ["orders"] == one.lanes.openings(9)
    assert not one.send(31, 40)
    one.lanes.open("orders", "id-1", one.now)
    assert one.send(31, 40)


def test_going_back_without_progress_a_second_time_waits_ever_longer() -> None:
    one = One(head=10)
    one.send(1, 10)
    one.behind(0)
    assert one.wants

    pauses = []
    for _ in range(8):
        assert one.send(1, 10)
        one.behind(0)
        assert not one.wants
        began = one.now
        one.wait(one.due - one.now + 0.001)
        pauses.append(round(one.now - began, 1))
        assert one.wants

    assert [1.0, 2.0, 4.0, 8.0, 16.0, 30.0, 30.0, 30.0] == pauses


def test_a_shut_room_is_tried_again_after_a_pause() -> None:
    one = One(head=10)
    one.send(1, 10)

    one.shut()

    assert not one.wants
    one.wait(0.6)
    assert one.send(1, 10)


def test_of_a_refused_batch_the_events_go_alone_up_to_its_end() -> None:
    one = One(head=9)
    one.send(1, 6)

    one.refuse(1, 6)

    lane = one.lanes.get("orders")
    assert lane is not None
    assert (6, 0, 3) == (lane.alone_up_to, one.sent, one.wants - 1)


def test_one_that_is_refused_alone_is_to_be_parked_and_its_stand_in_waits() -> None:
    one = One(head=9)
    one.send(1, 1)
    one.refuse(1, 1)
    lane = one.lanes.get("orders")
    assert lane is not None
    assert {1: "no"} == lane.refused

    lane.park(1, "refused")
    assert one.send(1, 1)
    one.refuse(1, 1)

    # What keeps the place is refused too: nothing is left but to try again.
    assert ({}, 0) == (lane.refused, one.wants)


def test_silence_sends_again_after_20_seconds_and_then_ever_later() -> None:
    one = One(head=5)
    one.send(1, 5)
    before = one.run

    assert [] == one.wait(SILENCE_S[0] - 1)
    assert ["orders"] == one.wait(1)

    assert before != one.run
    assert one.send(1, 5)
    assert [] == one.wait(SILENCE_S[0] + 1)
    assert ["orders"] == one.wait(SILENCE_S[0])


def test_silence_is_none_while_the_pusher_is_away() -> None:
    one = One(head=5)
    one.send(1, 5)

    one.now += 60
    assert one.lanes.is_anything_overdue(one.now)
    one.lanes.put_off(one.now + 15)

    assert [] == one.wait(30)
    assert ["orders"] == one.wait(5)


def test_what_is_above_all_numbers_stops_the_feed_until_its_epoch_is_another() -> None:
    one = One(head=5)
    one.send(1, 5)

    one.behind(80)

    assert one.problem is not None
    assert "80" in one.problem
    one.number(90)
    assert not one.wants
    one.change(opening=Opening("e2e2", "public"), is_announced=False, begun=0)
    assert one.problem is None
    assert ["orders"] == one.lanes.openings(9)


def test_archived_above_all_numbers_is_a_contradiction_too() -> None:
    one = One(head=5)
    one.send(1, 5)

    one.archive(6)

    assert one.problem is not None


def test_reports_of_another_epoch_say_nothing() -> None:
    one = One(head=5)
    one.send(1, 5)
    one.change(opening=Opening("e2e2", "public"), is_announced=False)
    one.lanes.open("orders", "id-1", one.now)
    one.send(1, 5)

    assert not one.lanes.report(Archived("orders", EPOCH, 5), one.now)
    assert 0 == one.archived


def test_an_opening_is_announced_only_when_it_is_the_one_that_was_sent() -> None:
    one = One()
    one.change(is_announced=False)
    one.lanes.open("orders", "id-1", one.now)

    assert None is one.lanes.opened(Opened("orders", EPOCH, "id-0"))
    assert one.state.opening == one.lanes.opened(Opened("orders", EPOCH, "id-1"))


def test_an_opening_that_is_not_heard_of_goes_out_again() -> None:
    one = One()
    one.change(is_announced=False)
    one.lanes.open("orders", "id-1", one.now)
    assert [] == one.lanes.openings(9)

    one.wait(SILENCE_S[0])

    assert ["orders"] == one.lanes.openings(9)


def test_an_opening_is_written_anew_when_more_is_archived_than_it_knew() -> None:
    one = One(head=10)
    one.change(is_announced=False)
    one.lanes.open("orders", "id-1", one.now)
    one.lanes.report(Unopened("orders"), one.now)
    assert [] == one.lanes.openings(9)
    one.send(1, 10)

    one.archive(10)
    one.lanes.report(Unopened("orders"), one.now)

    assert ["orders"] == one.lanes.openings(9)


def test_a_changed_visibility_is_announced_before_what_follows() -> None:
    one = One(head=2)
    one.send(1, 1)

    one.change(opening=Opening(EPOCH, "private"), is_announced=False)

    assert not one.send(2, 2)
    assert 1 == one.sent


def test_a_lowered_progress_sends_again_from_there() -> None:
    one = One(head=9, published=9)
    assert one.lanes.get("orders") is None
    one.change(published=3)

    assert 3 == one.archived
    assert one.send(4, 9)


def test_a_lost_broker_sends_everything_that_was_out_again_at_once() -> None:
    one = One(head=5)
    one.send(1, 5)

    one.lanes.lose()

    assert (0, 0) == (one.sent, one.lanes.out_bytes)
    assert one.send(1, 5)


def test_no_more_text_is_out_than_is_allowed_in_all() -> None:
    one = One(head=5)
    large = make_batch(1, 1, size_bytes=MOST_OUT_BYTES - 10)
    assert one.lanes.accepts(large)
    one.lanes.send(large, one.now)

    assert not one.lanes.accepts(make_batch(2, 2, size_bytes=11))
    assert one.lanes.accepts(make_batch(2, 2, size_bytes=10))
    # A load that could bring nothing that may go is none.
    assert [] == one.lanes.wanted()


def test_a_feed_is_forgotten_when_everything_is_archived_and_written_down() -> None:
    one = One(head=5)
    one.send(1, 5)
    one.archive(5)

    (progress,) = one.lanes.progress()
    one.lanes.wrote(progress)

    assert one.lanes.get("orders") is None
    assert not one.lanes.has_progress


def test_single_events_of_a_refused_batch_go_four_at_a_time() -> None:
    one = One(head=10)
    one.send(1, 10)
    one.refuse(1, 10)

    sent = [one.send(n, n, is_full=False) for n in range(1, 6)]

    assert [True] * MOST_OUT + [False] == sent


def test_progress_that_somebody_lowered_is_gone_back_to() -> None:
    one = One(head=100, published=50)
    one.send(51, 100)

    one.change(published=20)

    assert (20, 20) == (one.archived, one.sent)
    assert one.send(21, 60)


def test_an_opening_is_not_announced_while_a_newer_one_is_due() -> None:
    one = One(head=1)
    one.change(is_announced=False)
    one.lanes.open("orders", "id-1", one.now)
    one.lanes.want_opening("orders")

    assert one.lanes.opened(Opened("orders", EPOCH, "id-1")) is None
