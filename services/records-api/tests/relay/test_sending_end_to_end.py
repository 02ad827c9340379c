"""The relay sends each event until the pusher has reported that it is archived."""

from __future__ import annotations

import pika  # type: ignore[import-untyped]  # pika 1.4.4 has types but no py.typed

from tests.relay.conftest import StartRelay
from tests.relay.drivers import Database, eventually
from tests.relay.pusher import Pusher, Taken


def test_events_of_several_feeds_are_archived_once_and_in_order(
    database: Database, pusher: Pusher, start_relay: StartRelay
) -> None:
    for feed in ("orders", "stock"):
        database.add_feed(feed)
    start_relay().wait_for_broker()

    for _ in range(20):
        database.add_records("orders", 30)
        database.add_records("stock", 1)
    database.wait_until_published()

    assert list(range(1, 601)) == pusher.sequences("orders")
    assert list(range(1, 21)) == pusher.sequences("stock")


def test_an_archive_that_was_emptied_or_shortened_is_filled_again(
    database: Database, pusher: Pusher, start_relay: StartRelay
) -> None:
    database.add_feed("orders")
    database.add_feed("stock")
    relay = start_relay()
    for feed in ("orders", "stock"):
        database.add_records(feed, 1_200)
    database.wait_until_published()
    del pusher.archives["orders"]
    shortened = pusher.archives["stock"]
    shortened.last = 700
    del shortened.events[700:]

    for feed in ("orders", "stock"):
        database.add_records(feed, 1)
    eventually(lambda: pusher.sequences("orders")[-1:] == [1201])
    eventually(lambda: pusher.sequences("stock")[-1:] == [1201])
    database.wait_until_published()

    for feed in ("orders", "stock"):
        assert list(range(1, 1_202)) == pusher.sequences(feed)
    assert 2 == len(relay.lines("behind"))


def test_an_opening_that_is_wanted_again_says_what_is_archived(
    database: Database, pusher: Pusher, start_relay: StartRelay
) -> None:
    """A room that knows more takes an opening for one that was handed out late."""
    database.add_feed("orders")
    start_relay()
    database.add_records("orders", 10)
    database.wait_until_published()

    with pika.BlockingConnection(pika.URLParameters(pusher.url)) as connection:
        unopened = {"kind": "unopened", "feed": "orders"}
        pusher.report(connection.channel(), unopened)

    taken: list[Taken] = []

    def told() -> list[tuple[str, str]]:
        taken.extend(each for each in pusher.take() if each.kind == "opened")
        opened = [each.event["data"] for each in taken]
        return [(data["head"], data["archived"]) for data in opened]

    eventually(lambda: told() == [("0", "0"), ("0", "10")])
