"""Readers are let in and put out in order with the records, and in time."""

from __future__ import annotations

import json
import uuid

import psycopg

from tests.contracts import validate_event
from tests.relay.conftest import StartRelay
from tests.relay.drivers import Broker, Database, Received, eventually, manage

GRANT = "INSERT INTO aviso.readers (feed, reader) VALUES ('orders', %s)"
REVOKE = "UPDATE aviso.readers SET revoked_at = now() WHERE reader = %s"
ADA = "ada@localhost"


def kinds(messages: list[Received]) -> list[str]:
    return [message.event["type"].split(".")[2] for message in messages]


def ask_for_opening(database: Database, broker: Broker) -> None:
    epoch = database.value("SELECT epoch FROM aviso.feeds WHERE slug = 'orders'")
    body = {"feed": "orders", "feedepoch": epoch, "first": "1", "last": "0"}
    broker.park(json.dumps(body).encode(), headers={"aviso-request": "republish"})


def test_grants_and_revokes_travel_in_order_with_the_records(
    database: Database, broker: Broker, start_relay: StartRelay
) -> None:
    database.add_feed("orders")
    start_relay().wait_for_broker()
    database.add_records("orders", 1)
    database.run(GRANT, ADA)
    database.add_records("orders", 1)
    database.run(REVOKE, ADA)
    database.add_records("orders", 1)
    database.wait_until_published()

    received = broker.take_all()

    expected = ["opened", "created", "granted", "created", "revoked", "created"]
    assert expected == kinds(received)
    assert [None, 1, 2, 3, 4, 5] == [message.sequence for message in received]
    for message in (received[2], received[4]):
        validate_event(message.event)
        assert {} == message.event["data"]
        assert "subject" not in message.event
        assert ADA == message.properties.headers["reader"]
        assert b"ada@" not in message.body  # an id may well have an "ada" in it
    assert ["feed.orders.granted", "feed.orders.revoked"] == [
        received[2].routing_key,
        received[4].routing_key,
    ]


def test_an_opening_has_those_who_may_read_and_the_ticket_holders_who_may_not(
    database: Database, broker: Broker, start_relay: StartRelay
) -> None:
    database.add_feed("orders")
    for reader in [ADA, "ben@localhost", "u-1@ticket.localhost"]:
        database.run(GRANT, reader)
    database.run(REVOKE, "ben@localhost")
    database.run(
        "INSERT INTO aviso.readers (feed, reader, revoked_at)"
        " VALUES ('orders', 'u-2@ticket.localhost', now())"
    )
    start_relay().wait_for_broker()
    database.wait_until_published()

    opening = broker.take_all()[0].event

    validate_event(opening)
    assert [ADA] == opening["data"]["readers"]
    assert ["u-2@ticket.localhost"] == opening["data"]["revoked"]


def test_the_opening_alone_can_be_asked_for_and_tells_of_now(
    database: Database, broker: Broker, start_relay: StartRelay
) -> None:
    database.add_feed("orders")
    start_relay().wait_for_broker()
    database.add_records("orders", 2)
    database.run(GRANT, ADA)
    database.wait_until_published()
    broker.take_all()

    ask_for_opening(database, broker)
    again = eventually(broker.take_all)

    assert ["opened"] == kinds(again)
    assert ("3", [ADA]) == (
        again[0].event["data"]["head"],
        again[0].event["data"]["readers"],
    )
    assert 0 == database.value("SELECT count(*) FROM aviso.parked_events")


def test_a_feed_made_private_is_so_before_its_next_record(
    database: Database, broker: Broker, start_relay: StartRelay
) -> None:
    database.add_feed("orders")
    start_relay().wait_for_broker()
    database.add_records("orders", 1)
    database.wait_until_published()
    broker.take_all()

    with psycopg.connect(database.url) as connection:
        connection.execute("UPDATE aviso.feeds SET visibility = 'private'")
        connection.execute(
            "INSERT INTO aviso.records (feed, data) VALUES ('orders', '{}')"
        )
    database.wait_until_published()

    received = broker.take_all()
    assert ["opened", "created"] == kinds(received)
    assert "private" == received[0].event["data"]["visibility"]


