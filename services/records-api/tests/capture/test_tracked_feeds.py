"""A feed for each value of a column, made when its first row is there."""

from __future__ import annotations

import re
import threading

import psycopg
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.capture.folding import fold, told
from tests.relay.drivers import Database


@pytest.fixture
def orders(database: Database) -> Database:
    database.run("CREATE TABLE orders (id int PRIMARY KEY, tenant text, status text)")
    database.run(
        "SELECT aviso.track('orders', 'of-{tenant}', '{id,status}', max_feeds => 3)"
    )
    return database


def test_feeds_are_made_on_first_use_and_private(orders: Database) -> None:
    orders.run("INSERT INTO orders VALUES (1, 'a', 's'), (2, NULL, 's'), (3, 'a', 's')")

    made = orders.run("SELECT * FROM aviso.take_notes()")

    assert [("of--n",), ("of-a",)] == made
    rows = orders.run("SELECT slug, visibility FROM aviso.feeds ORDER BY slug")
    assert [("of--n", "private"), ("of-a", "private")] == rows
    assert {"1", "3"} == set(fold(orders, "of-a"))
    assert {"2"} == set(fold(orders, "of--n"))
    assert [] == orders.run("SELECT * FROM aviso.take_notes()")
    assert 2 == orders.value("SELECT feeds FROM aviso.tracked")


@pytest.mark.parametrize("rows", ["id = 1", "id <= 2"])
def test_a_row_that_moves_is_deleted_there_and_created_here(
    orders: Database, rows: str
) -> None:
    orders.run("INSERT INTO orders VALUES (1, 'a', 's'), (2, 'a', 's')")
    orders.run("SELECT aviso.take_notes()")

    orders.run("UPDATE orders SET tenant = 'b' WHERE " + rows)

    assert ("deleted", "1") in told(orders, "of-a")
    assert {"1"} <= set(fold(orders, "of-b"))
    assert not set(fold(orders, "of-a")) & set(fold(orders, "of-b"))


def test_beyond_the_limit_rows_are_counted_and_nobody_fails(orders: Database) -> None:
    for tenant in "abc":
        orders.run("INSERT INTO orders VALUES (ascii(%s), %s, 's')", tenant, tenant)

    orders.run("INSERT INTO orders VALUES (1, 'd', 's')")
    orders.run("INSERT INTO orders VALUES (2, 'e', 's'), (3, 'a', 's')")
    orders.run("SELECT aviso.take_notes()")

    assert {"97", "3"} == set(fold(orders, "of-a"))
    assert [] == told(orders, "of-d")
    problem, unavailable, feeds = orders.run(
        "SELECT problem, unavailable, feeds FROM aviso.tracked"
    )[0]
    assert "as many feeds as there may be (3)" in problem
    assert (2, 3) == (unavailable, feeds)


def test_two_writers_who_make_each_others_feeds_do_not_wait(orders: Database) -> None:
    insert = "INSERT INTO orders VALUES (%s, %s, 's')"
    with (
        orders.connect() as one,
        orders.connect() as two,
        one.transaction(),
        two.transaction(),
    ):
        for connection in (one, two):
            connection.execute("SET LOCAL lock_timeout = '30s'")
        one.execute(insert, (1, "a"))
        two.execute(insert, (2, "b"))
        one.execute(insert, (3, "b"))
        two.execute(insert, (4, "a"))
    orders.run("SELECT aviso.take_notes()")

    assert {"1", "4"} == set(fold(orders, "of-a"))
    assert {"2", "3"} == set(fold(orders, "of-b"))


def test_a_writer_with_an_old_snapshot_is_not_failed(orders: Database) -> None:
    with orders.connect() as writer:
        writer.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        with writer.transaction():
            writer.execute("SELECT 1 FROM orders")
            orders.run("INSERT INTO orders VALUES (1, 'a', 's')")
            orders.run("SELECT aviso.take_notes()")
            writer.execute("INSERT INTO orders VALUES (2, 'a', 's')")
    orders.run("SELECT aviso.take_notes()")

    assert {"1", "2"} == set(fold(orders, "of-a"))


def test_names_have_no_collisions_and_are_slugs(database: Database) -> None:
    with database.connect() as connection:

        @settings(max_examples=60)
        @given(st.lists(st.text(max_size=90).map(lambda s: s.replace("\0", "")),
                        unique=True, min_size=2, max_size=20))  # fmt: skip
        def check(values: list[str]) -> None:
            names = [
                name
                for (name,) in connection.execute(
                    "SELECT aviso.feed_name('of-', value, '-x')"
                    " FROM unnest(%s::text[] || NULL::text) AS value",
                    [[v.encode("utf-8", "ignore").decode() for v in values]],
                )
            ]
            assert len({v.encode("utf-8", "ignore") for v in values}) + 1 == len(
                set(names)
            )
            assert all(re.fullmatch("[a-z0-9-]{1,64}", name) for name in names)

        check()


def test_a_name_is_the_same_whatever_a_backslash_means_to_the_writer(
    orders: Database,
) -> None:
    with orders.connect() as writer:
        writer.execute("SET escape_string_warning = off")
        writer.execute("SET standard_conforming_strings = off")
        writer.execute("INSERT INTO orders VALUES (1, 'Ada', 's'), (2, 'Bda', 's')")

    made = orders.run("SELECT * FROM aviso.take_notes()")

    assert [("of--41da",), ("of--42da",)] == made
    assert {"1"} == set(fold(orders, "of--41da"))


def test_backfill_tells_each_row_once_beside_writers_and_after_an_end(
    database: Database,
) -> None:
    database.run("CREATE TABLE orders (id int PRIMARY KEY, tenant text, status text)")
    database.run(
        "INSERT INTO orders SELECT n, 't', 's' FROM generate_series(1, 3000) AS n"
    )
    database.run("SELECT aviso.track('orders', 'orders', '{id,status}')")
    database.run("SELECT aviso.ask_backfill('orders')")
    is_over = threading.Event()

    def write() -> None:
        with database.connect() as connection:
            n = 0
            while not is_over.is_set():
                n += 1
                connection.execute(
                    "UPDATE orders SET status = %s WHERE id = %s", (str(n), n % 3000)
                )
                connection.execute("DELETE FROM orders WHERE id = %s", (3000 - n,))
                connection.execute("INSERT INTO orders VALUES (%s)", (n + 9000,))

    writers = [threading.Thread(target=write) for _ in range(1)]
    for writer in writers:
        writer.start()
    with database.connect() as holder, holder.transaction():
        holder.execute("SELECT FROM orders WHERE id = 2999 FOR UPDATE")
        # As if it were killed amid a page: what is not committed was not done.
        with database.connect() as killed, killed.transaction(force_rollback=True):
            killed.execute("SELECT * FROM aviso.backfill_step(1)")
        for _ in range(10):
            database.run("SELECT FROM aviso.backfill_step(1, 200)")
    is_over.set()
    for writer in writers:
        writer.join(60)
    while not database.value("SELECT is_done FROM aviso.backfill_step(1)"):
        pass

    rows = {
        str(key): {"id": key, "status": status}
        for key, status in database.run("SELECT id, status FROM orders")
    }
    assert rows == fold(database)
    twice = database.run(
        "SELECT subject FROM aviso.events WHERE type = 'created'"
        " GROUP BY subject HAVING count(*) > 1"
    )
    assert [] == twice
    before = len(told(database))
    database.run("SELECT aviso.ask_backfill('orders')")
    while not database.value("SELECT is_done FROM aviso.backfill_step(1)"):
        pass
    assert before == len(told(database))
