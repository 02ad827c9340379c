"""What no trigger sees of a tracked table is noticed by aviso.reconcile, and told."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any, LiteralString

import psycopg
import pytest

from tests.capture.folding import fold, told
from tests.capture.replication import Pair
from tests.capture.told import as_replica
from tests.relay.drivers import PATIENCE_S, Database, eventually

COLUMNS: LiteralString = "(id bigint PRIMARY KEY, status text, total numeric)"


@pytest.fixture
def orders(database: Database) -> Database:
    database.run(f"CREATE TABLE orders {COLUMNS}")
    database.run("SELECT aviso.track('orders', 'orders', '{id,status,total}')")
    database.run("INSERT INTO orders SELECT n, 's', n FROM generate_series(1, 3) AS n")
    return database


@pytest.fixture
def parted(database: Database) -> Database:
    database.run(
        f"CREATE TABLE orders {COLUMNS} PARTITION BY RANGE (id);"
        "CREATE TABLE low PARTITION OF orders FOR VALUES FROM (0) TO (100);"
        "CREATE TABLE middle (total numeric, id bigint PRIMARY KEY, status text);"
        "INSERT INTO middle VALUES (1, 150, 'before')"
    )
    database.run("SELECT aviso.track('orders', 'orders', '{id,status}')")
    return database


def reconcile(database: Database) -> list[tuple[str, str | None]]:
    """Reconcile, and tell what is to be told; return each table's problem."""
    seen = database.run("SELECT table_name, problem FROM aviso.reconcile()")
    for (table,) in database.run(
        "SELECT id FROM aviso.tracked WHERE backfilled = 'running'"
    ):
        for _ in range(1_000):
            if database.value("SELECT is_done FROM aviso.backfill_step(%s)", table):
                break
    return seen


def test_a_table_that_is_as_it_was_is_left_alone(orders: Database) -> None:
    before = told(orders)

    assert [] == reconcile(orders)
    orders.run("ALTER TABLE orders ADD note text DEFAULT 'x'")
    orders.run("ALTER TABLE orders ALTER status SET DEFAULT 'new'")

    assert [] == reconcile(orders)
    assert before == told(orders)


@pytest.mark.parametrize(
    "change", ["DROP COLUMN total", "RENAME COLUMN total TO amount"]
)
def test_a_column_that_is_gone_is_told_no_more_and_said(
    orders: Database, change: LiteralString
) -> None:
    orders.run(f"ALTER TABLE orders {change}")
    orders.run("UPDATE orders SET status = 'unseen' WHERE id = 1")
    assert "no-form" == fold(orders)["1"]

    ((_, problem),) = reconcile(orders)

    assert "columns of public.orders are gone, and told no more: total" == problem
    assert ("reset", None) in told(orders)
    orders.run("UPDATE orders SET status = 't' WHERE id = 2")
    held = fold(orders)
    assert {"id": 1, "status": "unseen"} == held["1"]
    assert {"id": 2, "status": "t"} == held["2"]
    assert {"1", "2", "3"} == set(held)
    assert [] == reconcile(orders)


def test_a_type_that_changed_is_told_as_it_is(orders: Database) -> None:
    orders.run("ALTER TABLE orders ALTER total TYPE text USING 'EUR ' || total")

    assert [("orders", None)] == reconcile(orders)

    assert {"id": 1, "status": "s", "total": "EUR 1"} == fold(orders)["1"]


def test_another_name_is_followed(orders: Database) -> None:
    orders.run("CREATE SCHEMA archive")
    orders.run("ALTER TABLE orders RENAME TO things")
    orders.run("ALTER TABLE things SET SCHEMA archive")
    orders.run("INSERT INTO archive.things VALUES (4, 'x')")

    assert [("things", None)] == reconcile(orders)

    orders.run("DELETE FROM archive.things WHERE id = 1")
    assert {"2", "3", "4"} == set(fold(orders))
    assert ("reset", None) not in told(orders)


