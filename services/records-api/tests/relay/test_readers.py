"""Readers are let in and put out in order with the records, and in time."""

from __future__ import annotations

import json
import uuid

import psycopg

from tests.contracts import validate_event
from tests.relay.conftest import StartRelay
from tests.relay.drivers import Broker, Database, eventually, manage
from tests.relay.pusher import Pusher, Taken

GRANT = "INSERT INTO aviso.readers (feed, reader) VALUES ('orders', %s)"
REVOKE = "UPDATE aviso.readers SET revoked_at = now() WHERE reader = %s"
ADA = "ada@localhost"


def kinds(messages: list[Taken]) -> list[str]:
    return [message.event["type"].split(".")[2] for message in messages]


def test_grants_and_revokes_travel_in_order_with_the_records(
    database: Database, pusher: Pusher, start_relay: StartRelay
) -> None:
    database.add_feed("orders")
    start_relay().wait_for_broker()
    database.add_records("orders", 1)
    database.run(GRANT, ADA)
    database.add_records("orders", 1)
    database.run(REVOKE, ADA)
    database.add_records("orders", 1)
    database.wait_until_published()

    received = pusher.take()

    expected = ["opened", "created", "granted", "created", "revoked", "created"]
    assert expected == kinds(received)
    assert [None, 1, 2, 3, 4, 5] == [message.sequence for message in received]
    for message in (received[2], received[4]):
        validate_event(message.event)
        assert {} == message.event["data"]
        assert "subject" not in message.event
        assert ADA == message.headers["reader"]
        # Not "ada": an id may well have that in it.
        assert "ada@" not in json.dumps(message.event)


def test_an_opening_has_those_who_may_read_and_the_ticket_holders_who_may_not(
    database: Database, pusher: Pusher, start_relay: StartRelay
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

    opening = pusher.take()[0].event

    validate_event(opening)
    assert [ADA] == opening["data"]["readers"]
    assert ["u-2@ticket.localhost"] == opening["data"]["revoked"]


def test_a_room_made_anew_has_its_opening_again_and_it_tells_of_now(
    database: Database, broker: Broker, pusher: Pusher, start_relay: StartRelay
) -> None:
    database.add_feed("orders")
    start_relay().wait_for_broker()
    database.add_records("orders", 2)
    database.run(GRANT, ADA)
    database.wait_until_published()
    pusher.take()

    with broker.channel() as channel:
        pusher.report(channel, {"kind": "unopened", "feed": "orders"})
    again = eventually(pusher.take)

    assert ["opened"] == kinds(again)
    assert ("0", [ADA]) == (
        again[0].event["data"]["head"],
        again[0].event["data"]["readers"],
    )
    database.wait_until_published()


def test_a_feed_made_private_is_so_before_its_next_record(
    database: Database, pusher: Pusher, start_relay: StartRelay
) -> None:
    database.add_feed("orders")
    start_relay().wait_for_broker()
    database.add_records("orders", 1)
    database.wait_until_published()
    pusher.take()

    with psycopg.connect(database.url) as connection:
        connection.execute("UPDATE aviso.feeds SET visibility = 'private'")
        connection.execute(
            "INSERT INTO aviso.records (feed, data) VALUES ('orders', '{}')"
        )
    database.wait_until_published()

    received = pusher.take()
    assert ["opened", "created"] == kinds(received)
    assert "private" == received[0].event["data"]["visibility"]


def test_a_grant_ends_when_its_time_has_come(
    database: Database, pusher: Pusher, start_relay: StartRelay
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
    assert ["opened", "granted", "granted", "revoked"] == kinds(pusher.take())


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
    database: Database, pusher: Pusher, start_relay: StartRelay
) -> None:
    database.add_feed("orders")
    with psycopg.connect(database.url) as holder:
        database.run(GRANT, ADA)
        holder.execute("ALTER TABLE aviso.readers DISABLE TRIGGER readers_writing")
        holder.execute("UPDATE aviso.readers SET expires_at = now()")
        holder.execute("ALTER TABLE aviso.readers ENABLE TRIGGER readers_writing")
        holder.commit()
        holder.execute("SELECT FROM aviso.readers FOR UPDATE")
        # Now: nobody but this session may see him after his time.
        start_relay().wait_for_broker()
        database.add_records("orders", 1)
        database.wait_until_published()
        assert ["opened", "granted", "created"] == kinds(pusher.take())

    eventually(lambda: database.value("SELECT count(revoked_at) FROM aviso.readers"))
    database.wait_until_published()
    assert ["revoked"] == kinds(pusher.take())


def test_a_parked_event_of_a_reader_is_sent_again_as_it_stands_now(
    database: Database,
    broker: Broker,
    pusher: Pusher,
    start_relay: StartRelay,
    environment: dict[str, str],
) -> None:
    database.add_feed("orders")
    start_relay().wait_for_broker()
    database.run(GRANT, ADA)
    database.wait_until_published()
    granted = pusher.take()[-1]
    headers = {"feed": "orders", "reader": ADA, "aviso-cause": "unknown-type"}
    broker.park(
        json.dumps(granted.event).encode(),
        message_id=granted.event["id"],
        headers=headers,
    )
    kept = eventually(
        lambda: database.run("SELECT id, headers FROM aviso.parked_events")
    )
    database.run(REVOKE, ADA)
    database.wait_until_published()
    pusher.take()

    manage(environment, "parked", "send", str(kept[0][0]))
    database.wait_until_published()

    assert ADA == kept[0][1]["reader"]
    (again,) = pusher.take()
    assert ["revoked"] == kinds([again])
    assert ADA == again.headers["reader"]


def test_a_strangers_parked_event_keeps_its_reader_when_it_is_sent_again(
    database: Database,
    broker: Broker,
    pusher: Pusher,
    start_relay: StartRelay,
    environment: dict[str, str],
) -> None:
    start_relay().wait_for_broker()
    headers = {"feed": "o", "reader": ADA, "aviso-cause": "invalid"}
    broker.park(b"{}", "feed.o.granted", message_id=str(uuid.uuid4()), headers=headers)
    parked = eventually(lambda: database.run("SELECT id FROM aviso.parked_events"))

    manage(environment, "parked", "send", str(parked[0][0]))
    eventually(lambda: database.value("SELECT state = 'sent' FROM aviso.parked_events"))

    came = [properties.headers for properties, _ in eventually(lambda: pusher.received)]
    assert [{"feed": "o", "reader": ADA}] == came
