"""With RabbitMQ away writes go on, and all of them are delivered afterwards."""

from __future__ import annotations

from tests.relay.conftest import StartRelay
from tests.relay.drivers import Broker, Database
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


def test_a_topology_that_was_deleted_is_declared_again(
    database: Database, broker: Broker, pusher: Pusher, start_relay: StartRelay
) -> None:
    database.add_feed("orders")
    start_relay().wait_for_broker()
    database.wait_until_published()

    broker.clear()
    database.add_records("orders", 3)
    database.wait_until_published()

    assert [None, 1, 2, 3] == [m.sequence for m in pusher.take()]