def test_what_was_written_while_triggers_were_off_is_told_when_they_are_on(
    orders: Database,
) -> None:
    orders.run("ALTER TABLE orders DISABLE TRIGGER USER")
    orders.run("DELETE FROM orders WHERE id = 1")
    orders.run("INSERT INTO orders VALUES (9, 'untold')")
    ((_, problem),) = reconcile(orders)
    assert "switched off" in (problem or "")

    orders.run("ALTER TABLE orders ENABLE TRIGGER USER")

    assert [("orders", None)] == reconcile(orders)
    assert {"2", "3", "9"} == set(fold(orders))
    assert [] == reconcile(orders)
    as_replica(orders, "INSERT INTO orders VALUES (10, 'arrived')")
    orders.run("INSERT INTO orders VALUES (11, 'once')")
    assert [("created", "10"), ("created", "11")] == told(orders)[-2:]


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ("DROP TABLE orders", "public.orders is gone"),
        (
            f"DROP TABLE orders; CREATE TABLE orders {COLUMNS}",
            "public.orders was replaced",
        ),
        ("ALTER TABLE orders DROP CONSTRAINT orders_pkey", "the primary key of"),
        ("ALTER TABLE orders RENAME id TO number", "the primary key of"),
    ],
)
def test_what_can_not_be_mended_is_said_and_fails_nobody(
    orders: Database, change: LiteralString, sentence: str
) -> None:
    orders.run(change)

    ((_, problem),) = reconcile(orders)

    assert (problem or "").startswith(sentence)
    assert [] == reconcile(orders)
    if "DROP TABLE" not in change:
        orders.run("UPDATE orders SET status = 'still written'")
    orders.run("SELECT aviso.untrack(relation) FROM aviso.tracked")
    assert [] == orders.run("SELECT * FROM aviso.tracked")


def test_a_where_whose_column_is_gone_lets_nothing_out(database: Database) -> None:
    database.run(f"CREATE TABLE orders {COLUMNS}")
    database.run("SELECT aviso.track('orders', 'orders', '{id}', $$status = 'open'$$)")
    database.run("INSERT INTO orders VALUES (1, 'open')")
    database.run("ALTER TABLE orders DROP COLUMN status")

    database.run("INSERT INTO orders VALUES (2)")

    assert [("created", "1"), ("unavailable", None)] == told(database)
    ((_, problem),) = reconcile(database)
    assert "column status of public.orders is gone" in (problem or "")


def test_partitions_are_told_however_they_are_written(parted: Database) -> None:
    parted.run("INSERT INTO orders VALUES (1, 'parent'), (2, 'parent')")
    parted.run("INSERT INTO low VALUES (3, 'leaf')")
    parted.run("UPDATE low SET status = 'leaf too' WHERE id = 1")
    parted.run("DELETE FROM low WHERE id = 2")

    expected = [("created", "1"), ("created", "2"), ("created", "3")]
    assert [*expected, ("updated", "1"), ("deleted", "2")] == told(parted)


def test_partitions_that_come_and_go_are_reconciled(parted: Database) -> None:
    parted.run("INSERT INTO orders VALUES (1, 'low')")
    parted.run(
        "ALTER TABLE orders ATTACH PARTITION middle FOR VALUES FROM (100) TO (200)"
    )
    parted.run("INSERT INTO middle VALUES (1, 151, 'after')")
    assert {"1", "151"} == set(fold(parted))

    assert [("orders", None)] == reconcile(parted)
    assert {"1", "150", "151"} == set(fold(parted))
    assert ("reset", None) not in told(parted)

    parted.run("UPDATE orders SET id = 99 WHERE id = 151")
    assert {"1", "99", "150"} == set(fold(parted))
    parted.run("TRUNCATE low")
    assert {} == fold(parted)
    reconcile(parted)
    assert {"150"} == set(fold(parted))
    parted.run("ALTER TABLE orders DETACH PARTITION middle")
    assert [("orders", None)] == reconcile(parted)
    assert {} == fold(parted)
    parted.run("UPDATE middle SET status = 'no concern of ours'")
    assert {} == fold(parted)