def test_a_grant_ends_when_its_time_has_come(
    database: Database, broker: Broker, start_relay: StartRelay
) -> None:
    database.add_feed("orders")
    start_relay().wait_for_broker()
    database.run(
        "INSERT INTO aviso.readers (feed, reader, expires_at)"
        " VALUES ('orders', %s, now() + interval '3.3 s'),"
        " ('orders', 'ben@localhost', now() + interval '1 h')",
        ADA,
    )

    ended = (
        "SELECT count(*) FROM aviso.event_log WHERE type = 'revoked' AND sequence > 0"
    )
    eventually(lambda: database.value(ended))
    late = database.value(
        "SELECT revoked_at - expires_at FROM aviso.readers WHERE reader = %s", ADA
    )
    assert late.total_seconds() >= 0
    database.wait_until_published()
    assert ["opened", "granted", "granted", "revoked"] == kinds(broker.take_all())


def test_an_end_that_is_moved_nearer_is_kept(
    database: Database, broker: Broker, start_relay: StartRelay
) -> None:
    database.add_feed("orders")
    start_relay().wait_for_broker()
    database.run(GRANT, ADA)
    database.run("UPDATE aviso.readers SET expires_at = now() + interval '1.5 s'")

    ended = (
        "SELECT count(*) FROM aviso.event_log WHERE type = 'revoked' AND sequence > 0"
    )
    assert 1 == eventually(lambda: database.value(ended))


def test_somebody_who_holds_a_row_does_not_hold_up_the_relay(
    database: Database, broker: Broker, start_relay: StartRelay
) -> None:
    database.add_feed("orders")
    start_relay().wait_for_broker()
    with psycopg.connect(database.url) as holder:
        holder.execute(
            "INSERT INTO aviso.readers (feed, reader, expires_at)"
            " VALUES ('orders', %s, now() + interval '2 s')",
            [ADA],
        )
        holder.commit()
        # At once: nobody but this session may see him after his time.
        holder.execute("SELECT FROM aviso.readers FOR UPDATE")
        database.run(
            "SELECT pg_sleep(extract(epoch FROM expires_at - now()) + 0.1)"
            " FROM aviso.readers"
        )
        database.add_records("orders", 1)
        database.wait_until_published()
        assert ["opened", "granted", "created"] == kinds(broker.take_all())

    eventually(lambda: database.value("SELECT count(revoked_at) FROM aviso.readers"))
    database.wait_until_published()
    assert ["revoked"] == kinds(broker.take_all())


def test_a_parked_event_of_a_reader_is_sent_again_as_it_stands_now(
    database: Database,
    broker: Broker,
    start_relay: StartRelay,
    environment: dict[str, str],
) -> None:
    database.add_feed("orders")
    start_relay().wait_for_broker()
    database.run(GRANT, ADA)
    database.wait_until_published()
    granted = broker.take_all()[-1]
    headers = {"feed": "orders", "reader": ADA, "aviso-cause": "unknown-type"}
    broker.park(
        granted.body,
        granted.routing_key,
        message_id=granted.event["id"],
        headers=headers,
    )
    kept = eventually(
        lambda: database.run("SELECT id, headers FROM aviso.parked_events")
    )
    database.run(REVOKE, ADA)
    database.wait_until_published()
    broker.take_all()

    manage(environment, "parked", "send", str(kept[0][0]))
    database.wait_until_published()

    assert ADA == kept[0][1]["reader"]
    (again,) = broker.take_all()
    assert ["revoked"] == kinds([again])
    assert ADA == again.properties.headers["reader"]


def test_a_strangers_parked_event_keeps_its_reader_when_it_is_sent_again(
    database: Database,
    broker: Broker,
    start_relay: StartRelay,
    environment: dict[str, str],
) -> None:
    start_relay().wait_for_broker()
    headers = {"feed": "o", "reader": ADA, "aviso-cause": "invalid"}
    broker.park(b"{}", "feed.o.granted", message_id=str(uuid.uuid4()), headers=headers)
    parked = eventually(lambda: database.run("SELECT id FROM aviso.parked_events"))

    manage(environment, "parked", "send", str(parked[0][0]))
    eventually(lambda: database.value("SELECT state = 'sent' FROM aviso.parked_events"))

    (again,) = broker.take_all()
    assert {"feed": "o", "reader": ADA} == again.properties.headers
