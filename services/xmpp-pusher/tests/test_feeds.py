"""Feeds on a lease: what is quiet is forgotten, and nothing grows with their number."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator

import pytest
from amqp_client.messages import Delivery

from bench import Bench
from examples import make_batch
from fakes import until
from xmpp_pusher.errors import NotOurs
from xmpp_pusher.feeds import MAX_PROBLEMS


@pytest.fixture
async def bench() -> AsyncIterator[Bench]:
    bench = Bench(lease_s=3_600, max_rooms=3)
    yield bench
    await bench.close()


async def test_a_feed_that_is_quiet_for_its_lease_is_forgotten_and_goes_on(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    await bench.take(make_batch(1, 1))
    now_s = time.monotonic()
    bench.feeds._leave_quiet(10)
    assert 1 == len(bench.feeds)

    monkeypatch.setattr(time, "monotonic", lambda: now_s + 3_601)
    bench.feeds._leave_quiet(10)
    assert 0 == len(bench.feeds)
    assert 1 == bench.archive.leaves
    monkeypatch.undo()

    await bench.take(make_batch(2, 2))
    assert [("e001", 1), ("e001", 2)] == bench.archive.places()
    assert 2 == bench.archive.joins


async def test_of_too_many_rooms_the_one_that_is_quiet_for_longest_is_left(
    bench: Bench,
) -> None:
    for feed in ("a", "b", "c"):
        await bench.take(make_batch(1, 1, feed=feed))
    await bench.take(make_batch(2, 2, feed="a"))

    await bench.take(make_batch(1, 1, feed="d"))

    assert 3 == len(bench.feeds)
    archives = bench.rooms.archives
    assert {"a": 0, "b": 1, "c": 0, "d": 0} == {f: archives[f].leaves for f in "abcd"}


async def test_a_feed_that_has_something_to_do_is_not_left(bench: Bench) -> None:
    bench.rooms.archive("a").gate = asyncio.Event()
    busy = make_batch(1, 1, feed="a")
    bench.feeds.receive(busy)
    await until(lambda: bench.rooms.archive("a").under_way == 1)
    for feed in ("b", "c", "d", "e"):
        await bench.take(make_batch(1, 1, feed=feed))

    assert 0 == bench.rooms.archive("a").leaves
    assert 3 == len(bench.feeds)


async def test_of_many_problems_some_are_told() -> None:
    bench = Bench()
    for n in range(MAX_PROBLEMS + 5):
        bench.rooms.archive(f"feed-{n}").join_error = NotOurs("somebody else's")
        await bench.take(make_batch(1, 1, feed=f"feed-{n}"))

    assert MAX_PROBLEMS == len(bench.feeds.problems())
    await bench.close()


async def test_what_can_not_be_read_is_parked_and_then_acked(bench: Bench) -> None:
    bench.broker.is_up = False
    poison = Delivery(1, 1, b"{", "aviso.batch.v2", headers={"feed": "orders"})
    bench.feeds.receive(poison)
    await asyncio.sleep(0.02)
    assert [] == bench.broker.acked

    bench.broker.is_up = True
    await bench.until_acked(poison)
    assert [(poison, "unreadable")] == bench.broker.parked
    assert [] == bench.reported


async def test_what_names_its_place_is_refused_too(bench: Bench) -> None:
    good = make_batch(1, 3)
    poison = Delivery(1, 9, b"{", good.type, headers=good.headers)
    await bench.take(poison)

    (refused,) = bench.reported
    assert ("refused", "r1", "1", "3") == tuple(
        refused[name] for name in ("kind", "run", "first", "last")
    )


async def test_what_the_broker_took_back_is_not_parked(bench: Bench) -> None:
    bench.broker.is_up = False
    bench.feeds.receive(Delivery(1, 1, b"{", "aviso.batch.v2"))
    await asyncio.sleep(0.01)
    bench.feeds.forget()
    bench.broker.is_up = True
    await asyncio.sleep(0.3)

    assert [] == bench.broker.parked
