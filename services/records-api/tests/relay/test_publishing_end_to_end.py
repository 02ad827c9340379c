"""From a committed record to a queue, through a real relay process."""

from __future__ import annotations

from tests.relay.conftest import StartRelay
from tests.relay.drivers import Broker, Database


def test_records_reach_a_queue_numbered_and_in_order(
    database: Database, broker: Broker, start_relay: StartRelay
) -> None:
    database.add_feed("orders")
    start_relay().wait_for_broker()

    database.add_records("orders", 50)
    database.wait_until_published()

    received = [m.sequence for m in broker.take_all()]
    assert [None, *range(1, 51)] == received
