"""Deliveries in, archives and acks out: everything between the two edges."""

from __future__ import annotations

import asyncio
import json
import logging
import random
import time
import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any
from xml.etree.ElementTree import Element

import pytest

from examples import (
    make_event,
    make_opening,
    make_poison,
    make_reader_event,
    make_unavailable,
)
from fakes import TICKETS, FakeArchive, FakeBroker, FakeRooms, until
from xmpp_pusher import feeds as feeds_module
from xmpp_pusher import pusher as pusher_module
from xmpp_pusher import stay
from xmpp_pusher.deliveries import Delivery
from xmpp_pusher.errors import NotOurs, RoomLost
from xmpp_pusher.metrics import Metrics, make_metrics
from xmpp_pusher.pusher import Pusher


@dataclass
class Bench:
    broker: FakeBroker
    rooms: FakeRooms
    metrics: Metrics
    pusher: Pusher

    @property
    def archive(self) -> FakeArchive:
        return self.rooms.archive()

    def change(self, sequence: int, change: str, reader: object) -> list[Delivery]:
        body = make_reader_event(sequence, change)
        delivery = self.broker.deliver(body, reader=reader)
        self.pusher.receive(delivery)
        return [delivery]

    def deliver(self, *bodies: bytes, feed: str | None = "orders") -> list[Delivery]:
        deliveries = [self.broker.deliver(body, feed) for body in bodies]
        for delivery in deliveries:
            self.pusher.receive(delivery)
        return deliveries

    async def settle(self, deliveries: list[Delivery]) -> None:
        await until(lambda: set(deliveries) <= set(self.broker.acked))

    def count(self, name: str, **labels: str) -> float:
        value = self.metrics.registry.get_sample_value(f"aviso_pusher_{name}", labels)
        return value or 0.0


@pytest.fixture
async def bench() -> AsyncIterator[Bench]:
    broker, rooms, metrics = FakeBroker(), FakeRooms(), make_metrics()
    pusher = Pusher(rooms, broker, broker, metrics, 20, 393_216, TICKETS)
    yield Bench(broker, rooms, metrics, pusher)
    for archive in rooms.archives.values():
        if archive.gate is not None:
            archive.gate.set()
    async with asyncio.timeout(5):
        await pusher.stop()


async def test_an_event_is_acked_after_the_room_has_archived_it(bench: Bench) -> None:
    bench.archive.gate = asyncio.Event()
    deliveries = bench.deliver(make_event(1))
    await until(lambda: bench.archive.joins == 1)
    await asyncio.sleep(0.02)
    assert [] == bench.broker.acked

    bench.archive.gate.set()
    await bench.settle(deliveries)

    assert [("e001", 1)] == bench.archive.places()


async def test_what_arrives_while_a_batch_is_under_way_is_the_next_batch(
    bench: Bench,
) -> None:
    bench.archive.gate = asyncio.Event()
    first = bench.deliver(make_event(1))
    await until(lambda: bench.archive.joins == 1)
    await asyncio.sleep(0.02)
    rest = bench.deliver(*(make_event(n) for n in range(2, 6)))

    bench.archive.gate.set()
    await bench.settle(first + rest)

    assert [("e001", 1, 1), ("e001", 2, 5)] == bench.archive.spans()


async def test_no_batch_is_longer_than_100_events(bench: Bench) -> None:
    await bench.settle(bench.deliver(*(make_event(n) for n in range(1, 251))))

    sizes = [last - first + 1 for _, first, last in bench.archive.spans()]
    assert [100, 100, 50] == sizes


async def test_no_batch_is_bigger_than_128_kib(bench: Bench) -> None:
    events = [make_event(n, text="x" * 50_000) for n in range(1, 6)]

    await bench.settle(bench.deliver(*events))

    sizes = [last - first + 1 for _, first, last in bench.archive.spans()]
    assert [2, 2, 1] == sizes


async def test_feeds_do_not_wait_for_one_another(bench: Bench) -> None:
    bench.archive.gate = asyncio.Event()
    bench.deliver(make_event(1))

    others = bench.deliver(make_event(1, feed="stock"), feed="stock")
    await bench.settle(others)

    assert others == bench.broker.acked


async def test_a_room_is_entered_only_when_an_event_comes(bench: Bench) -> None:
    await asyncio.sleep(0.02)
    assert 0 == bench.archive.joins

    await bench.settle(bench.deliver(make_opening()))

    assert 1 == bench.archive.joins
    assert [] == bench.archive.messages, "nothing to say of an empty feed"


async def test_copies_are_acked_and_not_sent(bench: Bench) -> None:
    bench.archive.begin("e001", 4)

    await bench.settle(bench.deliver(make_event(3), make_event(4), make_event(5)))
    await bench.settle(bench.deliver(make_event(5)))

    assert [("e001", 5)] == bench.archive.places()
    assert 3 == bench.count("copies_total")


