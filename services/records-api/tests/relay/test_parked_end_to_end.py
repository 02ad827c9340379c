"""From the parked queue into the table, and from there out again."""

from __future__ import annotations

import json
import uuid

import pytest

from tests.relay.conftest import StartRelay
from tests.relay.drivers import Broker, Database, eventually, manage
from tests.relay.pusher import Pusher


def test_a_parked_event_of_ours_is_sent_again_with_a_new_sequence(
    database: Database,
    broker: Broker,
    pusher: Pusher,
    start_relay: StartRelay,
    environment: dict[str, str],
) -> None:
    database.add_feed("orders")
    start_relay().wait_for_broker()
    database.add_records("orders", 1)
    database.wait_until_published()
    [event] = [m for m in pusher.take() if m.sequence]
    broker.park(
        json.dumps(event.event).encode(),
        message_id=event.event["id"],
        headers={"feed": "orders", "aviso-cause": "too-large", "aviso-detail": "x"},
    )
    parked_id = _wait_for_parked(database)

    manage(environment, "parked", "send", parked_id)
    manage(environment, "parked", "send", parked_id)
    database.wait_until_published()

    [again] = pusher.take()
    assert 2 == again.sequence
    assert event.event["subject"] == again.event["subject"]
    assert event.event["id"] != again.event["id"]


@pytest.mark.parametrize("body", [b"\xff\x00 no json", b"[" * 9000, b"{}"])
def test_a_foreign_message_is_written_down_and_relaying_goes_on(
    body: bytes,
    database: Database,
    broker: Broker,
    pusher: Pusher,
    start_relay: StartRelay,
) -> None:
    database.add_feed("orders")
    start_relay().wait_for_broker()

    broker.park(body, headers={"feed": "orders", "odd": [1, {"a": b"\x00"}]})
    _wait_for_parked(database)
    database.add_records("orders", 2)
    database.wait_until_published()

    assert [None, 1, 2] == [m.sequence for m in pusher.take()]
    assert body == bytes(database.value("SELECT body FROM aviso.parked_events"))
    eventually(lambda: broker.depth() == 0)


def test_a_foreign_message_is_published_again_as_it_was(
    database: Database,
    broker: Broker,
    pusher: Pusher,
    start_relay: StartRelay,
    environment: dict[str, str],
) -> None:
    start_relay().wait_for_broker()
    name = str(uuid.uuid4())
    broker.park(
        b'{"a":1}', "feed.other.created", message_id=name, headers={"feed": "o"}
    )
    parked_id = _wait_for_parked(database)

    manage(environment, "parked", "send", parked_id)
    sent = "SELECT state = 'sent' FROM aviso.parked_events"
    eventually(lambda: database.value(sent))

    [(properties, body)] = eventually(lambda: pusher.received)
    assert (b'{"a":1}', name) == (body, properties.message_id)


def test_a_dropped_one_is_not_sent(
    database: Database,
    broker: Broker,
    start_relay: StartRelay,
    environment: dict[str, str],
) -> None:
    start_relay().wait_for_broker()
    broker.park(b"x")
    parked_id = _wait_for_parked(database)

    manage(environment, "parked", "drop", parked_id)

    with pytest.raises(RuntimeError, match="dropped already"):
        manage(environment, "parked", "send", parked_id)


def _wait_for_parked(database: Database) -> str:
    rows = eventually(lambda: database.run("SELECT id FROM aviso.parked_events"))
    return str(rows[0][0])
