"""What a look takes out of the queue; all interleavings are tried next door."""

from __future__ import annotations

import psycopg

from tests.relay.drivers import Database, Looking

RECORD = "INSERT INTO aviso.records (feed, data) VALUES ('orders', '{}')"


def ranges(database: Database) -> list[tuple[int, int]]:
    return [
        (first, last)
        for first, last in database.run(
            "SELECT first, last FROM aviso.places ORDER BY changeset"
        )
    ]


def test_a_new_feed_is_to_be_looked_at(database: Database) -> None:
    with Looking(database) as looking:
        database.add_feed("orders")

        assert ["orders"] == looking.take().to_look_at
        assert looking.take().is_empty


def test_few_events_come_along_with_their_numbers_and_many_do_not(
    database: Database,
) -> None:
    database.add_feed("orders")
    with Looking(database) as looking:
        looking.take_all()
        database.add_records("orders", 3)

        (few,) = looking.take(inline=3).numbered
        database.add_records("orders", 4)
        (many,) = looking.take(inline=3).numbered

    assert [1, 2, 3] == [event.sequence for event in few.events]
    assert (4, 7, []) == (many.first, many.last, many.events)
    assert 7 == many.state.head


def test_events_of_a_busy_feed_stay_and_do_not_keep_those_of_another(
    database: Database,
) -> None:
    for feed in ("orders", "stock"):
        database.add_feed(feed)
    with Looking(database) as looking:
        looking.take_all()
        database.add_records("orders", 4)
        database.add_records("stock", 1)

        numbered = looking.take(inline=3, busy=["orders"]).numbered

    assert {"orders": (1, 4, 0), "stock": (1, 1, 1)} == {
        each.feed: (each.first, each.last, len(each.events)) for each in numbered
    }


def test_a_pass_goes_on_behind_its_page_and_leaves_what_came_meanwhile(
    database: Database,
) -> None:
    database.add_feed("orders")
    with Looking(database, page=2) as looking, psycopg.connect(database.url) as late:
        looking.take_all()
        late.execute(RECORD)
        for _ in range(3):
            database.add_records("orders", 1)
        first = looking.take()

        late.commit()
        second = looking.take()
        third = looking.take()

    assert [(False, 2), (True, 3), (True, 4)] == [
        (taken.is_all, taken.numbered[0].last) for taken in (first, second, third)
    ]
    assert [(4, 4), (1, 1), (2, 2), (3, 3)] == ranges(database)


def test_a_restored_queue_is_taken_in_its_order_whatever_its_server_counted(
    database: Database,
) -> None:
    database.add_feed("orders")
    with Looking(database, page=2) as looking:
        looking.take_all()
        for _ in range(5):
            database.add_records("orders", 1)
        database.run("UPDATE aviso.queue SET xid = xid + 1000000000000")
        database.add_records("orders", 1)
        with Looking(database, page=2) as restored:
            restored.run(restored.queue.adopt())

            restored.take_all()

    assert [(n, n) for n in range(1, 7)] == ranges(database)
    assert 0 == database.unnumbered()