def locked_of(connection: psycopg.Connection[Any]) -> set[str]:
    """The tables of `parted`, and of what is attached, that a session has locked."""
    found = connection.execute(
        "SELECT relation::regclass::text FROM pg_locks"
        " WHERE pid = pg_backend_pid() AND locktype = 'relation'"
        " AND relation::regclass::text IN ('orders', 'low', 'middle', 'high')"
    )
    return {name for (name,) in found}


def test_a_look_locks_nothing(parted: Database) -> None:
    """Else who alters the table and the relay that mends it wait for each other."""
    reconcile(parted)

    with psycopg.connect(parted.url) as looking:
        looking.execute("SELECT aviso.reconcile()")
        assert set() == locked_of(looking)


@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO low VALUES (1, 's')",
        "INSERT INTO low SELECT n, 's' FROM generate_series(1, 3) AS n",
        "INSERT INTO orders VALUES (1, 's')",
        "COPY low FROM PROGRAM 'printf \"1\\ts\\t1\\n\"'",
        "TRUNCATE low",
    ],
)
@pytest.mark.parametrize("role", ["origin", "replica"])
def test_who_writes_to_one_partition_locks_no_other(
    parted: Database, role: LiteralString, statement: LiteralString
) -> None:
    parted.run("CREATE TABLE high PARTITION OF orders FOR VALUES FROM (100) TO (200)")
    reconcile(parted)

    with psycopg.connect(parted.url) as writer:
        writer.execute(f"SET session_replication_role = {role}")
        writer.execute(statement)
        assert {"orders", "low"} >= locked_of(writer)


def test_partitions_of_partitions_are_found_and_no_children(database: Database) -> None:
    run = database.run
    run("CREATE TABLE orders (id int PRIMARY KEY) PARTITION BY RANGE (id)")
    run("CREATE TABLE low PARTITION OF orders FOR VALUES FROM (0) TO (9)")
    run(
        "CREATE TABLE middle PARTITION OF orders FOR VALUES FROM (9) TO (99)"
        " PARTITION BY RANGE (id)"
    )
    run("CREATE TABLE high PARTITION OF middle FOR VALUES FROM (50) TO (99)")
    run("CREATE TABLE mother (id int); CREATE TABLE child () INHERITS (mother)")

    found = [
        database.value("SELECT aviso.find_leaves(%s)::text[]", name)
        for name in ("orders", "middle", "low", "mother")
    ]

    assert [["low", "middle", "high"], ["high"], [], []] == found


@pytest.mark.parametrize("after", ["", "DROP TABLE orders"])
def test_a_partition_that_was_detached_is_nobodys_before_anybody_noticed(
    parted: Database, after: LiteralString
) -> None:
    parted.run("INSERT INTO orders VALUES (1, 'low')")
    parted.run("ALTER TABLE orders DETACH PARTITION low")

    parted.run("INSERT INTO low VALUES (2, 'apart')")
    parted.run("TRUNCATE low")
    assert [("created", "1")] == told(parted)

    parted.run(after)
    parted.run("SELECT aviso.untrack(relation) FROM aviso.tracked")
    triggers = "SELECT tgname FROM pg_trigger WHERE tgrelid = 'low'::regclass"
    assert [] == parted.run(triggers)


def test_a_partition_that_is_emptied_before_anybody_noticed_it_leaves_nothing(
    parted: Database,
) -> None:
    parted.run(
        "ALTER TABLE orders ATTACH PARTITION middle FOR VALUES FROM (100) TO (200)"
    )
    parted.run("INSERT INTO orders VALUES (1, 'low'), (151, 'after')")
    parted.run("TRUNCATE middle")

    reconcile(parted)

    assert {"1"} == set(fold(parted))


