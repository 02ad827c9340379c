"""What the relay can't publish is parked, its place kept, and the feed goes on."""

from __future__ import annotations

import uuid

from tests.contracts import validate_event
from tests.relay.conftest import StartRelay
from tests.relay.drivers import Broker, Database, eventually
from tests.relay.pusher import Pusher
from tests.relay.rabbitmq import MAX_MESSAGE_BYTES


def test_an_event_larger_than_the_broker_takes_leaves_its_place_to_another(
    database: Database, broker: Broker, pusher: Pusher, start_relay: StartRelay
) -> None:
    for feed in ("orders", "stock"):
        database.add_feed(feed)
        database.add_records(feed, 30)
    # Deflated it takes half of this, so it outgrows the broker's limit here.
    database.run(
        "INSERT INTO aviso.records (feed, data)"
        " SELECT 'orders', jsonb_build_object('t', string_agg(md5(n::text), ''))"
        " FROM generate_series(1, 2000) AS n"
    )
    too_large = str(
        database.value(
            "SELECT id FROM aviso.event_log ORDER BY changeset DESC, place DESC LIMIT 1"
        )
    )
    for feed in ("orders", "stock"):
        database.add_records(feed, 30)
    start_relay()
    database.wait_until_published()

    for feed, count in (("orders", 61), ("stock", 60)):
        assert list(range(1, count + 1)) == pusher.sequences(feed)
    (stand_in,) = [m for m in pusher.take() if m.kind == "unavailable"]
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


def test_what_the_room_refuses_is_found_parked_and_its_place_kept(
    database: Database, pusher: Pusher, start_relay: StartRelay
) -> None:
    database.add_feed("orders")
    pusher.refused = lambda event: event["data"].get("data", {}).get("n") == 7
    start_relay()

    database.add_records("orders", 20)
    database.wait_until_published()

    assert list(range(1, 21)) == pusher.sequences("orders")
    (stand_in,) = [m for m in pusher.take() if m.kind == "unavailable"]
    assert (7, "refused") == (stand_in.sequence, stand_in.event["data"]["cause"])
    assert [("orders", 7, "refused", "not acceptable")] == database.run(
        "SELECT feed, sequence, cause, detail FROM aviso.parked_events"
    )


def test_for_a_readers_event_that_is_refused_the_opening_travels_again(
    database: Database, pusher: Pusher, start_relay: StartRelay
) -> None:
    database.add_feed("orders")
    pusher.refused = lambda event: event["type"] == "aviso.reader.granted.v1"
    start_relay()
    database.wait_until_published()
    pusher.take()

    database.run("INSERT INTO aviso.readers (feed, reader) VALUES ('orders', 'a@b')")
    database.wait_until_published()

    opened, stand_in = pusher.take()
    assert ["a@b"] == opened.event["data"]["readers"]
    assert "unavailable" == stand_in.kind
    assert "reader" not in stand_in.headers
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
