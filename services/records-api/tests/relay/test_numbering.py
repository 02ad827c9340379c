"""Writers that overlap, roll back and commit out of order leave no hole."""

from __future__ import annotations

import psycopg

from tests.relay.conftest import StartRelay
from tests.relay.drivers import Database
from tests.relay.pusher import Pusher

_INSERT = (
    "INSERT INTO aviso.records (feed, data)"
    " VALUES ('orders', jsonb_build_object('n', %s::int))"
)


def test_overlapping_writers_leave_no_hole_and_lose_nothing(
    database: Database, pusher: Pusher, start_relay: StartRelay
) -> None:
    database.add_feed("orders")
    start_relay().wait_for_broker()

    early = psycopg.connect(database.url)
    undone = psycopg.connect(database.url)
    with early, undone:
        early.execute(_INSERT, (1,))  # has the lowest id, commits last
        undone.execute(_INSERT, (2,))
        database.run(_INSERT, 3)
        database.wait_until_published()
        undone.rollback()
        database.run(_INSERT, 4)
        database.wait_until_published()
        early.commit()
    database.wait_until_published()

    events = [m.event for m in pusher.take() if m.sequence]
    assert ["1", "2", "3"] == [event["feedseq"] for event in events]
    assert [3, 4, 1] == [event["data"]["data"]["n"] for event in events]


def test_a_feed_is_opened_before_its_first_event(
    database: Database, pusher: Pusher, start_relay: StartRelay
) -> None:
    for slug in ("orders", "stock"):
        database.add_feed(slug)
        database.add_records(slug, 5)

    start_relay()
    database.wait_until_published()

    received = pusher.take()
    for slug in ("orders", "stock"):
        own = [m for m in received if m.event["feed"] == slug]
        assert [None, 1, 2, 3, 4, 5] == [m.sequence for m in own]
        assert "aviso.feed.opened.v1" == own[0].event["type"]