@pytest.mark.parametrize("outcome", ["late", "lost", "no-id"])
async def test_a_batch_in_doubt_is_looked_up_in_the_archive(
    bench: Bench, outcome: Any
) -> None:
    bench.archive.outcomes.append(outcome)

    await bench.settle(bench.deliver(make_event(1), make_event(2)))

    assert [("e001", 1), ("e001", 2)] == bench.archive.places()
    assert 2 == bench.archive.joins


async def test_an_archive_that_stays_away_is_tried_again_and_again(
    bench: Bench,
) -> None:
    bench.archive.outcomes.extend(["no-id"] * 3)

    await bench.settle(bench.deliver(make_event(1)))

    assert [("e001", 1)] == bench.archive.places()
    assert 3 == bench.count("retries_total", reason="NotArchived")


async def test_a_lost_room_is_entered_again_for_the_next_event(bench: Bench) -> None:
    await bench.settle(bench.deliver(make_event(1)))

    bench.rooms.rooms[-1].lose()
    await bench.settle(bench.deliver(make_event(2)))

    assert [("e001", 1), ("e001", 2)] == bench.archive.places()


@pytest.mark.parametrize("kept", [0, 2])
async def test_an_archive_that_lost_its_end_is_noticed_at_the_next_batch_and_filled(
    bench: Bench, kept: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("xmpp_pusher.asking.ASK_AFTER_S", 0.02)
    for n in range(1, 5):
        await bench.settle(bench.deliver(make_event(n)))
    del bench.archive.messages[kept:]

    after = bench.deliver(make_event(5))
    await until(lambda: bench.broker.asked != [])
    assert ("orders", "e001", kept + 1, 4) == bench.broker.asked[0]
    assert [] == [each for each in after if each in bench.broker.acked]
    missing = bench.deliver(*(make_event(n) for n in range(kept + 1, 5)))
    await bench.settle(after + missing)

    assert [("e001", n) for n in range(1, 6)] == bench.archive.places()
    assert 1 == bench.archive.joins, "it has left the room for that"
    assert 1 == bench.count("behind_total")


async def test_an_archive_that_was_emptied_is_not_begun_by_a_guess(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However long the relay takes to answer."""
    monkeypatch.setattr("xmpp_pusher.positions.EMPTY_ROOM_PATIENCE_S", 0.02)
    await bench.settle(bench.deliver(*(make_event(n) for n in range(1, 4))))
    bench.archive.messages.clear()

    after = bench.deliver(make_event(4))
    await until(lambda: bench.count("behind_total") == 1)
    bench.rooms.rooms[-1].lose()
    await until(lambda: bench.archive.joins == 2)
    await asyncio.sleep(0.2)
    assert [] == bench.archive.places()

    # The relay knows what is left.
    await bench.settle(after + bench.deliver(make_opening(2), make_event(3)))
    assert [("e001", 3), ("e001", 4)] == bench.archive.places()


async def test_an_archive_that_is_further_than_we_knew_is_gone_on_from(
    bench: Bench,
) -> None:
    await bench.settle(bench.deliver(make_event(1)))
    bench.archive.begin("e009", 6)  # somebody else has been here

    await bench.settle(bench.deliver(make_event(2), make_event(7, "e009")))

    assert [("e001", 1), ("e009", 7)] == bench.archive.places()
    assert 1 == bench.count("stale_total")


async def test_an_archive_that_changes_again_and_again_is_left(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody else speaks there: the next join puts him out."""
    await bench.settle(bench.deliver(make_event(1)))
    head = bench.archive.head
    wrong = iter([True, True])
    monkeypatch.setattr(
        bench.archive, "takes", lambda *_span: not next(wrong, False) and head()
    )

    await bench.settle(bench.deliver(make_event(2)))

    assert [("e001", 1), ("e001", 2)] == bench.archive.places()
    assert 2 == bench.archive.joins
    assert 1 == bench.count("retries_total", reason="Behind")


async def test_full_batches_are_under_way_together_four_at_most(bench: Bench) -> None:
    bench.archive.gate = asyncio.Event()
    deliveries = bench.deliver(*(make_event(n) for n in range(1, 551)))
    await until(lambda: bench.archive.under_way == 4)
    await asyncio.sleep(0.02)

    bench.archive.gate.set()
    await bench.settle(deliveries)

    assert 4 == bench.archive.most_under_way
    assert [("e001", n) for n in range(1, 551)] == bench.archive.places()


async def test_what_is_not_full_waits_for_what_is_under_way(bench: Bench) -> None:
    bench.archive.gate = asyncio.Event()
    deliveries = bench.deliver(*(make_event(n) for n in range(1, 151)))
    await until(lambda: bench.archive.under_way == 1)
    await asyncio.sleep(0.02)
    assert 1 == bench.archive.under_way

    bench.archive.gate.set()
    await bench.settle(deliveries)


async def test_of_several_under_way_a_refused_event_is_found_and_nothing_is_twice(
    bench: Bench,
) -> None:
    bench.archive.refuses = lambda message: (
        '"number":150}' in (message.findtext("{urn:xmpp:json:0}json") or "")
    )
    bench.archive.gate = asyncio.Event()
    deliveries = bench.deliver(*(make_event(n) for n in range(1, 401)))
    await until(lambda: bench.archive.under_way == 4)

    bench.archive.gate.set()
    await bench.settle(deliveries)

    assert [("e001", n) for n in range(1, 401)] == bench.archive.places()
    assert [(deliveries[149], "refused")] == bench.broker.parked


async def test_of_several_under_way_one_in_doubt_puts_all_after_it_in_doubt(
    bench: Bench,
) -> None:
    bench.archive.gate = asyncio.Event()
    bench.archive.outcomes.extend(["archived", "lost"])
    deliveries = bench.deliver(*(make_event(n) for n in range(1, 401)))
    await until(lambda: bench.archive.under_way == 4)

    bench.archive.gate.set()
    await bench.settle(deliveries)

    assert [("e001", n) for n in range(1, 401)] == bench.archive.places()


async def test_a_hole_holds_back_what_is_above_it(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(stay, "HOLE_WARNING_S", 0.02)
    bench.archive.begin("e001", 4)
    above = bench.deliver(make_event(6), make_event(7))
    await until(lambda: "wait for a missing one" in caplog.text)

    state = bench.pusher.states()["orders"]
    assert (2, 5) == (state.held, state.expected)
    assert [] == bench.broker.acked

    await bench.settle(above + bench.deliver(make_event(5)))
    assert [("e001", n) for n in (5, 6, 7)] == bench.archive.places()
    assert 1 == caplog.text.count("wait for a missing one")


async def test_a_hole_that_stays_is_asked_for_again_and_again(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("xmpp_pusher.asking.ASK_AFTER_S", 0.02)
    bench.archive.begin("e001", 4)
    above = bench.deliver(make_event(8))
    await until(lambda: len(bench.broker.asked) >= 2)

    assert {("orders", "e001", 5, 7)} == set(bench.broker.asked)

    missing = bench.deliver(*(make_event(n) for n in (5, 6, 7)))
    await bench.settle(above + missing)
    assert [("e001", n) for n in (5, 6, 7, 8)] == bench.archive.places()


async def test_a_question_that_nobody_takes_does_not_hold_up_what_comes(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("xmpp_pusher.asking.ASK_AFTER_S", 0.02)
    bench.archive.begin("e001", 4)
    bench.broker.is_full = True
    above = bench.deliver(make_event(6), make_event(9))
    await asyncio.sleep(0.1)

    await bench.settle(above[:1] + bench.deliver(make_event(5)))
    assert [("e001", n) for n in (5, 6)] == bench.archive.places()

    # The one that has been waiting, and one for the hole as it is now.
    bench.broker.is_full = False
    await until(lambda: ("orders", "e001", 7, 8) in bench.broker.asked)
    assert ("orders", "e001", 5, 5) == bench.broker.asked[0]
    assert bench.broker.asked.count(("orders", "e001", 5, 5)) == 1


async def test_a_large_hole_is_asked_for_piece_by_piece(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("xmpp_pusher.asking.ASK_AFTER_S", 0.2)
    monkeypatch.setattr("xmpp_pusher.positions.MAX_PIECE", 3)
    bench.archive.begin("e001", 4)
    above = bench.deliver(make_event(13))
    await until(lambda: bench.broker.asked == [("orders", "e001", 5, 7)])

    missing = bench.deliver(*(make_event(n) for n in (5, 6, 7)))
    await bench.settle(missing)
    # The rest is no reordering: nothing is waited for.
    monkeypatch.setattr("xmpp_pusher.asking.ASK_AFTER_S", 60)
    await until(lambda: ("orders", "e001", 8, 10) in bench.broker.asked)
    await bench.settle(bench.deliver(*(make_event(n) for n in (8, 9, 10))))
    await until(lambda: ("orders", "e001", 11, 12) in bench.broker.asked)

    await bench.settle(above + bench.deliver(make_event(11), make_event(12)))
    assert [("e001", n) for n in range(5, 14)] == bench.archive.places()


async def test_a_hole_that_closes_by_itself_is_not_asked_for(bench: Bench) -> None:
    bench.archive.begin("e001", 4)

    await bench.settle(bench.deliver(make_event(6), make_event(5)))

    assert [] == bench.broker.asked


async def test_an_epoch_that_nobody_opened_begins_with_its_lowest_after_a_while(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("xmpp_pusher.positions.PATIENCE_S", 0.05)
    bench.archive.begin("e001", 4)

    await bench.settle(bench.deliver(make_event(9, "e002"), make_event(8, "e002")))

    assert [("e002", 8), ("e002", 9)] == bench.archive.places()
    # The archive takes another epoch only where it was told of its beginning.
    assert [("e002", 8, 7), ("e002", 8, 9)] == bench.archive.spans()[1:]
    assert 1 == bench.count("guessed_starts_total")
    assert "nobody opened" in caplog.text


async def test_a_new_epoch_is_announced_in_the_room(bench: Bench) -> None:
    bench.archive.begin("e001", 4)

    await bench.settle(
        bench.deliver(make_event(5), make_opening(9, "e002"), make_event(10, "e002"))
    )

    spans = [("e001", 5, 4), ("e001", 5, 5), ("e002", 10, 9), ("e002", 10, 10)]
    assert spans == bench.archive.spans()


async def test_an_epoch_that_the_archive_has_left_behind_is_dropped(
    bench: Bench,
) -> None:
    bench.archive.begin("e001", 4)
    bench.archive.begin("e002", 9)

    await bench.settle(
        bench.deliver(make_event(5), make_opening(4, "e001"), make_event(10, "e002"))
    )

    assert [("e002", 10)] == bench.archive.places()
    assert 2 == bench.count("stale_total")


async def test_the_visibility_of_an_opening_reaches_the_room(bench: Bench) -> None:
    await bench.settle(bench.deliver(make_opening(visibility="private")))
    await bench.settle(bench.deliver(make_opening(visibility="public")))

    assert [None, "private", "public"] == bench.archive.visibilities


async def test_poison_is_parked_and_its_place_kept(bench: Bench) -> None:
    deliveries = bench.deliver(make_event(1), make_poison(2), make_event(3))

    await bench.settle(deliveries)

    assert [("e001", n) for n in (1, 2, 3)] == bench.archive.places()
    assert "aviso.record.unavailable.v1" == bench.archive.events()[1]["type"]
    assert [(deliveries[1], "unknown-type")] == bench.broker.parked
    assert 1 == bench.count("parked_total", cause="unknown-type")


async def test_poison_of_an_epoch_that_nobody_opened_is_parked_alone(
    bench: Bench,
) -> None:
    await bench.settle(bench.deliver(make_event(1)))

    deliveries = bench.deliver(make_poison(1, epoch="zzzz"), make_event(2))
    await bench.settle(deliveries)

    assert [("e001", 1), ("e001", 2)] == bench.archive.places()
    assert [(deliveries[0], "unknown-type")] == bench.broker.parked


async def test_a_copy_that_is_none_is_said(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    """So it is where an older backup was restored and no new epoch begun."""
    await bench.settle(bench.deliver(*(make_event(n) for n in (1, 2, 3))))
    other = json.loads(make_event(2)) | {"id": str(uuid.uuid4())}

    await bench.settle(bench.deliver(json.dumps(other).encode()))
    await until(lambda: bench.count("contradictions_total") == 1)

    assert "begin a new epoch" in caplog.text
    assert "new_epoch" in str(bench.pusher.states()["orders"].problem)
    # The new epoch mends it.
    await bench.settle(bench.deliver(make_opening(2, "e002"), make_event(3, "e002")))
    assert ("e002", 3) == bench.archive.places()[-1]


@pytest.mark.parametrize("is_stand_in", [False, True])
async def test_a_copy_that_is_one_is_not_said_to_be_none(
    bench: Bench, is_stand_in: bool
) -> None:
    # What stands in for an event has an id of its own.
    second = make_poison(2) if is_stand_in else make_event(2)
    await bench.settle(bench.deliver(make_event(1), second))

    await bench.settle(bench.deliver(make_event(2)))
    await asyncio.sleep(0.05)

    assert 1 == bench.count("copies_total")
    assert 0 == bench.count("contradictions_total")


async def test_a_copy_of_poison_is_not_parked_again(bench: Bench) -> None:
    await bench.settle(bench.deliver(make_event(1), make_poison(2)))

    await bench.settle(bench.deliver(make_poison(2)))

    assert 1 == len(bench.broker.parked)


async def test_poison_is_parked_before_its_place_is_filled(bench: Bench) -> None:
    bench.broker.is_up = False
    bench.archive.begin("e001", 1)
    bench.deliver(make_poison(2))
    await until(lambda: bench.count("retries_total", reason="NotConfirmed") >= 1)

    assert [] == bench.archive.places()


async def test_a_parking_that_was_not_confirmed_is_tried_again(bench: Bench) -> None:
    bench.broker.refuses = 2

    await bench.settle(bench.deliver(make_poison(1)))

    assert 1 == len(bench.broker.parked)


@pytest.mark.parametrize("body", [b"no json", b"{}"])
async def test_poison_without_a_place_is_parked_and_acked(
    bench: Bench, body: bytes
) -> None:
    bench.broker.refuses = 1

    deliveries = bench.deliver(body)
    await bench.settle(deliveries)

    assert deliveries == [delivery for delivery, _ in bench.broker.parked]
    assert {} == bench.rooms.archives


async def test_poison_that_was_handed_out_again_is_parked_once(bench: Bench) -> None:
    bench.broker.is_full = True
    bench.deliver(b"no json")
    await asyncio.sleep(0.02)

    bench.pusher.forget()
    bench.broker.is_full = False
    again = bench.deliver(b"no json")
    await bench.settle(again)

    assert again == [delivery for delivery, _ in bench.broker.parked]


async def test_a_message_that_the_reader_fails_on_is_parked(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*_arguments: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(pusher_module, "read_message", fail)

    await bench.settle(bench.deliver(make_event(1)))

    assert ["invalid"] == [cause for _, cause in bench.broker.parked]
    assert "ZeroDivisionError" in caplog.text


async def test_a_refused_event_is_found_parked_and_its_place_kept(
    bench: Bench,
) -> None:
    def refuses(message: Element) -> bool:
        return '"number":3' in (message.findtext("{urn:xmpp:json:0}json") or "")

    bench.archive.refuses = refuses
    deliveries = bench.deliver(*(make_event(n) for n in range(1, 6)))

    await bench.settle(deliveries)

    assert [("e001", n) for n in range(1, 6)] == bench.archive.places()
    assert "aviso.record.unavailable.v1" == bench.archive.events()[2]["type"]
    assert [(deliveries[2], "refused")] == bench.broker.parked


async def test_batches_are_long_again_after_a_refused_event(bench: Bench) -> None:
    bench.archive.refuses = lambda message: (
        '"number":1}' in (message.findtext("{urn:xmpp:json:0}json") or "")
    )
    await bench.settle(bench.deliver(make_event(1), make_event(2)))

    await bench.settle(bench.deliver(*(make_event(n) for n in range(3, 9))))

    assert ("e001", 3, 8) == bench.archive.spans()[-1]


async def test_a_room_that_refuses_even_a_stand_in_is_tried_later(
    bench: Bench,
) -> None:
    bench.archive.refuses = lambda _message: True
    deliveries = bench.deliver(make_event(1))
    await until(lambda: bench.archive.joins >= 2)

    bench.archive.refuses = lambda _message: False
    await bench.settle(deliveries)

    assert 1 == len(bench.broker.parked)


async def test_a_room_that_is_not_ours_is_told_and_tried_again(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    bench.archive.join_error = NotOurs("somebody else owns it")
    deliveries = bench.deliver(make_event(1))
    await until(lambda: bench.count("retries_total", reason="NotOurs") >= 2)
    assert "somebody else owns it" == bench.pusher.states()["orders"].problem
    assert 1 == caplog.text.count("somebody else owns it")

    bench.archive.join_error = None
    await bench.settle(deliveries)

    assert bench.pusher.states()["orders"].problem is None


async def test_an_unforeseen_error_ends_neither_the_feed_nor_the_others(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    calls = iter([True])

    def fail(_message: Element) -> bool:
        if next(calls, False):
            raise ZeroDivisionError
        return False

    bench.archive.refuses = fail

    await bench.settle(bench.deliver(make_event(1)))

    assert 1 == bench.count("failures_total")
    assert "ZeroDivisionError" in caplog.text


async def test_when_the_broker_takes_everything_back_only_the_batch_under_way_goes_on(
    bench: Bench,
) -> None:
    bench.archive.gate = asyncio.Event()
    bench.deliver(make_event(1))
    await until(lambda: bench.archive.joins == 1)
    await asyncio.sleep(0.02)
    bench.deliver(make_event(2))

    bench.pusher.forget()
    bench.archive.gate.set()
    await until(lambda: bench.archive.leaves == 1)

    assert [("e001", 1)] == bench.archive.places()
    again = bench.deliver(make_event(1), make_event(2))
    await bench.settle(again)
    assert [("e001", 1), ("e001", 2)] == bench.archive.places()


async def test_a_stop_finishes_the_batch_under_way_and_begins_no_other(
    bench: Bench,
) -> None:
    bench.archive.gate = asyncio.Event()
    first = bench.deliver(make_event(1))
    await until(lambda: bench.archive.joins == 1)
    await asyncio.sleep(0.02)
    bench.deliver(make_event(2))

    stopping = asyncio.create_task(bench.pusher.stop())
    await asyncio.sleep(0.01)
    bench.deliver(make_event(3))
    bench.archive.gate.set()
    await stopping

    assert [("e001", 1)] == bench.archive.places()
    assert first == bench.broker.acked
    assert 1 == bench.archive.leaves


async def test_one_stuck_feed_does_not_keep_the_others_from_the_queue(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feeds_module, "HOLE_S", 0.0)
    monkeypatch.setattr(pusher_module, "_LOOK_EVERY_S", 0.01)
    bench.archive.begin("e001", 4)
    held = bench.deliver(*(make_event(n) for n in range(6, 24)))
    watching = asyncio.create_task(bench.pusher.watch())

    # 18 held, of a prefetch of 20: 8 too many. The last shows that they are missing.
    await until(lambda: len(bench.broker.acked) == 8)
    await asyncio.sleep(0.05)
    watching.cancel()

    assert set(held[-9:-1]) == set(bench.broker.acked)
    assert 10 == bench.pusher.states()["orders"].held
    assert bench.broker.sent_back == []

    # What it let go of it asks for as soon as the feed goes on.
    bench.deliver(make_event(5))
    await until(lambda: ("orders", "e001", 15, 22) in bench.broker.asked)
    await bench.settle(bench.deliver(*(make_event(n) for n in range(15, 23))))
    assert [("e001", n) for n in range(5, 24)] == bench.archive.places()


async def test_a_room_that_cannot_be_entered_does_not_keep_the_others_from_the_queue(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pusher_module, "_LOOK_EVERY_S", 0.01)
    monkeypatch.setattr(feeds_module, "REFUSED_S", 0.0)
    bench.archive.join_error = NotOurs("somebody else owns it")
    bench.deliver(*(make_event(n) for n in range(1, 19)))
    watching = asyncio.create_task(bench.pusher.watch())

    await until(lambda: len(bench.broker.acked) == 8)
    bench.deliver(*(make_event(n) for n in range(19, 25)))
    await until(lambda: len(bench.broker.acked) == 14)
    await asyncio.sleep(0.05)
    watching.cancel()

    assert 10 == bench.pusher.states()["orders"].waiting
    bench.archive.join_error = None
    await until(lambda: ("orders", "e001", 10, 23) in bench.broker.asked)
    await bench.settle(bench.deliver(*(make_event(n) for n in range(10, 24))))
    assert [("e001", n) for n in range(1, 25)] == bench.archive.places()
    assert bench.broker.sent_back == []


async def test_another_pusher_asks_for_what_the_last_one_let_go_of(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The broker hands out again what was not acked: that shows what is missing."""
    monkeypatch.setattr(pusher_module, "_LOOK_EVERY_S", 0.01)
    monkeypatch.setattr(feeds_module, "REFUSED_S", 0.0)
    bench.archive.join_error = NotOurs("somebody else owns it")
    bench.deliver(*(make_event(n) for n in range(1, 31)))
    watching = asyncio.create_task(bench.pusher.watch())
    await until(lambda: len(bench.broker.acked) == 20)
    watching.cancel()

    bench.pusher.forget()
    bench.archive.join_error = None
    left = bench.deliver(*(make_event(n) for n in [*range(1, 10), 30]))
    await until(lambda: ("orders", "e001", 10, 29) in bench.broker.asked)

    await bench.settle(left + bench.deliver(*(make_event(n) for n in range(10, 30))))
    assert [("e001", n) for n in range(1, 31)] == bench.archive.places()


async def test_no_stand_in_and_no_opening_is_let_go_of(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The relay would send the event itself once more, or cannot tell what it was."""
    monkeypatch.setattr(pusher_module, "_LOOK_EVERY_S", 0.01)
    monkeypatch.setattr(feeds_module, "REFUSED_S", 0.0)
    bench.archive.join_error = NotOurs("somebody else owns it")
    (opening,) = bench.deliver(make_opening(0))
    kept = bench.deliver(*(make_unavailable(n) for n in range(1, 9)), make_poison(9))
    bench.deliver(*(make_event(n) for n in range(10, 19)))
    watching = asyncio.create_task(bench.pusher.watch())

    await until(lambda: len(bench.broker.acked) == 8)
    await asyncio.sleep(0.05)
    watching.cancel()

    assert not {opening, *kept} & {*bench.broker.acked}


async def test_of_many_feeds_with_one_stuck_event_each_the_last_go_round(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pusher_module, "_STUCK_S", 0.0)
    monkeypatch.setattr(feeds_module, "HOLE_S", 0.0)
    monkeypatch.setattr(pusher_module, "_LOOK_EVERY_S", 0.01)
    feeds = [f"feed-{n}" for n in range(14)]
    for feed in feeds:
        bench.rooms.archive(feed).begin("e001", 4)
        bench.deliver(make_event(6, feed=feed), feed=feed)
    watching = asyncio.create_task(bench.pusher.watch())

    await until(lambda: len(bench.broker.sent_back) == 4)
    await asyncio.sleep(0.05)
    watching.cancel()

    assert len(bench.broker.sent_back) == 4
    assert {*bench.broker.sent_back} == {*bench.broker.acked}


async def test_while_the_server_is_away_nothing_makes_way(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No other feed could go on instead, and the queue would lose its order."""
    monkeypatch.setattr(pusher_module, "_STUCK_S", 0.0)
    monkeypatch.setattr(pusher_module, "_LOOK_EVERY_S", 0.01)
    monkeypatch.setattr(feeds_module, "REFUSED_S", 0.0)
    bench.archive.join_error = RoomLost("the stream to ejabberd is gone")
    bench.rooms.is_connected = False
    delivered = bench.deliver(*(make_event(n) for n in range(1, 19)))
    watching = asyncio.create_task(bench.pusher.watch())

    await until(lambda: bench.pusher.states()["orders"].problem is not None)
    await asyncio.sleep(0.1)
    # Nor at once when it is back.
    monkeypatch.setattr(feeds_module, "REFUSED_S", 30.0)
    bench.rooms.connections += 1
    bench.rooms.is_connected = True
    await asyncio.sleep(0.1)
    watching.cancel()

    assert bench.broker.acked == bench.broker.sent_back == []
    bench.archive.join_error = None
    await bench.settle(delivered)


async def test_while_the_server_is_silent_nothing_makes_way(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each room fails, and the connection is not known to be dead yet."""
    monkeypatch.setattr(pusher_module, "_STUCK_S", 0.0)
    monkeypatch.setattr(pusher_module, "_LOOK_EVERY_S", 0.01)
    monkeypatch.setattr(feeds_module, "REFUSED_S", 0.0)
    bench.rooms.silent_since_s = time.monotonic()
    bench.archive.join_error = RoomLost("the room's reflection did not come")
    delivered = bench.deliver(*(make_event(n) for n in range(1, 19)))
    watching = asyncio.create_task(bench.pusher.watch())

    await until(lambda: bench.pusher.states()["orders"].problem is not None)
    await asyncio.sleep(0.1)
    watching.cancel()

    assert bench.broker.acked == bench.broker.sent_back == []
    bench.archive.join_error = None
    await bench.settle(delivered)


@pytest.mark.parametrize("seed", range(10))
async def test_any_mixture_of_doubts_and_copies_ends_in_order_and_once(
    bench: Bench, seed: int
) -> None:
    dice = random.Random(seed)
    bench.archive.outcomes.extend(
        dice.choices(["archived", "late", "lost", "no-id"], [9, 1, 1, 1], k=40)
    )
    sequences = [n for n in range(1, 61) for _ in range(dice.choice([1, 1, 2]))]
    sequences.sort(key=lambda n: n + dice.uniform(0, 6))
    deliveries = []
    for sequence in sequences:
        deliveries += bench.deliver(make_event(sequence))
        if dice.random() < 0.3:
            await asyncio.sleep(0)

    await until(lambda: set(deliveries) <= set(bench.broker.acked), 30)

    assert [("e001", n) for n in range(1, 61)] == bench.archive.places()


async def test_no_log_line_holds_a_records_data(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)

    await bench.settle(bench.deliver(make_event(1, word="sesame"), make_poison(2)))

    assert "sesame" not in caplog.text
    assert "batch archived" in caplog.text


GRANTED = {"ada@localhost": "member"}


async def test_a_grant_is_in_the_rooms_lists_before_its_batch_and_after_all_before(
    bench: Bench,
) -> None:
    bench.archive.gate = asyncio.Event()
    deliveries = bench.deliver(make_event(1))
    await until(lambda: bench.archive.joins == 1)
    await asyncio.sleep(0.02)
    deliveries += bench.deliver(make_event(2), make_event(3))
    deliveries += bench.change(4, "granted", "ada@localhost")
    deliveries += bench.deliver(make_event(5))

    bench.archive.gate.set()
    await bench.settle(deliveries)

    assert [(1, 1), (2, 3), GRANTED, (4, 5)] == bench.archive.story
    assert [("e001", n) for n in range(1, 6)] == bench.archive.places()
    assert [("ada@localhost", "granted")] == bench.archive.told


async def test_readers_in_a_row_share_a_batch_and_the_last_word_counts(
    bench: Bench,
) -> None:
    deliveries = bench.change(1, "granted", "ada@localhost")
    deliveries += bench.change(2, "granted", "bob@localhost")
    deliveries += bench.change(3, "revoked", "Ada@localhost")
    deliveries += bench.change(4, "revoked", f"u-17@{TICKETS}")
    deliveries += bench.deliver(make_event(5))
    await bench.settle(deliveries)

    changes = {
        "ada@localhost": "none",
        "bob@localhost": "member",
        f"u-17@{TICKETS}": "outcast",
    }
    assert [changes, (1, 5)] == bench.archive.story
    assert f"u-17@{TICKETS}" not in dict(bench.archive.told)


async def test_a_copy_of_a_grant_changes_nothing(bench: Bench) -> None:
    deliveries = bench.change(1, "granted", "ada@localhost")
    await bench.settle(deliveries + bench.change(2, "revoked", "ada@localhost"))

    await bench.settle(bench.change(1, "granted", "ada@localhost"))

    assert "none" == bench.archive.lists["ada@localhost"]
    assert 1 == len(bench.archive.told) - 1


@pytest.mark.parametrize("reader", [None, 7, "ada", "ada@localhost/desk", "a\x08@x.y"])
async def test_a_grant_that_does_not_say_whose_is_parked_and_its_place_kept(
    bench: Bench, reader: object
) -> None:
    deliveries = bench.change(1, "granted", reader)
    await bench.settle(deliveries + bench.deliver(make_event(2)))

    assert [("e001", 1), ("e001", 2)] == bench.archive.places()
    assert [(deliveries[0], "invalid")] == bench.broker.parked
    assert {} == bench.archive.lists


async def test_a_reader_that_the_room_refuses_is_parked_and_its_place_kept(
    bench: Bench,
) -> None:
    bench.archive.refused_readers = {"bad@localhost"}
    deliveries = bench.change(1, "granted", "ada@localhost")
    deliveries += bench.change(2, "granted", "bad@localhost")
    deliveries += bench.change(3, "granted", "bob@localhost")
    await bench.settle(deliveries + bench.deliver(make_event(4)))

    assert [("e001", n) for n in range(1, 5)] == bench.archive.places()
    assert [(deliveries[1], "refused")] == bench.broker.parked
    assert {"ada@localhost", "bob@localhost"} == bench.archive.lists.keys()
    cause = bench.archive.events()[1]["data"]
    assert isinstance(cause, dict)
    assert "aviso.reader.granted.v1" == cause["type"]


async def test_lists_that_could_not_be_set_are_tried_again_before_anything_is_sent(
    bench: Bench,
) -> None:
    bench.archive.list_errors.append(RoomLost("no answer"))

    await bench.settle(bench.change(1, "revoked", f"u-17@{TICKETS}"))

    assert [{f"u-17@{TICKETS}": "outcast"}, (1, 1)] == bench.archive.story
    assert 2 == bench.archive.joins


async def test_an_opening_brings_the_lists_to_what_it_says(bench: Bench) -> None:
    bench.archive.lists = {
        TICKETS: "member",
        "old@localhost": "member",
        "ada@localhost": "member",
        f"back@{TICKETS}": "outcast",
    }
    opening = make_opening(
        visibility="private", readers=["Ada@localhost"], revoked=[f"u-17@{TICKETS}"]
    )

    await bench.settle(bench.deliver(opening))

    expected = {
        TICKETS: "member",
        "ada@localhost": "member",
        f"u-17@{TICKETS}": "outcast",
    }
    assert expected == bench.archive.lists


async def test_an_opening_without_lists_leaves_them(bench: Bench) -> None:
    bench.archive.lists = {"ada@localhost": "member"}

    await bench.settle(bench.deliver(make_opening(visibility="private")))

    assert {"ada@localhost": "member"} == bench.archive.lists


async def test_an_opening_of_a_new_epoch_is_for_what_comes_after_it(
    bench: Bench,
) -> None:
    deliveries = bench.change(1, "granted", "bob@localhost")
    opening = make_opening(9, "e002", readers=["ada@localhost"], revoked=[])
    await bench.settle(deliveries + bench.deliver(opening))

    assert "bob@localhost" not in bench.archive.lists
    assert "member" == bench.archive.lists["ada@localhost"]


async def test_a_room_without_lists_has_the_feed_opened_again(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("xmpp_pusher.asking.ASK_AFTER_S", 0.02)
    bench.archive.begin("e001", 4)
    bench.archive.is_opened = False

    await bench.settle(bench.deliver(make_event(5)))
    await until(lambda: len(bench.broker.asked) >= 2)
    assert {("orders", "e001", 1, 0)} == set(bench.broker.asked)

    await bench.settle(bench.deliver(make_opening(5)))
    asked = len(bench.broker.asked)
    await asyncio.sleep(0.3)
    assert asked == len(bench.broker.asked)


async def test_an_opening_that_comes_late_does_not_undo_what_came_after_it(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("xmpp_pusher.asking.ASK_AFTER_S", 0.02)
    await bench.settle(bench.change(1, "granted", "ada@localhost"))

    late = bench.deliver(make_opening(0, visibility="private", readers=[], revoked=[]))
    await bench.settle(late)

    assert "member" == bench.archive.lists["ada@localhost"]
    assert "private" == bench.archive.visibilities[-1]
    assert [("orders", "e001", 1, 0)] == bench.broker.asked


async def test_a_late_opening_does_not_open_a_closed_room(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("xmpp_pusher.asking.ASK_AFTER_S", 0.02)
    await bench.settle(bench.deliver(make_opening(0, visibility="private")))
    await bench.settle(bench.deliver(make_event(1)))

    await bench.settle(bench.deliver(make_opening(0, visibility="public")))

    assert "public" not in bench.archive.visibilities
