"""With RabbitMQ away writes go on, and all of them are delivered afterwards."""

from __future__ import annotations

import pytest

from tests.relay.conftest import StartRelay
from tests.relay.drivers import Broker, Database, eventually
from tests.relay.pusher import Pusher
from tests.relay.rabbitmq import Node


def test_what_is_written_while_the_broker_is_away_comes_in_order(
    node: Node, database: Database, pusher: Pusher, start_relay: StartRelay
) -> None:
    database.add_feed("orders")
    relay = start_relay()
    relay.wait_for_broker()
    node.stop()
    try:
        for _ in range(4):
            database.add_records("orders", 50)
        assert 200 == database.unpublished()
    finally:
        node.start()
    database.wait_until_published()

    assert list(range(1, 201)) == pusher.sequences("orders")


@pytest.mark.parametrize(
    "queues", [["xmpp-pusher.0", "xmpp-pusher.1"], ["record-events.reports"]]
)
def test_queues_that_were_deleted_are_named_and_once_they_are_back_nothing_was_lost(
    database: Database,
    broker: Broker,
    pusher: Pusher,
    start_relay: StartRelay,
    queues: list[str],
) -> None:
    feeds = [f"orders-{n}" for n in range(8)]
    for feed in feeds:
        database.add_feed(feed)
    relay = start_relay()
    relay.wait_for_broker()
    database.wait_until_published()

    with broker.channel() as channel:
        for queue in queues:
            channel.queue_delete(queue)
    for feed in feeds:
        database.add_records(feed, 3)
    [said] = eventually(lambda: relay.lines("topology-missing"))
    assert f"RabbitMQ has no queue '{queues[0]}'" in said["message"]
    assert "deploy/rabbitmq/definitions.json" in said["message"]

    broker.load()
    database.wait_until_published()
    assert [[1, 2, 3]] * 8 == [pusher.sequences(feed) for feed in feeds]


def test_a_relay_that_finds_nothing_on_its_broker_waits_for_the_definitions(
    database: Database, broker: Broker, pusher: Pusher, start_relay: StartRelay
) -> None:
    broker.delete()
    database.add_feed("orders")
    database.add_records("orders", 3)
    relay = start_relay()
    [said] = eventually(lambda: relay.lines("topology-missing"))
    assert "RabbitMQ has no exchange 'record-events'" in said["message"]

    broker.load()
    database.wait_until_published()

    assert [1, 2, 3] == pusher.sequences("orders")
