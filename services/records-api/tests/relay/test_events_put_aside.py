"""What the relay can't publish is parked, its place kept, and the feed goes on."""

from __future__ import annotations

import uuid

from tests.contracts import validate_event
from tests.relay.conftest import StartRelay
from tests.relay.drivers import Broker, Database, eventually
from tests.relay.rabbitmq import MAX_MESSAGE_BYTES


def test_an_event_larger_than_the_broker_takes_leaves_its_place_to_another(
    database: Database, broker: Broker, start_relay: StartRelay
) -> None:
    for feed in ("orders", "stock"):
        database.add_feed(feed)
        database.add_records(feed, 30)
    # Each character takes six bytes in ASCII, so it outgrows the broker's limit here.
    database.run(
        "INSERT INTO aviso.records (feed, data)"
        " VALUES ('orders', jsonb_build_object('t', repeat('é', 30000)))"
    )
    too_large = str(
        database.value(
            "SELECT id FROM aviso.events ORDER BY changeset DESC, place DESC LIMIT 1"
        )
    )
    for feed in ("orders", "stock"):
        database.add_records(feed, 30)
    start_relay()
    database.wait_until_published()

    received = broker.take_all()
    for feed, count in (("orders", 61), ("stock", 60)):
        own = [m for m in received if m.event["feed"] == feed and m.sequence]
        assert set(range(1, count + 1)) == {m.sequence for m in own}
    (stand_in,) = {
        m.body: m for m in received if m.routing_key == "feed.orders.unavailable"
    }.values()
    validate_event(stand_in.event)
    assert 31 == stand_in.sequence
    assert {
        "event_id": too_large,
        "type": "aviso.record.created.v1",
        "cause": "too-large",
    } == stand_in.event["data"]
    ((feed, event_id, sequence, cause, by, size),) = database.run(
        "SELECT feed, event_id::text, sequence, cause, parked_by, octet_length(body)"
        " FROM aviso.parked_events"
    )
    assert ("orders", too_large, 31, "too-large", "relay") == (
        feed,
        event_id,
        sequence,
        cause,
        by,
    )
    assert size > MAX_MESSAGE_BYTES


def test_what_no_queue_takes_is_parked_and_its_stand_in_waits_for_the_broker(
    database: Database, broker: Broker, start_relay: StartRelay
) -> None:
    database.add_feed("orders")
    relay = start_relay()
    relay.wait_for_broker()
    database.wait_until_published()
    broker.take_all()
    # Whenever the relay mends the topology, somebody takes the same part away again.
    with broker.channel() as channel:
        channel.exchange_unbind("record-events.by-feed", "record-events", "feed.#")
        database.add_records("orders", 1)
        eventually(
            lambda: (
                channel.exchange_unbind(
                    "record-events.by-feed", "record-events", "feed.#"
                )
                and database.run("SELECT 1 FROM aviso.parked_events")
            )
        )
    database.wait_until_published()

    (stand_in,) = broker.take_all()
    assert ("feed.orders.unavailable", 1) == (stand_in.routing_key, stand_in.sequence)
    assert "unroutable" == database.value("SELECT cause FROM aviso.parked_events")


def test_for_a_readers_event_that_no_queue_takes_the_opening_travels_again(
    database: Database, broker: Broker, start_relay: StartRelay
) -> None:
    database.add_feed("orders")
    start_relay().wait_for_broker()
    database.wait_until_published()
    broker.take_all()
    with broker.channel() as channel:
        channel.exchange_unbind("record-events.by-feed", "record-events", "feed.#")
        database.run(
            "INSERT INTO aviso.readers (feed, reader) VALUES ('orders', 'a@b')"
        )
        eventually(
            lambda: (
                channel.exchange_unbind(
                    "record-events.by-feed", "record-events", "feed.#"
                )
                and database.run("SELECT 1 FROM aviso.parked_events")
            )
        )
    database.wait_until_published()

    received = {message.routing_key: message for message in broker.take_all()}
    assert {"feed.orders.unavailable", "feed.orders.opened"} == set(received)
    assert "reader" not in received["feed.orders.unavailable"].properties.headers
    assert ["a@b"] == received["feed.orders.opened"].event["data"]["readers"]
    assert {"feed": "orders", "reader": "a@b"} == database.value(
        "SELECT headers FROM aviso.parked_events"
    )


def test_a_foreign_message_that_comes_back_after_sending_is_parked_again(
    database: Database,
    broker: Broker,
    start_relay: StartRelay,
) -> None:
    start_relay().wait_for_broker()
    broker.park(b"odd", "feed.x.created", headers={"feed": "x"})
    eventually(lambda: database.run("SELECT 1 FROM aviso.parked_events"))
    database.run("UPDATE aviso.parked_events SET state = 'sending', handled_at = now()")
    database.run("NOTIFY aviso_events, 'parked'")
    state = "SELECT state FROM aviso.parked_events"
    eventually(lambda: database.value(state) == "sent")

    broker.park(b"odd", "feed.x.created", headers={"feed": "x"})

    eventually(lambda: database.value(state) == "parked")
    eventually(lambda: broker.depth() == 0)
    assert 1 == database.value("SELECT count(*) FROM aviso.parked_events")


def test_a_foreign_message_without_a_queue_goes_back_to_the_parked_ones(
    database: Database, broker: Broker, start_relay: StartRelay
) -> None:
    start_relay().wait_for_broker()
    broker.park(b"lost", "nobody.wants.it", message_id=str(uuid.uuid4()))
    eventually(lambda: database.run("SELECT 1 FROM aviso.parked_events"))

    database.run("UPDATE aviso.parked_events SET state = 'sending', handled_at = now()")
    database.run("NOTIFY aviso_events, 'parked'")

    eventually(
        lambda: database.run(
            "SELECT 1 FROM aviso.parked_events"
            " WHERE state = 'parked' AND position('queue' IN detail) > 0"
        )
    )
