"""A queue is given back: what is under way is finished, and nothing else is begun."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
from amqp_client.messages import Delivery

from bench import Bench
from examples import make_batch
from fakes import until

OURS, OTHER = 1, 2


@pytest.fixture
async def bench() -> AsyncIterator[Bench]:
    bench = Bench()
    yield bench
    await bench.close()


def over(channel: int, delivery: Delivery) -> Delivery:
    return replace(delivery, channel=channel)


async def begin_letting_go(bench: Bench) -> asyncio.Task[None]:
    letting_go = asyncio.create_task(bench.feeds.let_go(OURS))
    await asyncio.sleep(0.01)
    assert not letting_go.done()
    return letting_go


async def test_what_is_under_way_is_finished_and_the_rest_goes_back(
    bench: Bench,
) -> None:
    bench.archive.gate = asyncio.Event()
    batches = [make_batch(n, n) for n in range(1, 8)]
    for batch in batches:
        bench.feeds.receive(batch)
    await until(lambda: bench.archive.under_way == 4)

    letting_go = await begin_letting_go(bench)
    bench.archive.gate.set()
    await letting_go

    assert batches[:4] == bench.broker.acked
    assert (1, 0) == (bench.archive.leaves, len(bench.feeds))


async def test_a_feed_of_another_queue_stays_in_its_room(bench: Bench) -> None:
    await bench.take(make_batch(1, 1), over(OTHER, make_batch(1, 1, feed="other")))

    await bench.feeds.let_go(OURS)

    assert (1, 0) == (bench.archive.leaves, bench.rooms.archive("other").leaves)
    await bench.take(over(OTHER, make_batch(2, 2, feed="other")))
    assert 1 == bench.rooms.archive("other").joins


async def test_what_a_feed_has_of_another_queue_is_taken_up_again(
    bench: Bench,
) -> None:
    bench.archive.gate = asyncio.Event()
    ours = [make_batch(n, n) for n in range(1, 7)]
    other = over(OTHER, make_batch(5, 5))
    for batch in (*ours, other):
        bench.feeds.receive(batch)
    await until(lambda: bench.archive.under_way == 4)

    letting_go = await begin_letting_go(bench)
    bench.archive.gate.set()
    await letting_go
    await bench.until_acked(other)

    assert [*ours[:4], other] == bench.broker.acked
    assert [("e001", n) for n in range(1, 6)] == bench.archive.places()


async def test_a_feed_that_was_let_go_comes_back_with_its_queue(bench: Bench) -> None:
    await bench.take(make_batch(1, 1))
    await bench.feeds.let_go(OURS)

    await bench.take(over(OTHER, make_batch(2, 2)))

    assert [("e001", 1), ("e001", 2)] == bench.archive.places()
    assert 2 == bench.archive.joins


async def test_letting_go_that_is_cut_short_leaves_a_feed_that_works(
    bench: Bench,
) -> None:
    bench.archive.gate = asyncio.Event()
    first = make_batch(1, 1)
    bench.feeds.receive(first)
    await until(lambda: bench.archive.under_way == 1)

    letting_go = await begin_letting_go(bench)
    letting_go.cancel()
    await asyncio.wait((letting_go,))
    bench.feeds.forget()
    bench.archive.gate.set()
    again = [over(OTHER, make_batch(n, n)) for n in (1, 2)]
    await bench.take(*again)

    assert [("e001", 1), ("e001", 2)] == bench.archive.places()


async def test_poison_that_is_not_parked_goes_back_too(bench: Bench) -> None:
    bench.broker.is_up = False
    bench.feeds.receive(Delivery(OURS, 1, b"{", "aviso.batch.v2"))
    kept = Delivery(OTHER, 1, b"{", "aviso.batch.v2")
    bench.feeds.receive(kept)
    await asyncio.sleep(0.01)

    await bench.feeds.let_go(OURS)
    bench.broker.is_up = True
    await until(lambda: bool(bench.broker.acked))

    assert [kept] == bench.broker.acked
