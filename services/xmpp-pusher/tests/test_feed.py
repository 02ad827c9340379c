"""One feed between a broker and a room in memory: acks, reports, and the order."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from bench import Bench
from examples import make_batch, make_opening, make_reader_batch
from fakes import until
from xmpp_pusher.backoff import Backoff
from xmpp_pusher.errors import NotOurs, Refused, RoomEnded
from xmpp_pusher.position import Position, Span

READER = "ada@localhost"


@pytest.fixture
async def bench() -> AsyncIterator[Bench]:
    bench = Bench()
    yield bench
    await bench.close()


def expect(last: int, first: int = 1) -> list[tuple[str, int]]:
    return [("e001", n) for n in range(first, last + 1)]


async def test_what_is_archived_is_acked_and_reported(bench: Bench) -> None:
    opening = make_opening()
    await bench.take(opening, make_batch(1, 3), make_batch(4, 4))

    assert expect(4) == bench.archive.places()
    (opened,) = bench.broker.told("opened")
    assert "e001" == opened["epoch"]
    assert {"epoch": "e001", "last": "4"}.items() <= (
        bench.broker.told("archived")[-1].items()
    )
    assert {"opened", "archived"} == set(bench.broker.kinds())


async def test_up_to_four_are_under_way(bench: Bench) -> None:
    bench.archive.gate = asyncio.Event()
    batches = [make_batch(n, n) for n in range(1, 11)]
    for batch in batches:
        bench.feeds.receive(batch)
    await until(lambda: bench.archive.under_way == 4)
    await asyncio.sleep(0.01)
    bench.archive.gate.set()
    await bench.until_acked(*batches)

    assert 4 == bench.archive.most_under_way
    assert expect(10) == bench.archive.places()


async def test_what_does_not_follow_is_dropped_and_told_once(bench: Bench) -> None:
    await bench.take(make_batch(1, 2), make_batch(5, 6), make_batch(7, 8))

    assert expect(2) == bench.archive.places()
    (behind,) = bench.broker.told("behind")
    assert ("r1", "e001", "2") == (behind["run"], behind["epoch"], behind["last"])
    await bench.take(make_batch(3, 6, "r2"), make_batch(7, 8, "r2"))
    assert expect(8) == bench.archive.places()
    assert 1 == len(bench.broker.told("behind"))


async def test_a_copy_is_dropped_and_reported_as_archived(bench: Bench) -> None:
    await bench.take(make_batch(1, 5))
    bench.broker.reports.clear()
    await bench.take(make_batch(2, 4, "r2"))

    (archived,) = bench.broker.reports
    assert ("archived", "5") == (archived["kind"], archived["last"])
    assert [Span("e001", 1, 5)] == bench.archive.spans


async def test_what_is_sent_again_is_held_against_the_archive_not_against_memory(
    bench: Bench,
) -> None:
    """An archive that was emptied behind a feed with nothing new: asked for again."""
    await bench.take(*(make_batch(n, n) for n in (1, 2, 3)))
    bench.archive.spans.clear()

    await bench.take(*(make_batch(n, n, run="run-2") for n in (1, 2, 3)))
    assert expect(3) == bench.archive.places()

    del bench.archive.spans[1:]
    await bench.take(*(make_batch(n, n, run="run-3") for n in (1, 2, 3)))
    assert expect(3) == bench.archive.places()
    assert 1 == bench.archive.joins


async def test_the_archive_is_asked_once_a_run(bench: Bench) -> None:
    await bench.take(*(make_batch(n, n) for n in range(1, 7)))
    before = bench.archive.asked

    await bench.take(*(make_batch(n, n, run="run-2") for n in range(1, 7)))

    assert before + 1 == bench.archive.asked


async def test_a_copy_of_what_is_under_way_is_dropped_at_once(bench: Bench) -> None:
    bench.archive.gate = asyncio.Event()
    first, again = make_batch(1, 5), make_batch(1, 5, "r2")
    bench.feeds.receive(first)
    bench.feeds.receive(again)
    await bench.until_acked(again)
    assert first not in bench.broker.acked

    # What is told of it now is told of the run that counts.
    bench.archive.refuses = lambda _span: True
    bench.archive.gate.set()
    await bench.until_acked(first)
    (refused,) = bench.broker.told("refused")
    assert ("r2", "1", "5") == (refused["run"], refused["first"], refused["last"])


async def test_a_refused_batch_is_reported_and_what_is_behind_it_is_dropped(
    bench: Bench,
) -> None:
    bench.archive.refuses = lambda span: span.first == 3
    await bench.take(*(make_batch(n, n) for n in range(1, 6)))

    (refused,) = bench.broker.told("refused")
    assert ("r1", "e001", "3", "3") == tuple(
        refused[name] for name in ("run", "epoch", "first", "last")
    )
    # A `behind` beside it would hide which batch it was.
    assert [] == bench.broker.told("behind")
    assert expect(2) == bench.archive.places()


@pytest.mark.parametrize("outcome", ["late", "lost"])
async def test_in_doubt_the_archive_is_asked(bench: Bench, outcome: str) -> None:
    await bench.take(make_batch(1, 1))
    bench.archive.outcomes.append(outcome)  # type: ignore[arg-type]
    await bench.take(make_batch(2, 3), make_batch(4, 4))

    assert 2 == bench.archive.joins
    assert expect(4) == bench.archive.places()
    assert {"archived", "unopened"} >= set(bench.broker.kinds())


async def test_an_archive_that_lost_its_end_is_followed(bench: Bench) -> None:
    await bench.take(*(make_batch(n, n) for n in range(1, 6)))
    del bench.archive.spans[3:]
    await bench.take(make_batch(6, 6), make_batch(7, 7))

    (behind,) = bench.broker.told("behind")
    assert ("r1", "3") == (behind["run"], behind["last"])
    await bench.take(make_batch(4, 7, "r2"))
    assert expect(7) == bench.archive.places()
    assert 1 == bench.archive.joins


async def test_a_room_that_can_not_be_entered_is_shut(bench: Bench) -> None:
    bench.archive.join_error = NotOurs("somebody else's")
    first, second = make_batch(1, 1), make_batch(2, 2)
    await bench.take(first, second)

    (shut,) = bench.broker.told("shut")
    assert ("r1", "somebody else's") == (shut["run"], shut["detail"])
    assert {"orders": "somebody else's"} == bench.feeds.problems()
    joins = bench.archive.joins
    await bench.take(make_batch(3, 3))
    assert 1 == len(bench.broker.told("shut"))
    bench.archive.join_error = None
    await bench.take(make_batch(1, 3, "r2"))
    assert expect(3) == bench.archive.places()
    assert {} == bench.feeds.problems()
    assert joins + 1 == bench.archive.joins


async def test_a_room_that_is_being_destroyed_is_tried_again(bench: Bench) -> None:
    """That takes ejabberd a while, and the join is answered in more than one way."""
    await bench.take(make_batch(1, 1))
    bench.archive.outcomes.append("lost")
    bench.archive.ends.extend(RoomEnded("destroyed") for _ in range(3))
    await bench.take(make_batch(2, 2))

    assert expect(2) == bench.archive.places()
    assert [] == bench.broker.told("shut")


async def test_a_room_that_always_ends_is_shut(bench: Bench) -> None:
    bench.archive.ends.extend(RoomEnded("destroyed") for _ in range(99))
    await bench.take(make_batch(1, 1))

    assert 1 == len(bench.broker.told("shut"))


async def test_a_room_that_archives_nothing_is_shut_too(bench: Bench) -> None:
    await bench.take(make_batch(1, 1))
    bench.archive.outcomes.extend(["lost"] * 9)
    await bench.take(make_batch(2, 2))

    assert 1 == len(bench.broker.told("shut"))


@pytest.mark.parametrize("how", ["away", "silent"])
async def test_while_the_server_is_away_nothing_is_dropped(
    bench: Bench, how: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Backoff, "next_s", lambda _self: 0.001)
    if how == "away":
        bench.rooms.disconnect()
    else:
        bench.rooms.is_silent = True
        bench.archive.join_error = NotOurs("no answer")
    batch = make_batch(1, 1)
    bench.feeds.receive(batch)
    await asyncio.sleep(0.05)
    assert [] == bench.broker.acked

    bench.archive.join_error = None
    bench.rooms.is_silent = False
    bench.rooms.connect()
    await bench.until_acked(batch)
    assert expect(1) == bench.archive.places()
    assert "shut" not in bench.broker.kinds()


async def test_it_says_that_it_is_away_while_it_holds_something(bench: Bench) -> None:
    outcomes = asyncio.create_task(
        bench.reporter.tell_away(bench.rooms, lambda: bench.feeds.is_holding)
    )
    bench.rooms.disconnect()
    await asyncio.sleep(0.3)
    assert [] == bench.broker.reports

    bench.feeds.receive(make_batch(1, 1))
    await until(lambda: bench.broker.kinds() == ["away"])
    outcomes.cancel()


async def test_an_unopened_room_is_told(bench: Bench) -> None:
    bench.archive.is_opened = False
    await bench.take(make_batch(1, 1), make_batch(2, 2))

    assert [{"kind": "unopened", "feed": "orders"}] == bench.broker.told("unopened")
    await bench.take(make_opening(2, readers=[READER], revoked=[]))
    assert [((READER,), ())] == bench.archive.lists
    assert 1 == len(bench.broker.told("unopened"))


async def test_a_new_epoch_is_announced_and_then_opened(bench: Bench) -> None:
    await bench.take(make_batch(1, 2))
    opening = make_opening(7, "e002", "r2")
    await bench.take(opening, make_batch(8, 9, "r2", "e002"))

    assert Span("e002", 8, 7) in bench.archive.spans
    assert Position("e002", 9) == bench.archive.head()
    story = bench.archive.story
    assert story.index("public") < story.index(Span("e002", 8, 7))
    # One of the epoch before is answered, and changes nothing.
    story.clear()
    await bench.take(make_opening(2, "e001", "r1"))
    assert 2 == len(bench.broker.told("opened"))
    assert [] == story


async def test_an_opening_from_before_a_grant_closes_and_opens_nothing(
    bench: Bench,
) -> None:
    await bench.take(make_batch(1, 1), make_reader_batch(2, "granted", READER))
    bench.archive.story.clear()
    await bench.take(make_opening(1, visibility="private", readers=[], revoked=[]))

    assert ["closed"] == bench.archive.story
    assert ["archived", "unopened"] == bench.broker.kinds()[-2:]
    assert "2" == bench.broker.told("archived")[-1]["last"]


async def test_readers_change_behind_what_was_before_and_are_told_after(
    bench: Bench,
) -> None:
    bench.archive.gate = asyncio.Event()
    batches = [
        make_batch(1, 1),
        make_batch(2, 2),
        make_reader_batch(3, "revoked", READER),
        make_batch(4, 4),
    ]
    for batch in batches:
        bench.feeds.receive(batch)
    await until(lambda: bench.archive.under_way == 2)
    bench.archive.gate.set()
    await bench.until_acked(*batches)

    spans = [Span("e001", n, n) for n in range(1, 5)]
    story = [each for each in bench.archive.story if each[0] != "told"]  # type: ignore[index]
    assert [*spans[:2], ("revoked", READER), *spans[2:]] == story
    assert ("told", READER) in bench.archive.story


async def test_a_reader_that_the_room_never_takes_is_refused(bench: Bench) -> None:
    bench.archive.reader_errors.append(Refused("jid-malformed"))
    batch = make_reader_batch(1, "granted", READER)
    await bench.take(batch, make_batch(2, 2))

    (refused,) = bench.broker.told("refused")
    assert ("1", "1") == (refused["first"], refused["last"])
    assert [] == bench.archive.places()
    assert [] == bench.broker.told("behind")


async def test_a_copy_that_is_none_is_a_problem(bench: Bench) -> None:
    await bench.take(make_batch(1, 1), make_batch(2, 2))
    bench.archive.ids[Position("e001", 1)] = "another"
    await bench.take(make_batch(1, 1, "r2"))

    await until(lambda: "orders" in bench.feeds.problems())
    assert "older backup" in bench.feeds.problems()["orders"]


async def test_what_the_broker_took_back_is_not_sent(bench: Bench) -> None:
    bench.rooms.disconnect()
    bench.feeds.receive(make_batch(1, 1))
    bench.feeds.forget()
    bench.rooms.connect()
    await asyncio.sleep(0.02)

    assert [] == bench.archive.places()
    await bench.take(make_batch(1, 1))
    bench.feeds.forget()
    await until(lambda: bench.archive.leaves >= 1)


@pytest.mark.parametrize("is_lost", [False, True])
async def test_when_the_broker_is_gone_what_is_under_way_is_finished_and_no_more(
    bench: Bench, is_lost: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Backoff, "next_s", lambda _self: 0.001)
    bench.archive.gate = asyncio.Event()
    if is_lost:
        bench.archive.outcomes.append("lost")
    bench.feeds.receive(make_batch(1, 1))
    bench.feeds.receive(make_reader_batch(2, "granted", READER))
    await until(lambda: bench.archive.under_way == 1)

    bench.feeds.forget()
    bench.archive.gate.set()
    await until(lambda: bench.archive.leaves == 1)
    await asyncio.sleep(0.02)

    # What comes after is told from the archive, not from what was known before.
    assert ([] if is_lost else expect(1)) == bench.archive.places()
    assert 1 == bench.archive.joins


async def test_stopping_finishes_what_is_under_way_and_begins_nothing(
    bench: Bench,
) -> None:
    bench.archive.gate = asyncio.Event()
    batches = [make_batch(n, n) for n in range(1, 8)]
    for batch in batches:
        bench.feeds.receive(batch)
    await until(lambda: bench.archive.under_way == 4)
    stopping = asyncio.create_task(bench.feeds.stop())
    await asyncio.sleep(0.01)
    bench.archive.gate.set()
    await stopping

    assert expect(4) == bench.archive.places()
    assert batches[:4] == bench.broker.acked
    assert 1 == bench.archive.leaves


async def test_an_unforeseen_error_ends_no_other_feed(bench: Bench) -> None:
    bench.archive.join_error = ValueError("nobody foresaw this")
    await bench.take(make_batch(1, 1), make_batch(1, 1, feed="other"))

    assert ["shut"] == [k for k in bench.broker.kinds() if k != "archived"]
    assert [Span("e001", 1, 1)] == bench.rooms.archive("other").spans
