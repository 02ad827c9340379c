"""The active relay prunes by itself, and answers for what it has pruned."""

from __future__ import annotations

import pytest

from aviso.outbox.pruning import BATCH
from tests.contracts import validate_event
from tests.relay.conftest import StartRelay
from tests.relay.drivers import Broker, Database, eventually
from tests.relay.pusher import Archive, Pusher


@pytest.fixture
def environment(environment: dict[str, str]) -> dict[str, str]:
    return environment | {"AVISO_EVENT_RETENTION_DAYS": "2"}


def fill(database: Database, count: int, unpublished: int = 0) -> None:
    """Have a feed with published events, and others behind them, three days old."""
    database.add_feed("orders")
    database.add_records("orders", count + unpublished)
    database.run("UPDATE aviso.events SET time = now() - interval '3 days'")
    database.number()
    database.run("UPDATE aviso.feed_progress SET published = %s", count)


def kept(database: Database) -> list[int]:
    rows = database.run("SELECT sequence FROM aviso.event_log ORDER BY sequence")
    return [sequence for (sequence,) in rows]


def test_the_relay_prunes_all_but_the_newest_and_goes_on(
    database: Database, pusher: Pusher, start_relay: StartRelay
) -> None:
    count = 3 * BATCH + 7
    fill(database, count)
    epoch = database.value("SELECT epoch FROM aviso.feeds WHERE slug = 'orders'")
    pusher.archives["orders"] = Archive(epoch, count)
    relay = start_relay()

    eventually(lambda: kept(database) == [count])
    database.add_records("orders", 2)
    database.wait_until_published()

    assert [None, count + 1, count + 2] == [m.sequence for m in pusher.take()]
    assert f"aviso_relay_pruned_total {count - 1}.0" in relay.metrics()
    assert [count, count + 1, count + 2] == kept(database)


def test_nothing_unpublished_is_pruned_however_old(
    database: Database, broker: Broker, start_relay: StartRelay
) -> None:
    # The broker takes nothing: what is not published stays so.
    with broker.channel() as channel:
        channel.exchange_delete("record-events")
    fill(database, 9, unpublished=5)
    relay = start_relay()

    eventually(lambda: kept(database)[0] > 1)
    eventually(lambda: relay.lines("pruned"))

    assert [10, 11, 12, 13, 14] == kept(database)


def test_an_archive_that_is_shorter_than_what_was_pruned_has_the_places_kept(
    database: Database, pusher: Pusher, start_relay: StartRelay
) -> None:
    fill(database, 600)
    epoch = database.value("SELECT epoch FROM aviso.feeds WHERE slug = 'orders'")
    pusher.archives["orders"] = Archive(epoch, 20)
    start_relay().wait_for_broker()
    eventually(lambda: kept(database) == [600])

    database.add_records("orders", 1)
    database.wait_until_published()

    assert list(range(21, 602)) == pusher.sequences("orders")
    pruned = []
    for taken in pusher.take():
        validate_event(taken.event)
        if taken.event["data"].get("cause") == "pruned":
            pruned.append(taken.sequence)
    assert list(range(21, 600)) == pruned


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
