"""A message is written to the broker at once, method, header and body."""

from __future__ import annotations

import asyncio

from amqp_client.connection import Connection
from amqp_client.messages import Outcome, Publication

from tests.relay.drivers import Broker


def test_a_message_is_written_at_once(broker: Broker) -> None:
    written: list[bytes] = []

    async def publish() -> object:
        outcome: asyncio.Future[object] = asyncio.get_running_loop().create_future()
        connection = await Connection.open(broker.url, name="test")
        try:
            publisher = await connection.open_publisher(
                lambda _token, settled: outcome.set_result(settled)
            )
            emit = connection._pika._adapter_emit_data

            def record(data: bytes) -> None:
                written.append(data)
                emit(data)

            connection._pika._adapter_emit_data = record
            publisher.publish(Publication("", "nowhere", b"body" * 1000))
            async with asyncio.timeout(30):
                return await outcome
        finally:
            await connection.close()

    assert Outcome.RETURNED == asyncio.run(publish())
    assert 1000 == written[0].count(b"body")