def test_a_partition_that_its_first_transaction_empties_is_told_until_tracked_anew(
    parted: Database,
) -> None:
    """PostgreSQL empties it in place: no trigger, and no file that says so."""
    with psycopg.connect(parted.url) as connection:
        connection.execute(
            "CREATE TABLE high PARTITION OF orders FOR VALUES FROM (200) TO (300)"
        )
        connection.execute("INSERT INTO orders VALUES (1, 'low'), (201, 'high')")
        connection.execute("TRUNCATE high")

    assert [("orders", None)] == reconcile(parted)
    assert {"1", "201"} == set(fold(parted))

    parted.run("SELECT aviso.track('orders', 'orders', '{id,status}')")
    reconcile(parted)
    assert {"1"} == set(fold(parted))


def test_rows_that_arrive_by_replication_are_told_each_once(pair: Pair) -> None:
    for database in (pair.source, pair.target):
        database.run(f"CREATE TABLE orders {COLUMNS}")
        database.run("SELECT aviso.track('orders', 'orders', '{id,status}')")
    pair.source.run("INSERT INTO orders VALUES (1, 'copied'), (2, 'copied')")
    pair.replicate("orders")

    pair.source.run("INSERT INTO orders VALUES (3, 'applied')")
    pair.source.run("UPDATE orders SET status = 'changed' WHERE id = 1")
    pair.source.run("UPDATE orders SET total = 1")
    pair.source.run("UPDATE orders SET id = 20 WHERE id = 2")
    pair.source.run("DELETE FROM orders WHERE id = 3")
    pair.wait()
    assert told(pair.source) == told(pair.target)
    assert 7 == len(told(pair.target))

    pair.source.run("TRUNCATE orders")
    pair.wait()
    assert ("reset", None) == told(pair.target)[-1]


@pytest.mark.parametrize("columns", ["{id,status,total}", "{id,status}"])
def test_a_where_that_a_new_type_breaks_is_said_until_it_is_mended(
    database: Database, columns: str
) -> None:
    run = database.run
    run(f"CREATE TABLE orders {COLUMNS}")
    run("SELECT aviso.track('orders', 'orders', %s, 'total > 50')", columns)
    run("INSERT INTO orders VALUES (1, 's', 51), (2, 's', 50)")

    run("ALTER TABLE orders ALTER total TYPE text")
    ((_, problem),) = reconcile(database)
    assert problem is not None
    assert "another type" in problem
    assert "operator does not exist" in problem
    # Nor is the table locked again and again, which somebody else would wait for.
    with psycopg.connect(database.url) as reader:
        reader.execute("SELECT FROM orders")
        assert [] == reconcile(database)
    run("INSERT INTO orders VALUES (3, 's', '52')")

    run("ALTER TABLE orders ALTER total TYPE numeric USING total::numeric")
    assert [("orders", None)] == reconcile(database)
    assert {"1", "3"} == set(fold(database))


def reconcile_beside(
    database: Database, table: LiteralString, change: LiteralString
) -> list[tuple[str, str | None]]:
    """Reconcile, and change the table while that waits for it."""
    waiting = (
        "SELECT pid FROM pg_locks WHERE relation = %s::regclass"
        " AND mode = 'AccessExclusiveLock' AND NOT granted"
    )
    with psycopg.connect(database.url) as writer, ThreadPoolExecutor(1) as threads:
        writer.execute(f"LOCK TABLE ONLY {table} IN ROW SHARE MODE")
        looked = threads.submit(reconcile, database)
        eventually(lambda: database.run(waiting, table))
        writer.execute(change)
        writer.commit()
        return looked.result(PATIENCE_S)


