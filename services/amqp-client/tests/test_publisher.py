"""A publish waits for its confirm, and not for ever."""

from __future__ import annotations

import asyncio

import pytest
from pika.exceptions import ChannelWrongStateError

from amqp_client import publisher as module
from amqp_client.channel import Channel
from amqp_client.errors import BrokerUnavailableError, NotConfirmedError
from amqp_client.messages import Outcome, Publication
from amqp_client.publisher import Publisher
from fakes import Keeper, PikaConnection, SilentChannel

Settled = list[tuple[object, Outcome]]


class Bench:
    def __init__(self) -> None:
        self.keeper = Keeper()
        self.settled: Settled = []
        self.pika: SilentChannel
        self.publisher: Publisher

    async def start(self) -> None:
        connection = PikaConnection()
        channel = await Channel.open(connection)
        self.pika = connection.opened
        self.publisher = Publisher(
            channel, self.keeper, lambda token, how: self.settled.append((token, how))
        )
        await self.publisher.start()


@pytest.fixture
async def bench() -> Bench:
    bench = Bench()
    await bench.start()
    return bench


def message(token: object = None, body: bytes = b"") -> Publication:
    return Publication("exchange", "key", body, token=token)


async def test_each_outcome_comes_with_its_token(bench: Bench) -> None:
    for token in "abcd":
        bench.publisher.publish(message(token, token.encode()))

    bench.pika.give_back(1)
    bench.pika.nack(4)
    bench.pika.ack(3, multiple=True)

    assert [
        ("d", Outcome.NACKED),
        ("a", Outcome.CONFIRMED),
        ("b", Outcome.RETURNED),
        ("c", Outcome.CONFIRMED),
    ] == bench.settled


async def test_a_confirm_is_waited_for(bench: Bench) -> None:
    publishing = asyncio.create_task(bench.publisher.publish_confirmed(message()))
    await asyncio.sleep(0)
    assert not publishing.done()

    bench.pika.ack(1)

    async with asyncio.timeout(30):
        await publishing
    assert [] == bench.settled


async def test_a_message_that_no_queue_took_is_an_error(bench: Bench) -> None:
    publishing = asyncio.create_task(bench.publisher.publish_confirmed(message()))
    await asyncio.sleep(0)

    bench.pika.give_back(0)
    bench.pika.ack(1)

    with pytest.raises(NotConfirmedError, match="exchange was returned"):
        await publishing


async def test_who_waits_is_told_when_the_channel_is_gone(bench: Bench) -> None:
    publishing = asyncio.create_task(bench.publisher.publish_confirmed(message()))
    await asyncio.sleep(0)

    bench.pika.close()

    with pytest.raises(NotConfirmedError, match="no confirm"):
        await publishing


async def test_one_forgotten_confirm_ends_the_connection_though_others_come(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "CONFIRM_TIMEOUT_S", 0.05)
    bench.publisher.publish(message("forgotten"))

    async with asyncio.timeout(30):
        tag = 1
        while not bench.keeper.reasons:
            tag += 1
            bench.publisher.publish(message())
            bench.pika.ack(tag)
            await asyncio.sleep(0.01)

    assert "no confirm of the oldest" in bench.keeper.reasons[0]


async def test_a_broker_that_says_that_it_is_blocked_is_waited_for(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "CONFIRM_TIMEOUT_S", 0.02)
    bench.keeper.is_blocked = True
    publishing = asyncio.create_task(bench.publisher.publish_confirmed(message()))
    await asyncio.sleep(0.2)
    assert not publishing.done()
    assert [] == bench.keeper.reasons

    bench.pika.ack(1)

    async with asyncio.timeout(30):
        await publishing


async def test_on_a_closed_channel_nothing_is_sent(bench: Bench) -> None:
    def refuse(**_: object) -> None:
        raise ChannelWrongStateError

    bench.pika.basic_publish = refuse  # type: ignore[method-assign]

    with pytest.raises(BrokerUnavailableError):
        bench.publisher.publish(message())
