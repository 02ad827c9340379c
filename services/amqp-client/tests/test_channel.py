"""A channel's calls end, and so does what was delivered over it."""

from __future__ import annotations

import asyncio

import pika
import pytest

from amqp_client import channel as module
from amqp_client.channel import Channel
from amqp_client.consumer import Consumer
from amqp_client.errors import (
    BrokerError,
    BrokerUnavailableError,
    ChannelRefusedError,
)
from amqp_client.messages import Delivery
from fakes import PikaConnection


async def test_an_answer_that_does_not_come_is_not_waited_for_for_ever(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "ANSWER_TIMEOUT_S", 0.02)
    channel = await Channel.open(PikaConnection())

    async with asyncio.timeout(30):
        with pytest.raises(BrokerUnavailableError, match="did not answer"):
            await channel.call("queue_declare", queue="q", passive=True)


async def test_a_refusal_ends_the_call_with_the_brokers_code() -> None:
    connection = PikaConnection()
    channel = await Channel.open(connection)
    calling = asyncio.create_task(
        channel.call("queue_declare", queue="q", passive=True)
    )
    await asyncio.sleep(0)

    refusal = pika.exceptions.ChannelClosedByBroker(404, "NOT_FOUND")
    connection.opened.on_close(connection.opened, refusal)

    with pytest.raises(ChannelRefusedError, match="404 NOT_FOUND"):
        await calling


async def test_an_end_that_was_asked_for_is_no_failure() -> None:
    failures: list[BrokerError] = []
    channel = await Channel.open(PikaConnection())
    channel.on_failure = failures.append

    await channel.close()

    assert [] == failures


async def test_a_consumer_hands_out_and_acks_in_few_frames() -> None:
    connection = PikaConnection()
    channel = await Channel.open(connection)
    taken: list[Delivery] = []
    consumer = Consumer(channel)
    await consumer.start(
        "q",
        lambda _, delivery: taken.append(delivery),
        prefetch=5,
        is_exclusive=True,
        arguments={},
    )

    for tag in (1, 2, 3):
        connection.opened.deliver(tag)
    assert 3 == len(consumer)
    consumer.ack([2, 1, 99])

    assert [(channel.number, 1), (channel.number, 2), (channel.number, 3)] == [
        (each.channel, each.tag) for each in taken
    ]
    assert ([(2, True)], 1) == (connection.opened.acked, len(consumer))


async def test_what_comes_over_a_closed_channel_is_left_to_the_next() -> None:
    connection = PikaConnection()
    channel = await Channel.open(connection)
    taken: list[Delivery] = []
    consumer = Consumer(channel)
    await consumer.start(
        "q",
        lambda _, delivery: taken.append(delivery),
        prefetch=5,
        is_exclusive=False,
        arguments={},
    )
    connection.opened.deliver(1)

    await consumer.close()
    connection.opened.deliver(2)
    consumer.ack([1, 2])

    assert ([1], []) == ([each.tag for each in taken], connection.opened.acked)