def test_a_type_that_changes_while_its_table_is_waited_for_is_noticed(
    database: Database,
) -> None:
    database.run(f"CREATE TABLE orders {COLUMNS}")
    database.run("SELECT aviso.track('orders', 'orders', '{id}', 'total > 50')")
    database.run("DROP TRIGGER aviso_inserted ON orders")

    change: LiteralString = "ALTER TABLE orders ALTER total TYPE text"
    ((_, problem),) = reconcile_beside(database, "orders", change)

    assert problem is not None
    assert "operator does not exist" in problem
    database.run("ALTER TABLE orders ALTER total TYPE numeric USING total::numeric")
    assert [("orders", None)] == reconcile(database)


def test_a_partition_that_goes_while_its_table_is_waited_for_leaves_nothing(
    parted: Database,
) -> None:
    parted.run("INSERT INTO orders VALUES (1, 'low')")
    parted.run("ALTER TABLE orders RENAME TO others")

    seen = reconcile_beside(parted, "others", "ALTER TABLE others DETACH PARTITION low")

    assert [("others", None)] == seen
    assert {} == fold(parted)


def test_what_is_well_again_when_its_table_was_waited_for_is_left_alone(
    orders: Database,
) -> None:
    orders.run("ALTER TABLE orders RENAME TO others")
    before = told(orders)

    assert [] == reconcile_beside(
        orders, "others", "ALTER TABLE others RENAME TO orders"
    )
    assert before == told(orders)


def test_a_key_that_goes_while_its_table_is_waited_for_is_said(
    orders: Database,
) -> None:
    orders.run("ALTER TABLE orders RENAME TO others")

    change: LiteralString = "ALTER TABLE others DROP CONSTRAINT orders_pkey"
    ((_, problem),) = reconcile_beside(orders, "others", change)

    assert problem is not None
    assert "primary key" in problem


@pytest.mark.parametrize(
    "rewrite",
    [
        "ALTER TABLE orders ALTER status TYPE text USING upper(status)",
        "ALTER TABLE orders ALTER total TYPE numeric USING total + 1",
    ],
)
def test_a_column_that_is_written_anew_with_its_own_type_is_noticed(
    orders: Database, rewrite: LiteralString
) -> None:
    orders.run("VACUUM FULL orders")
    assert [] == reconcile(orders)

    orders.run(rewrite)

    assert [("orders", None)] == reconcile(orders)
    assert ("reset", None) in told(orders)
    rows = orders.run("SELECT id::text, to_jsonb(orders)::text FROM orders")
    assert {key: json.loads(row) for key, row in rows} == fold(orders)
    assert [] == reconcile(orders)


def test_a_table_whose_file_or_declarations_alone_are_others_is_left_alone(
    orders: Database,
) -> None:
    before = told(orders)

    orders.run("VACUUM FULL orders")
    assert [] == reconcile(orders)
    orders.run("ALTER TABLE orders ALTER status SET DEFAULT 'new'")
    assert [] == reconcile(orders)
    orders.run("ALTER TABLE orders ADD at timestamptz DEFAULT clock_timestamp()")
    assert [] == reconcile(orders)

    assert before == told(orders)


def test_a_new_type_of_the_column_that_names_the_feeds_is_noticed(
    database: Database,
) -> None:
    run = database.run
    run("CREATE TABLE orders (id bigint PRIMARY KEY, tenant int)")
    run("SELECT aviso.track('orders', 'of-{tenant}', '{id}')")
    run("INSERT INTO orders VALUES (1, 7)")

    run("ALTER TABLE orders ALTER tenant TYPE text")
    assert [("orders", None)] == reconcile(database)
    run("INSERT INTO orders VALUES (2, '7')")

    listed = "SELECT subject FROM aviso.list_rows('of-7', NULL, false, 9, 9)"
    found = [subject for (subject,) in run(listed) if subject is not None]
    assert ["2", "1"] == found
    assert {"1", "2"} == set(fold(database, "of-7"))
