"""The active relay prunes by itself, and answers for what it has pruned."""

from __future__ import annotations

import json

import pytest

from aviso.relay.pruning import BATCH
from tests.contracts import validate_event
from tests.relay.conftest import StartRelay
from tests.relay.drivers import Broker, Database, eventually


@pytest.fixture
def environment(environment: dict[str, str]) -> dict[str, str]:
    return environment | {"AVISO_EVENT_RETENTION_DAYS": "2"}


def fill(database: Database, count: int) -> None:
    """Have a feed with published events, three days old."""
    database.add_feed("orders")
    database.add_records("orders", count)
    database.run("UPDATE aviso.events SET time = now() - interval '3 days'")
    database.number()
    database.run("UPDATE aviso.feed_progress SET published = %s", count)


def kept(database: Database) -> list[int]:
    rows = database.run("SELECT sequence FROM aviso.event_log ORDER BY sequence")
    return [sequence for (sequence,) in rows]


def ask(broker: Broker, database: Database, first: int, last: int) -> None:
    epoch = database.value("SELECT epoch FROM aviso.feeds WHERE slug = 'orders'")
    request = {"feed": "orders", "feedepoch": epoch}
    body = json.dumps(request | {"first": str(first), "last": str(last)}).encode()
    broker.park(body, headers={"aviso-request": "republish"})


def test_the_relay_prunes_all_but_the_newest_and_goes_on(
    database: Database, broker: Broker, start_relay: StartRelay
) -> None:
    count = 3 * BATCH + 7
    fill(database, count)
    relay = start_relay()

    eventually(lambda: kept(database) == [count])
    database.add_records("orders", 2)
    database.wait_until_published()

    assert [None, count + 1, count + 2] == [m.sequence for m in broker.take_all()]
    assert f"aviso_relay_pruned_total {count - 1}.0" in relay.metrics()
    assert [count, count + 1, count + 2] == kept(database)


def test_nothing_unpublished_is_pruned_however_old(
    database: Database, broker: Broker, start_relay: StartRelay
) -> None:
    fill(database, 9)
    start_relay().wait_for_broker()
    eventually(lambda: kept(database) == [9])
    # The broker takes nothing: what is written now can't be published.
    with broker.channel() as channel:
        channel.exchange_delete("record-events")
    database.add_records("orders", 5)
    database.run("UPDATE aviso.events SET time = '2001-01-01Z'")
    eventually(lambda: kept(database)[-1] == 14)

    assert [9, 10, 11, 12, 13, 14] == kept(database)


def test_places_of_pruned_events_are_kept_when_they_are_asked_for(
    database: Database, broker: Broker, start_relay: StartRelay
) -> None:
    fill(database, 6)
    database.run("UPDATE aviso.events SET time = now() WHERE place >= 5")
    start_relay().wait_for_broker()
    eventually(lambda: kept(database) == [5, 6])
    broker.take_all()

    ask(broker, database, 3, 6)
    again = eventually(broker.take_all)

    # With the opening: it lists the readers, should one of these have let one in.
    assert {None, 3, 4, 5, 6} == {message.sequence for message in again}
    for message in again:
        validate_event(message.event)
    assert {"pruned": {3, 4}} == {
        "pruned": {
            m.sequence for m in again if m.event["data"].get("cause") == "pruned"
        }
    }
    eventually(database.is_all_published)


def test_an_empty_room_begins_with_what_is_left(
    database: Database, broker: Broker, start_relay: StartRelay
) -> None:
    count = 1_100
    fill(database, count)
    relay = start_relay()
    relay.wait_for_broker()
    eventually(lambda: kept(database) == [count])
    broker.take_all()

    # A piece of what it lacks, as the pusher asks; all of it is pruned.
    ask(broker, database, 1, 1_000)
    again = eventually(broker.take_all)

    assert [None, count] == [message.sequence for message in again]


def test_of_many_pruned_ones_the_first_places_come(
    database: Database, broker: Broker, start_relay: StartRelay
) -> None:
    count = 1_100
    fill(database, count)
    start_relay().wait_for_broker()
    eventually(lambda: kept(database) == [count])
    broker.take_all()

    ask(broker, database, 2, count - 1)
    again = eventually(broker.take_all)

    sequences = [message.sequence for message in again]
    assert [*range(2, 1_002)] == [each for each in sequences if each is not None]


def test_without_a_retention_nothing_is_pruned(
    database: Database,
    environment: dict[str, str],
    start_relay: StartRelay,
) -> None:
    del environment["AVISO_EVENT_RETENTION_DAYS"]
    fill(database, 9)
    start_relay().wait_for_broker()
    database.add_records("orders", 1)
    database.wait_until_published()

    assert 10 == len(kept(database))
